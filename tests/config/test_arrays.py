"""Tests the errors for arrays of the weight file, such as a missing transposition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw.config.weight_file import WeightFile
from bnnhw.errors import ConfigError


@pytest.mark.parametrize(("given", "shape", "hint"), [
    ((16, 3, 5, 4), (16, 5, 4, 3), r"w.transpose\(0, 2, 3, 1\)"),   # PyTorch
    ((5, 4, 3, 16), (16, 5, 4, 3), r"w.transpose\(3, 0, 1, 2\)"),   # Keras
    ((16, 3, 5), (16, 5, 3), r"w.transpose\(0, 2, 1\)"),            # Conv1d of PyTorch
    ((5, 3, 16), (16, 5, 3), r"w.transpose\(2, 0, 1\)"),            # Conv1D of Keras
    ((6, 4), (4, 6), r"w.transpose\(1, 0\)"),                       # Dense of Keras
])
def test_weights_in_the_layout_of_a_framework(given: tuple[int, ...], shape: tuple[int, ...],
                                              hint: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"a.weights": np.ones(given)})
    with pytest.raises(ConfigError, match=rf"has shape .* expected .*; .*{hint}"):
        WeightFile(tmp_path, "w.npz").bits("a.weights", shape)


def test_other_shapes_have_no_such_hint(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"a.weights": np.ones((4, 7))})
    with pytest.raises(ConfigError) as error:
        WeightFile(tmp_path, "w.npz").bits("a.weights", (4, 6))
    assert error.value.hint is None
