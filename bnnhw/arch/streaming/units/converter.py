"""Between two units whose words differ in lanes or in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.ir import Graph
from bnnhw.plan import Unit
from bnnhw.plan.blocks import ConverterBlock
from bnnhw.rtl.width_converter import Regrouping, WidthConverter

__all__ = ["ConverterPlan"]


@dataclass(frozen=True)
class ConverterPlan(Unit):
    """A width converter."""

    kind: ClassVar[str] = "converter"

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.o.words)

    @property
    def shape(self) -> Regrouping:
        """What the hardware is made for."""
        return Regrouping(self.i.lanes, self.o.lanes, self.i.elements, self.o.elements)

    def block(self, graph: Graph) -> ConverterBlock:
        return ConverterBlock(self.i.lanes, self.o.lanes, self.i.elements, self.o.elements,
                              self.i.size, self.shape.capacity, WidthConverter.LATENCY)

    def build(self, graph: Graph, design: str) -> WidthConverter:
        return WidthConverter(in_lanes=self.i.lanes, out_lanes=self.o.lanes,
                              elements=self.i.elements, width=self.i.width,
                              out_elements=self.o.elements)

    @property
    def folding(self) -> str:
        return f"{self.i.lanes} -> {self.o.lanes}"

    def summary(self) -> dict[str, Any]:
        return {"lanes": self.folding}

    def features(self) -> dict[str, float]:
        shape = self.shape
        bits = shape.capacity * self.i.width
        return {"unit": 1, "shift": bits, "short": bits * (shape.out_rest < shape.out_lanes),
                "turn": self.i.bits * shape.turns,
                "places": shape.capacity / shape.step * (shape.turns > 0),
                "count": self.i.words.bit_length()}
