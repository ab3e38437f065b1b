"""Start values of accumulators: constants, thresholds and borders, folded into one number."""

from __future__ import annotations

import numpy as np

from bnnhw.ir.types import plane_offset
from bnnhw.layers import Conv, Product
from bnnhw.rtl.positions import Places

__all__ = ["border_places", "start_values"]


def border_places(layer: Product) -> tuple[np.ndarray | None, Places | None]:
    """Classes of positions that the border treats alike.

    Returns
    -------
    border : int64 [classes, out] or None
        What each class adds.
    places : Places or None
    """
    border = layer.border()
    if border is None:
        return None, None
    assert isinstance(layer, Conv)
    height, width, _ = layer.input.map
    oh, ow = layer.window.out_size(height, width)
    rows, columns = layer.window.rows(oh), layer.window.columns(ow)
    row_class, row_at = _classes((rows < 0) | (rows >= height))
    column_class, column_at = _classes((columns < 0) | (columns >= width))
    by_place = border.reshape(oh, ow, -1)[np.ix_(row_at, column_at)]
    return by_place.reshape(-1, layer.outputs), Places(row_class, column_class)


def _classes(absent: np.ndarray) -> tuple[tuple[int, ...], list[int]]:
    """Number patterns in order of their first place; returns them and those places."""
    numbers: dict[bytes, int] = {}
    first: list[int] = []
    classes = []
    for k, pattern in enumerate(absent):
        key = pattern.tobytes()
        if key not in numbers:
            numbers[key] = len(numbers)
            first.append(k)
        classes.append(numbers[key])
    return tuple(classes), first


def start_values(layer: Product, threshold: bool, pad_columns: int) -> np.ndarray:
    """Where the accumulators begin: int64 ``[classes, rows + 1]``; the last one is for padding.

    With a threshold that is the constant less the threshold, brought into the range in which it
    makes a difference, so that the sign bit at the end is the answer; a padded row gives 0.
    Padded columns hold a 0 that signed integers count as their plane offset; it is taken off.
    """
    border, _ = border_places(layer)
    const = layer.const + (0 if border is None else border)
    const = np.atleast_2d(const)
    never = -sum(layer.coefficients) * layer.fan_in - 1
    if threshold:
        assert layer.thresholds is not None
        starts = np.clip(const - layer.thresholds[:, 0], never, 0)
        pad = never
    else:
        starts, pad = const, 0
    excess = pad_columns * plane_offset(layer.input.element) * layer.coefficients[0]
    full = np.concatenate([starts, np.full((len(starts), 1), pad)], axis=1)
    return np.asarray(full - excess, dtype=np.int64)
