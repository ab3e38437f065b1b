"""Between two units whose words differ in lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.ir import Graph
from bnnhw.plan import Unit
from bnnhw.plan.timing import ConverterBlock
from bnnhw.rtl.width_converter import WidthConverter

__all__ = ["ConverterPlan"]


@dataclass(frozen=True)
class ConverterPlan(Unit):
    """A width converter."""

    kind: ClassVar[str] = "converter"

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.o.words)

    def block(self) -> ConverterBlock:
        a, b = self.i.lanes, self.o.lanes
        return ConverterBlock(a, b, self.i.elements, WidthConverter.capacity(a, b),
                              WidthConverter.LATENCY)

    def build(self, graph: Graph, design: str) -> WidthConverter:
        return WidthConverter(in_lanes=self.i.lanes, out_lanes=self.o.lanes,
                              elements=self.i.elements, width=self.i.width)

    def summary(self) -> dict[str, Any]:
        return {"lanes": f"{self.i.lanes} -> {self.o.lanes}"}
