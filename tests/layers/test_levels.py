"""Tests the number of thresholds that integers reach, for few and for many thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from bnnhw.layers.levels import FEW, count_passed


@pytest.mark.parametrize("shape", [(7, 5), (3, 4, 2, 5), (0, 5), (5,)])
@pytest.mark.parametrize("levels", [1, 3, FEW, FEW + 1, 255])
def test_each_threshold_is_counted(levels: int, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(levels)
    x = random.integers(-40, 41, shape)
    thresholds = np.sort(random.integers(-40, 41, (5, levels)), axis=1)  # some are equal
    expected = (x[..., None] >= thresholds).sum(axis=-1)
    found = count_passed(x, thresholds)
    assert found.dtype == np.int64
    assert np.array_equal(found, expected)


def test_memory_does_not_grow_with_the_thresholds() -> None:
    import tracemalloc

    x, thresholds = np.zeros((1 << 16, 8), dtype=np.int64), np.tile(np.arange(255), (8, 1))
    tracemalloc.start()
    count_passed(x, thresholds)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * x.nbytes
