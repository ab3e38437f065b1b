"""Writes the parameters of layers as values of layers.yaml."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnhw.ir.types import TensorType
from bnnhw.ir.window import Window

__all__ = ["describe_levels", "describe_pair", "describe_window", "smallest_integers",
           "window_words"]


def smallest_integers(array: np.ndarray) -> np.ndarray:
    """Convert integers to int32 where all values fit, else to int64."""
    narrow = array.astype(np.int32)
    return narrow if (narrow == array).all() else array.astype(np.int64)


def describe_levels(thresholds: np.ndarray) -> tuple[dict[str, object], np.ndarray]:
    """Describe thresholds ``[C, J]`` by the key ``levels`` and their array."""
    levels = thresholds.shape[1]
    array = smallest_integers(thresholds)
    return ({"levels": levels}, array) if levels > 1 else ({}, array[:, 0])


def describe_pair(pair: tuple[int, int], type_: TensorType) -> int | list[int]:
    """Describe rows and columns by one number where it means the same for this input type."""
    rows, columns = pair
    return rows if columns == (1 if len(type_.shape) == 2 else rows) else [rows, columns]


def describe_window(window: Window, type_: TensorType,
                    stride: tuple[int, int]) -> dict[str, object]:
    """Describe all of a window but its kernel; ``stride`` is the one that needs no key."""
    item: dict[str, Any] = {}
    if window.stride != stride:
        item["stride"] = describe_pair(window.stride, type_)
    if window.dilation != (1, 1):
        item["dilation"] = describe_pair(window.dilation, type_)
    if window.padded:
        item["pad"] = window.pads[0] if len(set(window.pads)) == 1 else list(window.pads)
    return item


def window_words(window: Window) -> str:
    """Name the size, the stride and the dilation of a window in a sentence."""
    text = f"windows of {window.kernel[0]}x{window.kernel[1]}"
    if window.stride != (1, 1):
        text += f", stride {window.stride[0]}x{window.stride[1]}"
    if window.dilation != (1, 1):
        text += f", dilation {window.dilation[0]}x{window.dilation[1]}"
    return text
