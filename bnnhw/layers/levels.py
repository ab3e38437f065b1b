"""Thresholds of a layer: their checks, and the type of the levels that they give."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Bits, Element, Int

__all__ = ["check_thresholds", "count_passed", "level_type"]

FEW = 16
"""Number of thresholds up to which each one is compared; more are searched."""


def check_thresholds(layer: Layer, thresholds: np.ndarray, channels: int) -> None:
    """Raise ``ModelError`` unless thresholds are ``[channels, J]`` and ascend along J."""
    if thresholds.ndim != 2 or thresholds.shape[0] != channels or thresholds.shape[1] < 1:
        raise layer.error(f"thresholds must have shape ({channels}, J), not {thresholds.shape}")
    if (np.diff(thresholds, axis=1) < 0).any():
        raise layer.error("thresholds of a channel must ascend")


def level_type(thresholds: np.ndarray, unipolar: bool) -> Element:
    """Type of the output of thresholds ``[C, J]``: bits for J = 1, integers 0..J for more."""
    levels = int(thresholds.shape[1])
    return Bits(unipolar=unipolar) if levels == 1 else Int(0, levels)


def count_passed(x: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Count thresholds that each integer reaches: ``[..., C]``, ``[C, J]`` -> int64 ``[..., C]``.

    Memory is proportional to ``x``, whatever J is. Thresholds ascend along J.
    """
    passed = np.zeros(x.shape, dtype=np.int64)
    if thresholds.shape[1] <= FEW:
        for level in thresholds.T:
            passed += x >= level
        return passed
    for c, row in enumerate(thresholds):
        passed[..., c] = np.searchsorted(row, x[..., c], side="right")
    return passed
