"""Crop unit: passes the words of the inner pixels of a map, and drops those of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal, Value

from bnnhw.dataflow.component import UnitComponent
from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block, Bounds, Times, lag, tile
from bnnhw.layers import Crop
from bnnhw.rtl.output_register import output_register

__all__ = ["CropParams", "CropUnit", "crop_params"]


@register_unit
@dataclass(frozen=True)
class CropParams(RegisterParams[None]):
    """Counters of rows and columns, and one register.

    Parameters
    ----------
    map : (int, int, int)
        Rows and columns of the map, and words per pixel.
    first : (int, int)
        First row and column that are kept.
    kept : (int, int)
        Rows and columns that are kept.
    """

    map: tuple[int, int, int]
    first: tuple[int, int]
    kept: tuple[int, int]

    kind: ClassVar[str] = "crop"

    def kept_words(self) -> np.ndarray:
        """Words of a frame that are kept, in order: int64 [o.words]."""
        index = np.arange(self.i.words, dtype=np.int64).reshape(self.map)
        (top, left), (rows, columns) = self.first, self.kept
        return index[top:top + rows, left:left + columns].ravel()

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return words[0][:, self.kept_words()]

    def create(self, constants: None = None, module_name: str = "unit") -> CropUnit:
        return CropUnit(self)

    def token_model(self) -> Block:
        return KeepBlock(self.i.words, self.kept_words(), self.latency)

    def features(self) -> dict[str, float]:
        height, width, words = self.map
        return {"unit": 1, "out": self.o.bits,
                "count": sum((n - 1).bit_length() for n in (height, width, words))}

    def summary(self) -> dict[str, object]:
        return {"kept": self.kept}


def crop_params(layer: Crop, i: StreamPlan) -> CropParams:
    """Describe a crop of the map whose pixels are the groups of stream ``i``."""
    (height, width, _), (top, left, *_) = layer.input.map, layer.sides
    rows, columns, _ = layer.out_type().map
    o = StreamPlan(i.elements, i.lanes, i.width, i.signed, rows * columns)
    return CropParams(i, o, (height, width, i.group_words), (top, left), (rows, columns))


class KeepBlock(Block):
    """Accepts a word per cycle, and shows some of them in a register."""

    def __init__(self, words: int, kept: np.ndarray, latency: int) -> None:
        self.words, self.kept, self.latency = words, kept, latency
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        kept = tile(self.kept, self.words, frames)
        ready = np.zeros_like(taken[0])
        ready[kept] = lag(given[0], 1, 0)
        return [ready], [taken[0][kept] + self.latency]


class CropUnit(UnitComponent[CropParams]):
    """Counts the words of a map; those of the kept rows and columns pass a register."""

    @property
    def module_name(self) -> str:
        p = self.params
        sizes = "_".join("x".join(map(str, pair)) for pair in (p.map, p.first, p.kept))
        return f"bnnhw_crop_{p.i.bits}_{sizes}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        step, keep = Signal(), Signal()
        ends: Value = step
        positions = []
        for name, count in zip(("word", "column", "row"), reversed(p.map), strict=True):
            at, last = Signal(range(count), name=name), Signal(name=f"{name}_last")
            m.d.comb += last.eq(at == count - 1)
            with m.If(ends):
                m.d.sync += at.eq(Mux(last, 0, at + 1))
            ends = ends & last
            positions.append(at)
        _, column, row = positions
        m.d.comb += keep.eq(self._within(row, 0) & self._within(column, 1))
        room = output_register(m, self, self.i.valid & keep, self.i.payload)
        m.d.comb += [self.i.ready.eq(~keep | room), step.eq(self.i.valid & self.i.ready)]
        return m

    def _within(self, at: Signal, axis: int) -> Value:
        """Return whether a row (axis 0) or a column (axis 1) is kept."""
        first, count = self.params.first[axis], self.params.kept[axis]
        above: Value = at >= first if first else Const(1)
        below: Value = at < first + count if first + count < self.params.map[axis] else Const(1)
        return above & below
