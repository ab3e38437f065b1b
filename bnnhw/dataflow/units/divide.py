"""Divide unit: every element divided by one constant, rounded and saturated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Signal, Value

from bnnhw.dataflow.component import NamedUnit
from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.reciprocal import DividedRange
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.ir import Int
from bnnhw.layers import Division
from bnnhw.rtl.per_channel import PerChannel

__all__ = ["DivideParams", "DivideUnit", "divide_params"]


@register_unit
@dataclass(frozen=True)
class DivideParams(DividedRange, PipelineParams[None]):
    """A product with the reciprocal of the divisor for each lane."""

    kind: ClassVar[str] = "divide"

    @property
    def registers(self) -> int:
        return 1 + self.reciprocal.registers  # the input word first

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return self.o.to_words(self.division.compute(self.i.from_words(words[0])))

    def create(self, constants: None = None, module_name: str = "unit") -> DivideUnit:
        return DivideUnit(self, module_name)

    def features(self) -> dict[str, float]:
        found = self.reciprocal
        width = found.total_shape.width
        return {"unit": 1, "sum": self.i.lanes * width, "out": self.o.bits,
                "digit": self.i.lanes * (found.digits - 1) * width}

    def summary(self) -> dict[str, object]:
        found = self.reciprocal
        return {"divisor": self.divisor, "scale": found.scale, "shift": found.shift}


def divide_params(division: Division, i: StreamPlan, element: Int, out: Int) -> DivideParams:
    """Describe the division of the elements of stream ``i``, whose groups are pixels.

    ``element`` and ``out`` are the ranges of the input and of the result.
    """
    o = StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups)
    return DivideParams(i, o, element.lo, element.hi, division.divisor, division.rounding,
                        division.limits)


class DivideUnit(NamedUnit[DivideParams]):
    """Divides every lane by the same constant, one word per cycle."""

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        results: list[Value] = []
        for k in range(p.i.lanes):
            x = front.values.word_select(k, p.i.width)
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(p.reciprocal.divide(m, x.as_signed() if p.i.signed else x,
                                                      f"lane{k}"))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m
