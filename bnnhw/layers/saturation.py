"""Saturation: clips the results of additions and affine layers to limits, where they have some."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Int
from bnnhw.json_types import Json

__all__ = ["check_limits", "parse_limits", "saturate", "saturated_range"]


def check_limits(layer: Layer, limits: tuple[int, int] | None) -> None:
    """Raise ``ModelError`` unless the lower limit is the first."""
    if limits is not None and limits[0] > limits[1]:
        raise layer.error(f"saturates at {limits[0]}..{limits[1]}, expected the lower limit first")


def saturated_range(low: int, high: int, limits: tuple[int, int] | None) -> Int:
    """Range of results that are ``low`` to ``high`` before they are clipped."""
    if limits is not None:
        low, high = (min(max(end, limits[0]), limits[1]) for end in (low, high))
    return Int(low, high)


def saturate(y: np.ndarray, limits: tuple[int, int] | None) -> np.ndarray:
    """Clip results to their limits."""
    return y if limits is None else np.clip(y, *limits)


def parse_limits(params: Json) -> tuple[int, int] | None:
    """Convert the parameter ``limits`` of a layer back from JSON."""
    limits = params.get("limits")
    return None if limits is None else (int(limits[0]), int(limits[1]))
