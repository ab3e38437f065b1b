"""Tests that integer class scores order every attainable pair as the model's floats do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bnnhw.errors import ModelError
from bnnhw.importers.scores import integer_scores


def sums(fan_in: int, classes: int) -> np.ndarray:
    return np.repeat(2 * np.arange(fan_in + 1)[:, None] - fan_in, classes, axis=1)


def test_common_positive_scale_needs_no_layer() -> None:
    acc = sums(64, 10)
    fold = integer_scores(acc, (acc * np.float32(0.041) - np.float32(1.2)).astype(np.float32), "n")
    assert fold.identity
    assert fold.ties == 0
    assert fold.fraction_bits == -1


CLASSES = st.lists(st.tuples(st.floats(-2, 3, width=32), st.floats(-9, 9, width=32)), min_size=1,
                   max_size=5)
"""Scale and offset of each class."""


@given(st.integers(1, 20), CLASSES)
def test_order_of_all_pairs_is_kept(fan_in: int, drawn: list[tuple[float, float]]) -> None:
    classes = len(drawn)
    acc = sums(fan_in, classes)
    scale, offset = np.array(drawn, dtype=np.float32).T
    table = (acc.astype(np.float32) * scale + offset).astype(np.float32)
    try:
        fold = integer_scores(acc, table, "n")
    except ModelError:  # no integers of 30 fraction bits have this order
        assume(False)
    scores = acc * fold.scale + fold.offset
    for k in range(classes):
        for other in range(classes):
            float_less = table[:, k][:, None] < table[:, other][None, :]
            int_less = scores[:, k][:, None] < scores[:, other][None, :]
            equal = table[:, k][:, None] == table[:, other][None, :]
            assert (float_less <= int_less).all()
            if fold.ties == 0 and k != other:
                int_equal = scores[:, k][:, None] == scores[:, other][None, :]
                assert (equal == int_equal).all()


def test_negative_common_scale_is_kept() -> None:
    acc = sums(8, 3)
    fold = integer_scores(acc, -0.5 * acc.astype(np.float64), "n")
    assert (fold.scale < 0).all()


def test_ties_of_floats_alone_are_counted() -> None:
    acc = sums(8, 2)
    table = acc * 1.0
    table[4, 1] = table[4, 0]
    fold = integer_scores(acc + np.array([0, 0]), table, "n")
    assert fold.ties == 0  # the integers tie there too
    coarse = np.floor(acc * np.array([1.0, 1.1]))
    assert integer_scores(acc, coarse, "n").ties > 0


def test_nonlinear_scores_are_rejected() -> None:
    acc = sums(8, 2)
    with pytest.raises(ModelError, match="scores do not follow"):
        integer_scores(acc, np.stack([acc[:, 0] ** 3, acc[:, 0] * 2.0], axis=1), "node")


def test_differences_within_noise_are_ignored() -> None:
    """Values that differ by float rounding only may be equal integers; all others may not."""
    acc = np.arange(50, dtype=np.int64)[:, None] * np.ones((1, 3), np.int64)
    table = ((acc * np.array([1, 1, 1]) + np.array([0, 1e-6, -1e-6])) / 49).astype(np.float32)
    fold = integer_scores(acc, table, "node", noise=1e-6)
    assert fold.identity
    apart = integer_scores(acc, table, "node")
    assert not apart.identity
    assert apart.scale[0] * 49 < 1 << 40
    with pytest.raises(ModelError, match="closely enough"):
        integer_scores(acc, np.where(acc == 7, 99, table), "node", noise=1e-6)
