"""Windows of which all taps come at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.arch.streaming.units.window import released_words
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats
from bnnhw.ir import Graph, Window
from bnnhw.plan import BufferUnit, Memory, StreamPlan
from bnnhw.plan.blocks import WindowBlock
from bnnhw.rtl.line_window import LineWindow

__all__ = ["LineWindowPlan", "plan_line_window"]


@dataclass(frozen=True)
class LineWindowPlan(BufferUnit):
    """A memory for each row of the map that is kept, and registers for the columns of a window.

    Parameters
    ----------
    map : (int, int, int)
        Rows and columns of the map, words of a pixel.
    kernel, stride, dilation, start, out : (int, int)
        As in ``rtl.line_window``.
    pads : tuple of int
        Each word of a pixel outside the map.
    style : str
        Storage of a row.
    """

    map: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    start: tuple[int, int]
    out: tuple[int, int]
    pads: tuple[int, ...]
    style: str = "auto"

    kind: ClassVar[str] = "line_window"

    @property
    def reach(self) -> tuple[int, int]:
        return LineWindow.reach_of(self.kernel, self.dilation)

    @property
    def columns(self) -> int:
        """Columns that each output row goes through."""
        return LineWindow.columns_of(self.out, self.stride, self.reach)

    @property
    def row_words(self) -> int:
        return self.map[1] * self.map[2]

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.out[0] * self.columns * self.map[2])

    def round_depth(self, depth: int) -> int:
        """Whole rows, and at least those of a window."""
        return max(beats(depth, self.row_words), self.reach[0]) * self.row_words

    def releases(self) -> tuple[int, ...]:
        """Words given back behind each output row."""
        return released_words(self.out[0], self.stride[0], self.start[0], self.map[0],
                              self.row_words)

    def block(self, graph: Graph) -> WindowBlock:
        height, width, words = self.map
        rows = (np.arange(self.out[0])[:, None] * self.stride[0] + self.start[0]
                + np.arange(self.kernel[0]) * self.dilation[0])
        lowest = np.where((rows >= 0) & (rows < height), rows, -1).max(axis=1)
        column = np.arange(self.columns) + self.start[1]
        place = column[:, None] * words + np.arange(words)
        inside = ((column >= 0) & (column < width))[None, :, None] & \
            (lowest >= 0)[:, None, None]
        need = np.where(inside, lowest[:, None, None] * self.row_words + place[None], -1).ravel()
        need[-1] = self.i.words - 1  # the last step waits for the whole frame
        ends = np.arange(self.out[1]) * self.stride[1] + self.reach[1] - 1
        row_steps = self.columns * words
        emits = (np.arange(self.out[0])[:, None, None] * row_steps
                 + ends[None, :, None] * words + np.arange(words)).ravel()
        last_step = (np.arange(self.out[0]) + 1) * row_steps - 1
        return WindowBlock(need, np.repeat(last_step, self.releases()),
                           LineWindow.WRITE_LATENCY, LineWindow.READ_LATENCY, self.depth, emits)

    def build(self, graph: Graph, design: str) -> LineWindow:
        return LineWindow(
            module_name=f"{design}_{self.name}", width=self.i.bits, map=self.map,
            kernel=self.kernel, stride=self.stride, dilation=self.dilation, out=self.out,
            start=self.start, pads=self.pads, banks=self.words_held // self.row_words,
            releases=self.releases(), style=self.style)

    def summary(self) -> dict[str, Any]:
        return {"depth": self.depth, "row_words": self.row_words,
                "rows": None if self.depth is None else self.words_held // self.row_words,
                "pad_columns": self.columns - self.map[1]}

    def features(self) -> dict[str, float]:
        banks = self.words_held // self.row_words
        return {"unit": 1, "address": self.i.words.bit_length(),
                "choice": self.kernel[0] * self.i.bits * (banks - 1),
                "columns": (self.reach[1] - 1) * self.map[2] * self.kernel[0] * self.i.bits}

    def memories(self) -> tuple[Memory, ...]:
        return tuple(Memory("lines", self.row_words, self.i.bits, self.style, True)
                     for _ in range(self.words_held // self.row_words))


def plan_line_window(name: str, source: str, i: StreamPlan, window: Window, height: int,
                     width: int, pad: tuple[int, int, tuple[int, ...]] | None) -> LineWindowPlan:
    """Plan parallel windows of a map whose pixels are the groups of stream ``i``.

    Raises
    ------
    PlanError
        The padding is a pattern, or the map has groups of channels.
    """
    words = i.group_words
    if i.groups != height * width:
        raise PlanError("all taps at once are not for grouped convolutions",
                        where=f"unit '{name}'", hint="fold simd up to the channels of a group")
    if pad is not None and pad[:2] != (1, 1):
        raise PlanError("all taps at once are not for patterns of padding",
                        where=f"unit '{name}'", hint="fold simd up to the channels of a pixel")
    out = window.out_size(height, width)
    taps = window.taps
    o = StreamPlan(i.elements * taps, i.lanes * taps, i.width, i.signed, out[0] * out[1])
    return LineWindowPlan(name, None, (source,), i, o, (height, width, words), window.kernel,
                          window.stride, window.dilation, (-window.pads[0], -window.pads[1]), out,
                          pad[2] if pad else (0,) * words)
