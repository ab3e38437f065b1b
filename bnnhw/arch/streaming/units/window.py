"""Windows of maps: for convolutions, for pools, and the repetition of an upsampling."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Window
from bnnhw.plan import BufferUnit, Memory, StreamPlan
from bnnhw.plan.blocks import WindowBlock
from bnnhw.rtl.window_buffer import Loop, Padding, WindowBuffer

__all__ = ["WindowPlan", "pad_words", "plan_upsample", "plan_window", "released_words"]


@dataclass(frozen=True)
class WindowPlan(BufferUnit):
    """A line buffer and the order in which it is read.

    Parameters
    ----------
    loops : tuple of (count, word step, row step, column step, step in words of a pixel)
        The outermost first.
    map : (int, int, int)
        Rows and columns of the map, words of a pixel.
    start : (int, int)
        Row and column at which the first window begins.
    outer_rows : int
        Rows of the map that each iteration of the outermost loop leaves behind.
    pad : tuple of (int, int, tuple of int) or None
        Rows and columns of the padding's pattern, and its words; None without padding.
    style : str
        Storage.
    """

    loops: tuple[tuple[int, int, int, int, int], ...]
    map: tuple[int, int, int]
    start: tuple[int, int]
    outer_rows: int
    pad: tuple[int, int, tuple[int, ...]] | None
    style: str = "auto"

    kind: ClassVar[str] = "window"

    def round_depth(self, depth: int) -> int:
        """At least two, so that there is something to address."""
        return max(depth, 2)

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.o.words)

    def releases(self) -> tuple[int, ...]:
        """Words given back behind each iteration of the outermost loop."""
        height, width, words = self.map
        return released_words(self.loops[0][0], self.outer_rows, self.start[0], height,
                              width * words)

    def order(self) -> np.ndarray:
        """Word of the frame that each output word is; -1 for padding."""
        height, width, words = self.map
        row = column = word = np.zeros(1, dtype=np.int64)
        for count, _, row_step, column_step, word_step in self.loops:
            n = np.arange(count)
            row = (row[:, None] + n * row_step).ravel()
            column = (column[:, None] + n * column_step).ravel()
            word = (word[:, None] + n * word_step).ravel()
        row, column = row + self.start[0], column + self.start[1]
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.where(inside, (row * width + column) * words + word, -1)

    def block(self, graph: Graph) -> WindowBlock:
        need = self.order()
        need[-1] = self.i.words - 1  # the last step waits for the whole frame
        outer = self.loops[0][0]
        last_step = (np.arange(outer) + 1) * (len(need) // outer) - 1
        return WindowBlock(need, np.repeat(last_step, self.releases()),
                           WindowBuffer.WRITE_LATENCY, WindowBuffer.READ_LATENCY, self.depth)

    def build(self, graph: Graph, design: str) -> WindowBuffer:
        height, width, words = self.map
        padding = None
        if self.pad is not None:
            rows, columns, table = self.pad
            padding = Padding(height, width, *self.start, rows, columns, table, words)
        return WindowBuffer(
            module_name=f"{design}_{self.name}", width=self.i.bits, frame_words=self.i.words,
            depth=self.words_held, loops=tuple(Loop(*loop) for loop in self.loops),
            start=(self.start[0] * width + self.start[1]) * words, releases=self.releases(),
            padding=padding, style=self.style)

    def summary(self) -> dict[str, Any]:
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
    """Words given back behind each output row: those above the next one's window, at last all.

    Parameters
    ----------
    outer, rows, start : int
        Output rows, input rows from one to the next, and the first one's first input row.
    height, row_words : int
        Of the map.
    """
    ends = [height if k == outer - 1 else min(max((k + 1) * rows + start, 0), height)
            for k in range(outer)]
    return tuple(int(r) * row_words for r in np.diff([0, *ends]))


def pad_words(pad: np.ndarray, channels: int, stream: StreamPlan,
              window: Window) -> tuple[int, int, tuple[int, ...]] | None:
    """Words of a padding pattern ``[PH, PW, PC]``, where the window reaches outside at all.

    Raises
    ------
    ValueError
        A period is no power of two, so that it cannot be counted from any row.
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


def plan_window(name: str, layer: str | None, source: str, i: StreamPlan, window: Window,
                height: int, width: int, pad: tuple[int, int, tuple[int, ...]] | None,
                channel_outer: bool) -> WindowPlan:
    """Plan the windows of a map whose groups (of a pixel) are those of stream ``i``.

    Parameters
    ----------
    channel_outer : bool
        True: all taps of a word of channels, then those of the next one (depthwise). False: all
        words of a group at a tap, then the next tap; groups one after the other.
    """
    words = i.groups * i.group_words // (height * width)
    per_group = i.group_words
    oh, ow = window.out_size(height, width)
    (kh, kw), (sy, sx), (dy, dx) = window.kernel, window.stride, window.dilation
    places = [(oh, sy * width * words, sy, 0, 0), (ow, sx * words, 0, sx, 0)]
    taps = [(kh, dy * width * words, dy, 0, 0), (kw, dx * words, 0, dx, 0)]
    if channel_outer:
        loops = [*places, (words, 1, 0, 0, 1), *taps]
    else:
        loops = [*places, (words // per_group, per_group, 0, 0, per_group), *taps,
                 (per_group, 1, 0, 0, 1)]
    vectors = oh * ow * (words // per_group)
    o = replace(i, groups=vectors * window.taps)
    return WindowPlan(name, layer, (source,), i, o, _shorten(loops), (height, width, words),
                      (-window.pads[0], -window.pads[1]), sy, pad)


def plan_upsample(name: str, source: str, i: StreamPlan, height: int, width: int,
                  factors: tuple[int, int]) -> WindowPlan:
    """Plan the repetition of each pixel."""
    words = i.words // (height * width)
    loops = [(height, width * words, 1, 0, 0), (factors[0], 0, 0, 0, 0),
             (width, words, 0, 1, 0), (factors[1], 0, 0, 0, 0), (words, 1, 0, 0, 1)]
    o = replace(i, groups=i.groups * math.prod(factors))
    return WindowPlan(name, name, (source,), i, o, _shorten(loops), (height, width, words),
                      (0, 0), 1, None)


def _shorten(loops: list[tuple[int, int, int, int, int]],
             ) -> tuple[tuple[int, int, int, int, int], ...]:
    """Leave loops of one iteration out, except the outermost."""
    return (loops[0], *(loop for loop in loops[1:] if loop[0] > 1))
