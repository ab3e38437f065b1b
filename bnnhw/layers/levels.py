"""Thresholds of a layer: their checks, and the type of the levels that they give."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Bits, Element, Int

__all__ = ["check_thresholds", "level_type"]


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
