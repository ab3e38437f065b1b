"""Windows and paddings, checked against the map that they apply to."""

from __future__ import annotations

import numpy as np

from bnnhw.config.arrays import Arrays, RandomArrays
from bnnhw.config.items import WindowItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Bits
from bnnhw.ir.window import Window

__all__ = ["MAX_PATTERN", "build_padding", "build_window", "check_window", "rows_and_columns"]

MAX_PATTERN = 1 << 16
"""Maximum number of elements of a padding pattern."""

Pair = tuple[int, int]


def rows_and_columns(value: int | Pair, at: LayerContext) -> Pair:
    """Expand one number to rows and columns; a signal has one column."""
    if isinstance(value, int):
        return (value, 1) if len(at.type.shape) == 2 else (value, value)
    return value


def build_window(item: WindowItem, kernel: int | Pair, stride: int | Pair,
                 at: LayerContext) -> Window:
    """Build the window of a convolution or a pool; it must fit the padded map."""
    if len(at.type.shape) not in (2, 3):
        raise at.error(f"'{at.source}' gives {at.type}, expected a map [H, W, C] or a signal "
                       "[T, C]", "put the layers that need a map before 'flatten', and see "
                       "'input.shape'")
    size, step, dilation = (rows_and_columns(v, at) for v in (kernel, stride, item.dilation))
    if len(at.type.shape) == 2 and size[1] != 1:
        raise at.error(f"a signal's window has one column, not {size[1]}", "give one number")
    bare = Window(size, step, dilation)
    found = Window(size, step, dilation, _pads(item.pad, bare, at))
    height, width, channels = at.type.map
    rows, columns = found.padded_size(height, width)
    at.check_size("elements with their padding", rows, columns, channels)
    if min(found.out_size(height, width)) < 1:
        raise at.error(f"a window that spans {found.reach[0]}x{found.reach[1]} is larger than "
                       f"the padded input {rows}x{columns}", "pad it, or make it smaller")
    return found


def check_window(layer: Layer, window: Window) -> None:
    """Raise ``ModelError`` unless a window fits the map or the signal that a layer reads."""
    if len(layer.input.shape) not in (2, 3):
        raise layer.error(f"reads a tensor of shape {layer.input.shape}, expected a map "
                          "[H, W, C] or a signal [T, C]")
    if len(layer.input.shape) == 2 and not window.one_column:
        raise layer.error("a signal's window has one column, without padding left and right")
    height, width, _ = layer.input.map
    if min(window.out_size(height, width)) < 1:
        rows, columns = window.padded_size(height, width)
        raise layer.error(f"a window that spans {window.reach[0]}x{window.reach[1]} is larger "
                          f"than the padded input {rows}x{columns}")


def _pads(pad: int | Pair | tuple[int, int, int, int] | str | None, bare: Window,
          at: LayerContext) -> tuple[int, int, int, int]:
    """Rows and columns to add on top, left, bottom and right."""
    signal = len(at.type.shape) == 2
    if pad is None:
        return 0, 0, 0, 0
    if pad == "causal":
        if not signal:
            raise at.error(f"'pad: causal' is for signals [T, C], not for {at.type}",
                           "use same, or [top, left, bottom, right]")
        return bare.reach[0] - 1, 0, 0, 0
    if pad == "same":
        ends = [_same(size, reach, stride) for size, reach, stride in
                zip(at.type.map, bare.reach, bare.stride, strict=False)]
        return ends[0][0], ends[1][0], ends[0][1], ends[1][1]
    assert not isinstance(pad, str)
    if isinstance(pad, int):
        pad = (pad, 0 if signal else pad)
    if len(pad) == 2:
        pad = (*pad, *pad)
    if signal and (pad[1] or pad[3]):
        raise at.error("a signal has no columns to pad",
                       "give one number, or [top, 0, bottom, 0]")
    return pad


def _same(size: int, reach: int, stride: int) -> Pair:
    """Split the padding for ``ceil(size / stride)`` outputs; an odd pixel is added at the end."""
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def build_padding(value: int | str | None, window: Window, at: LayerContext,
                  arrays: Arrays) -> tuple[np.ndarray, bool]:
    """Determine the values of the input outside the map.

    ``value`` is that of the key ``pad_value``.

    Returns
    -------
    pad : int64 [PH, PW, PC]
        As stored: bits 0 and 1 for -1 and +1.
    absent : bool
        The values are exact zeros among -1/+1 bits.
    """
    element = at.type.element
    signs = element.bipolar
    if value == "pattern":
        return _pattern(at, arrays, signs), False
    if value == "checker":
        if not isinstance(element, Bits):
            raise at.error("'pad_value: checker' is for bits",
                           "for integers give a number, or a pattern")
        return np.indices((2, 2, 2)).sum(axis=0).astype(np.int64) & 1, False
    if value == "zero" and signs:
        return np.zeros((1, 1, 1), np.int64), True
    if value is None and not window.padded:
        return np.full((1, 1, 1), min(max(0, element.lo), element.hi), np.int64), False
    if value is None and signs:
        raise at.error("pads -1/+1 bits without 'pad_value'", "write 'pad_value: -1', '1', or "
                       "'zero' for exact zeros, as the network was trained")
    number = value if isinstance(value, int) else 0
    if signs:
        if number not in (-1, 1):
            raise at.error(f"'pad_value: {number}' is none of -1/+1 bits",
                           "'pad_value: zero' pads them with exact zeros")
        number = (number + 1) // 2
    elif not element.lo <= number <= element.hi:
        raise at.error(f"pads with {number}, but '{at.source}' gives {at.type}",
                       f"choose a 'pad_value' of {element.lo}..{element.hi}")
    return np.full((1, 1, 1), number, np.int64), False


def _pattern(at: LayerContext, arrays: Arrays, signs: bool) -> np.ndarray:
    key = f"{at.name}.pad"
    if isinstance(arrays, RandomArrays):
        return arrays.within(at.type.element.lo, at.type.element.hi, (2, 2, at.type.channels))
    shape = arrays.shape(key)
    if len(shape) != 3 or not 1 <= np.prod([float(n) for n in shape]) <= MAX_PATTERN:
        raise at.error(f"array '{key}' has shape {shape}, expected [rows, columns, channels]",
                       "a pattern that repeats, counted from pixel (0, 0)")
    pad = arrays.bits(key, shape).astype(np.int64) if signs else arrays.integers(key, shape)
    element = at.type.element
    if pad.min() < element.lo or pad.max() > element.hi:
        raise at.error(f"array '{key}' has values of {int(pad.min())}..{int(pad.max())}, expected "
                       f"{element.lo}..{element.hi}")
    return pad
