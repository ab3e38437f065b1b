"""PReLU unit: scales negative integers by a slope of their channel, between two additions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value, signed

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import PRelu
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.rom import Rom

__all__ = ["PReluConstants", "PReluParams", "PReluUnit", "prelu_params"]


@dataclass(frozen=True, eq=False)
class PReluConstants:
    """What a PReLU unit computes with, see ``PRelu``.

    Parameters
    ----------
    slope, before, after : int64 [channels]
    limits : (int, int) or None
        Between which the result saturates.
    """

    slope: np.ndarray
    before: np.ndarray
    after: np.ndarray
    limits: tuple[int, int] | None = None


@register_unit
@dataclass(frozen=True)
class PReluParams(PipelineParams[PReluConstants]):
    """Two adders and a multiplier per lane.

    Parameters
    ----------
    slope_width, before_width, after_width : int
        Bits of the constants in two's complement.
    inner_width : int
        Bits of ``x + before``, of the product and of the result before it saturates.
    shift : int
        Fraction bits of the slopes.
    """

    slope_width: int
    before_width: int
    after_width: int
    inner_width: int
    shift: int

    kind: ClassVar[str] = "prelu"

    @property
    def registers(self) -> int:
        return 4  # the input word, the first sum, the product, the second sum

    def constants(self, graph: Graph, layer: str | None) -> PReluConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, PRelu)
        return PReluConstants(found.slope, found.before, found.after, found.limits)

    def compute(self, *words: np.ndarray, constants: PReluConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        t = self.i.from_words(words[0]) + c.before
        scaled = np.minimum(t, 0) * c.slope + (1 << self.shift >> 1) >> self.shift
        result = np.where(t >= 0, t, scaled) + c.after
        return self.o.to_words(result if c.limits is None else np.clip(result, *c.limits))

    def create(self, constants: PReluConstants | None = None,
               module_name: str = "unit") -> PReluUnit:
        return PReluUnit(self, self.require(constants), module_name)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "product": self.i.bits * self.slope_width,
                "sum": self.i.lanes * self.inner_width, "out": self.o.bits}

    def memories(self) -> tuple[Memory, ...]:
        each = self.slope_width + self.before_width + self.after_width
        return (Memory("scales", self.i.group_words, self.i.lanes * each, "lut", False),
                *super().memories())


def _width(values: np.ndarray) -> int:
    """Bits of two's complement for all values, where a single 0 has one bit."""
    return Int(min(int(values.min()), -1), max(int(values.max()), 0)).width


def prelu_params(layer: PRelu, i: StreamPlan) -> PReluParams:
    """Decide the widths of a PReLU that reads stream ``i``, whose groups are pixels."""
    ends = [end for bounds in (*layer.inner_ranges(), layer.sum_range()) for end in bounds]
    out = layer.out_type().element
    return PReluParams(i, StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups),
                       _width(layer.slope), _width(layer.before), _width(layer.after),
                       Int(min(*ends, -1), max(*ends, 0)).width, layer.shift)


class PReluUnit(ConstantUnit[PReluParams, PReluConstants]):
    """Computes a PReLU on every lane, one word per cycle."""

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        data = {}
        for name in ("slope", "before", "after"):
            width = getattr(p, f"{name}_width")
            words = channel_words(getattr(self.constants, name), p.i.lanes)
            m.submodules[name] = rom = Rom(words=pack_integers(words, width),
                                           width=p.i.lanes * width, style="lut")
            m.d.comb += rom.addr.eq(front.word)
            data[name] = (rom.data, width)
        results: list[Value] = []
        for k in range(p.i.lanes):
            slope, before, after = (rom.word_select(k, width).as_signed()
                                    for rom, width in data.values())
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(self._saturated(self._lane(m, front.values.word_select(
                k, p.i.width), slope, before, after, k)))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m

    def _lane(self, m: Module, x: Value, slope: Value, before: Value, after: Value,
              k: int) -> Signal:
        """Return the register with the result of a lane before it saturates."""
        p = self.params
        inner = signed(p.inner_width)
        total, scaled, result = (Signal(inner, name=f"{name}{k}")
                                 for name in ("total", "scaled", "shifted"))
        slope_1 = Signal(signed(p.slope_width), name=f"slope{k}_1")
        after_1, after_2 = (Signal(signed(p.after_width), name=f"after{k}_{n}") for n in (1, 2))
        product = Signal(inner, name=f"product{k}")
        m.d.comb += product.eq(total * slope_1 + (1 << p.shift >> 1))
        m.d.sync += [
            total.eq((x.as_signed() if p.i.signed else x) + before),
            slope_1.eq(slope), after_1.eq(after), after_2.eq(after_1),
            scaled.eq(Mux(total < 0, product >> p.shift, total)),
            result.eq(scaled + after_2),
        ]
        return result

    def _saturated(self, value: Signal) -> Value:
        """Return the output element of a result."""
        if self.constants.limits is None:
            return value
        low, high = self.constants.limits
        return Mux(value < low, low, Mux(value > high, high, value))
