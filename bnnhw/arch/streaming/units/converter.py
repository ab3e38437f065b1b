"""Between two units whose words differ in lanes or in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.ir import Graph
from bnnhw.plan import Unit
from bnnhw.plan.blocks import ConverterBlock
from bnnhw.rtl.width_converter import WidthConverter

__all__ = ["ConverterPlan"]


@dataclass(frozen=True)
class ConverterPlan(Unit):
    """A width converter."""

    kind: ClassVar[str] = "converter"

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.o.words)

    @property
    def component(self) -> WidthConverter:
        """The hardware."""
        return WidthConverter(in_lanes=self.i.lanes, out_lanes=self.o.lanes,
                              elements=self.i.elements, width=self.i.width,
                              out_elements=self.o.elements)

    def block(self, graph: Graph) -> ConverterBlock:
        a, b = self.i.lanes, self.o.lanes
        return ConverterBlock(a, b, self.i.elements, self.o.elements, self.i.size,
                              WidthConverter.capacity(a, b), WidthConverter.LATENCY)

    def build(self, graph: Graph, design: str) -> WidthConverter:
        return self.component

    def summary(self) -> dict[str, Any]:
        return {"lanes": f"{self.i.lanes} -> {self.o.lanes}"}

    def features(self) -> dict[str, float]:
        dwc = self.component
        lanes = WidthConverter.capacity(dwc.in_lanes, dwc.out_lanes)
        return {"unit": 1, "shift": lanes * dwc.width,
                "short": lanes * dwc.width * (dwc.out_elements % dwc.out_lanes > 0),
                "turn": self.i.bits * dwc.turns, "places": lanes / dwc.step * (dwc.turns > 0),
                "count": self.i.words.bit_length()}
