"""Parameters of the line window unit, which emits all taps of a window in one word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from bnnhw.dataflow.params import BufferParams, Memory, register_unit
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import WindowBlock
from bnnhw.dataflow.units.line_window.component import LineWindow
from bnnhw.dataflow.units.sliding_window.component import READ_LATENCY, WRITE_LATENCY
from bnnhw.dataflow.units.sliding_window.params import Pad, released_words
from bnnhw.errors import PlanError
from bnnhw.families import Device
from bnnhw.golden.layout import beats
from bnnhw.ir import Window

__all__ = ["LineWindowParams", "line_window_params"]


@register_unit
@dataclass(frozen=True)
class LineWindowParams(BufferParams[None]):
    """A memory for each stored row of the map, and registers for the columns of a window.

    Parameters
    ----------
    map : (int, int, int)
        Rows and columns of the map, and words per pixel.
    kernel, stride, dilation : (int, int)
        Rows and columns.
    start : (int, int)
        Row and column of the first tap of the first window; negative in the padding.
    out : (int, int)
        Output rows and columns.
    pads : tuple of int
        Each word of a pixel outside the map.
    style : str
        Kind of memory of a row, see ``rom.RAM_STYLES``.
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
        """Rows and columns from the first tap to the last one, both included."""
        return ((self.kernel[0] - 1) * self.dilation[0] + 1,
                (self.kernel[1] - 1) * self.dilation[1] + 1)

    @property
    def columns(self) -> int:
        """Columns that each output row passes through, padding included."""
        return (self.out[1] - 1) * self.stride[1] + self.reach[1]

    @property
    def row_words(self) -> int:
        """Words per row of the map."""
        return self.map[1] * self.map[2]

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.out[0] * self.columns * self.map[2])

    def round_depth(self, depth: int) -> int:
        """Round up to complete rows, at least those that a window spans."""
        return max(beats(depth, self.row_words), self.reach[0]) * self.row_words

    @property
    def banks(self) -> int:
        """Rows that the unit stores."""
        return self.words_held // self.row_words

    def with_storage(self, device: Device) -> Self:
        return replace(self, style=device.memory.ram_style(self.row_words, self.i.bits))

    @property
    def latency(self) -> int:
        return WRITE_LATENCY + READ_LATENCY

    def releases(self) -> tuple[int, ...]:
        """Words whose space becomes free after each output row."""
        return released_words(self.out[0], self.stride[0], self.start[0], self.map[0],
                              self.row_words)

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        height, width, count = self.map
        frames = words[0].reshape(-1, height, width, count, self.i.lanes)
        rows, columns = (np.arange(self.out[k])[:, None] * self.stride[k] + self.start[k]
                         + np.arange(self.kernel[k]) * self.dilation[k] for k in (0, 1))
        rows, columns = rows[:, None, :, None], columns[None, :, None, :]
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = frames[:, rows.clip(0, height - 1), columns.clip(0, width - 1)]
        pads = replace(self.i, groups=1).unpack(list(self.pads))[0]
        taps = np.where(inside[..., None, None], found, pads)  # [n, OH, OW, KH, KW, words, lanes]
        return taps.transpose(0, 1, 2, 5, 3, 4, 6).reshape(len(frames), -1, self.o.lanes)

    def token_model(self) -> WindowBlock:
        height, width, words = self.map
        rows = (np.arange(self.out[0])[:, None] * self.stride[0] + self.start[0]
                + np.arange(self.kernel[0]) * self.dilation[0])
        lowest = np.where((rows >= 0) & (rows < height), rows, -1).max(axis=1)
        column = np.arange(self.columns) + self.start[1]
        position = column[:, None] * words + np.arange(words)
        inside = ((column >= 0) & (column < width))[None, :, None] & \
            (lowest >= 0)[:, None, None]
        need = np.where(inside, lowest[:, None, None] * self.row_words + position[None], -1).ravel()
        need[-1] = self.i.words - 1  # the last step waits for the entire frame
        ends = np.arange(self.out[1]) * self.stride[1] + self.reach[1] - 1
        row_steps = self.columns * words
        emits = (np.arange(self.out[0])[:, None, None] * row_steps
                 + ends[None, :, None] * words + np.arange(words)).ravel()
        last_step = (np.arange(self.out[0]) + 1) * row_steps - 1
        return WindowBlock(need, np.repeat(last_step, self.releases()),
                           WRITE_LATENCY, READ_LATENCY, self.depth, emits)

    def create(self, constants: None = None, module_name: str = "unit") -> LineWindow:
        return LineWindow(self, module_name)

    def summary(self) -> dict[str, object]:
        return {"depth": self.depth, "row_words": self.row_words,
                "rows": None if self.depth is None else self.banks,
                "pad_columns": self.columns - self.map[1]}

    def features(self) -> dict[str, float]:
        return {"unit": 1, "address": self.i.words.bit_length(),
                "choice": self.kernel[0] * self.i.bits * (self.banks - 1),
                "columns": (self.reach[1] - 1) * self.map[2] * self.kernel[0] * self.i.bits}

    def memories(self) -> tuple[Memory, ...]:
        return tuple(Memory("lines", self.row_words, self.i.bits, self.style, True)
                     for _ in range(self.banks))


def line_window_params(name: str, i: StreamPlan, window: Window, size: tuple[int, int],
                       pad: Pad | None) -> LineWindowParams:
    """Describe parallel windows of a map whose pixels are the groups of stream ``i``.

    Parameters
    ----------
    name : str
        Name of the unit, for errors.
    i : StreamPlan
    window : Window
    size : (int, int)
        Rows and columns of the map.
    pad : tuple or None
        Padding, see ``sliding_window.pad_words``.

    Raises
    ------
    PlanError
        The padding is a pattern, or the map has groups of channels.
    """
    height, width = size
    words = i.group_words
    if i.groups != height * width:
        raise PlanError("a word cannot carry all taps of a grouped convolution",
                        where=f"unit '{name}'", hint="fold simd up to the channels of a group")
    if pad is not None and pad[:2] != (1, 1):
        raise PlanError("a word cannot carry all taps where the padding is a pattern",
                        where=f"unit '{name}'", hint="fold simd up to the channels of a pixel")
    out = window.out_size(height, width)
    taps = window.taps
    o = StreamPlan(i.elements * taps, i.lanes * taps, i.width, i.signed, out[0] * out[1])
    return LineWindowParams(i, o, (height, width, words), window.kernel, window.stride,
                            window.dilation, (-window.pads[0], -window.pads[1]), out,
                            pad[2] if pad else (0,) * words)
