"""Parameters of the sliding window unit: the order in which a line buffer is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from bnnhw.dataflow.params import BufferParams, Memory, register_unit
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import WindowBlock
from bnnhw.dataflow.units.sliding_window.component import READ_LATENCY, WRITE_LATENCY, WindowBuffer
from bnnhw.families import Device
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Window

__all__ = ["Pad", "WindowParams", "depth_to_space_params", "pad_words", "released_words",
           "upsample_params", "window_params"]

Loops = tuple[tuple[int, int, int, int, int], ...]
Pad = tuple[int, int, tuple[int, ...]]


@register_unit
@dataclass(frozen=True)
class WindowParams(BufferParams[None]):
    """A line buffer and the nest of loops that reads it.

    Serves convolutions, pools, and the repetition of pixels by an upsampling.

    Parameters
    ----------
    loops : tuple of (count, word step, row step, column step, step in words of a pixel)
        The outermost loop first.
    map : (int, int, int)
        Rows and columns of the map, and words per pixel.
    start : (int, int)
        Row and column at which the first window begins; negative in the padding.
    outer_rows : int
        Rows of the map from one iteration of the outermost loop to the next.
    pad : tuple of (int, int, tuple of int) or None
        Rows and columns of the padding's pattern, powers of two, and the word of each (row, column,
        word of a pixel) of it, the last index fastest; None without padding.
    style : str
        Kind of memory, see ``rom.RAM_STYLES``.
    """

    loops: Loops
    map: tuple[int, int, int]
    start: tuple[int, int]
    outer_rows: int
    pad: Pad | None
    style: str = "auto"

    kind: ClassVar[str] = "window"

    def round_depth(self, depth: int) -> int:
        """Round up to 2, so that there is an address."""
        return max(depth, 2)

    def with_storage(self, device: Device) -> Self:
        return replace(self, style=device.memory.ram_style(self.words_held, self.i.bits))

    @property
    def latency(self) -> int:
        return WRITE_LATENCY + READ_LATENCY

    @property
    def first_word(self) -> int:
        """Word of the map at which the first window begins; negative in the padding."""
        return (self.start[0] * self.map[1] + self.start[1]) * self.map[2]

    def releases(self) -> tuple[int, ...]:
        """Words whose space becomes free after each iteration of the outermost loop."""
        height, width, words = self.map
        return released_words(self.loops[0][0], self.outer_rows, self.start[0], height,
                              width * words)

    def positions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Row, column and word of the pixel that each output word reads."""
        row = column = word = np.zeros(1, dtype=np.int64)
        for count, _, row_step, column_step, word_step in self.loops:
            n = np.arange(count)
            row = (row[:, None] + n * row_step).ravel()
            column = (column[:, None] + n * column_step).ravel()
            word = (word[:, None] + n * word_step).ravel()
        return row + self.start[0], column + self.start[1], word

    def order(self) -> np.ndarray:
        """Word of the frame that each output word shows; -1 for padding."""
        height, width, words = self.map
        row, column, word = self.positions()
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.where(inside, (row * width + column) * words + word, -1)

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        order, (row, column, word) = self.order(), self.positions()
        found = words[0][:, np.maximum(order, 0)]
        if self.pad is None:
            return found
        rows, columns, packed = self.pad
        pattern = replace(self.i, groups=len(packed) // self.i.group_words).unpack(list(packed))
        index = (row % rows * columns + column % columns) * self.map[2] + word
        return np.where(order[:, None] < 0, pattern[0, index], found)

    def create(self, constants: None = None, module_name: str = "unit") -> WindowBuffer:
        return WindowBuffer(self, module_name)

    def token_model(self) -> WindowBlock:
        need = self.order()
        need[-1] = self.i.words - 1  # the last step waits for the entire frame
        outer = self.loops[0][0]
        last_step = (np.arange(outer) + 1) * (len(need) // outer) - 1
        return WindowBlock(need, np.repeat(last_step, self.releases()), WRITE_LATENCY,
                           READ_LATENCY, self.depth)

    def summary(self) -> dict[str, object]:
        row = self.map[1] * self.map[2]
        return {"depth": self.depth, "row_words": row,
                "rows": None if self.depth is None else round(self.depth / row, 2)}

    def features(self) -> dict[str, float]:
        bits = self.i.words.bit_length()
        return {"unit": 1, "out": self.o.bits, "address": bits + self.map[1].bit_length(),
                "loops": len(self.loops), "pad": 0 if self.pad is None else self.o.bits + 4 * bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("lines", self.words_held, self.i.bits, self.style, True),)


def released_words(outer: int, rows: int, start: int, height: int,
                   row_words: int) -> tuple[int, ...]:
    """Words whose space becomes free after each output row.

    These are the words above the next row's window, and after the last row all that remain.

    Parameters
    ----------
    outer, rows, start : int
        Output rows, input rows from one output row to the next, and the first input row of the
        first window.
    height, row_words : int
        Rows of the map, and words per row.
    """
    ends = [height if k == outer - 1 else min(max((k + 1) * rows + start, 0), height)
            for k in range(outer)]
    return tuple(int(r) * row_words for r in np.diff([0, *ends]))


def pad_words(pad: np.ndarray, channels: int, stream: StreamPlan,
              window: Window) -> Pad | None:
    """Words of a padding pattern ``[PH, PW, PC]``; None where windows never reach outside.

    Raises
    ------
    ValueError
        A period is no power of two, so that address bits cannot select the pattern.
    """
    if not window.padded:
        return None
    ph, pw, pc = pad.shape
    if ph & (ph - 1) or pw & (pw - 1):
        raise ValueError(f"the padding's pattern repeats every {ph} rows and {pw} columns, "
                         "expected powers of two")
    full = pad[:, :, np.arange(channels) % pc].reshape(ph * pw * (channels // stream.elements),
                                                       stream.elements)
    words = [channel_words(pixel, stream.lanes) for pixel in full]
    return ph, pw, tuple(pack_integers(np.concatenate(words), stream.width))


def window_params(i: StreamPlan, window: Window, size: tuple[int, int], pad: Pad | None,
                  channel_outer: bool = False, repeats: int = 1) -> WindowParams:
    """Describe the windows of a map whose groups (of a pixel) are those of stream ``i``.

    Parameters
    ----------
    i : StreamPlan
    window : Window
    size : (int, int)
        Rows and columns of the map.
    pad : tuple or None
        Padding, see ``pad_words``.
    channel_outer : bool
        True: all taps of a word of channels, then those of the next word (depthwise). False: all
        words of a group at a tap, then the next tap; groups one after the other.
    repeats : int
        How often each window of a group is emitted before the next one.
    """
    height, width = size
    words = i.groups * i.group_words // (height * width)
    per_group = i.group_words
    oh, ow = window.out_size(height, width)
    (kh, kw), (sy, sx), (dy, dx) = window.kernel, window.stride, window.dilation
    positions = [(oh, sy * width * words, sy, 0, 0), (ow, sx * words, 0, sx, 0)]
    taps = [(kh, dy * width * words, dy, 0, 0), (kw, dx * words, 0, dx, 0)]
    if channel_outer:
        loops = [*positions, (words, 1, 0, 0, 1), *taps]
    else:
        loops = [*positions, (words // per_group, per_group, 0, 0, per_group),
                 (repeats, 0, 0, 0, 0), *taps, (per_group, 1, 0, 0, 1)]
    vectors = oh * ow * (words // per_group) * repeats
    o = replace(i, groups=vectors * window.taps)
    return WindowParams(i, o, _shorten(loops), (height, width, words),
                        (-window.pads[0], -window.pads[1]), sy, pad)


def upsample_params(i: StreamPlan, size: tuple[int, int],
                    factors: tuple[int, int]) -> WindowParams:
    """Describe the repetition of each pixel of a map of ``size`` rows and columns."""
    height, width = size
    words = i.words // (height * width)
    loops = [(height, width * words, 1, 0, 0), (factors[0], 0, 0, 0, 0),
             (width, words, 0, 1, 0), (factors[1], 0, 0, 0, 0), (words, 1, 0, 0, 1)]
    o = replace(i, groups=i.groups * math.prod(factors))
    return WindowParams(i, o, _shorten(loops), (height, width, words), (0, 0), 1, None)


def depth_to_space_params(i: StreamPlan, size: tuple[int, int], factors: tuple[int, int],
                          channels_first: bool = False) -> WindowParams:
    """Describe how the channels of each pixel become a block of pixels.

    Parameters
    ----------
    i : StreamPlan
        A group is one pixel of a block.
    size, factors : (int, int)
        Rows and columns of the map, and of a block.
    channels_first : bool
        The input has all pixels of the block for one channel, then those of the next channel;
        words have one lane.
    """
    height, width = size
    rows, columns = factors
    words, small = i.words // (height * width), i.group_words
    down, right, along = (columns, 1, rows * columns) if channels_first else \
        (columns * small, small, 1)
    loops = [(height, width * words, 1, 0, 0), (rows, down, 0, 0, down), (width, words, 0, 1, 0),
             (columns, right, 0, 0, right), (small, along, 0, 0, along)]
    return WindowParams(i, i, _shorten(loops), (height, width, words), (0, 0), 1, None)


def _shorten(loops: list[tuple[int, int, int, int, int]]) -> Loops:
    """Drop loops of one iteration, except the outermost."""
    return (loops[0], *(loop for loop in loops[1:] if loop[0] > 1))
