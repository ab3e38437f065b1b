"""The edges of the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnhw.ir import Graph
from bnnhw.plan import Unit
from bnnhw.rtl.axi import AxiInput, AxiOutput

__all__ = ["InputPlan", "OutputPlan"]


@dataclass(frozen=True)
class InputPlan(Unit):
    """AXI4-Stream in; binarises pixels where the network has a ``binarize`` layer in front."""

    threshold: int | None

    kind: ClassVar[str] = "input"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> None:
        return None

    def build(self, graph: Graph, design: str) -> AxiInput:
        return AxiInput(lanes=self.i.lanes, elements=self.i.elements, width=self.i.width,
                        threshold=self.threshold, groups=self.i.groups)


@dataclass(frozen=True)
class OutputPlan(Unit):
    """AXI4-Stream out, with ``tlast``."""

    kind: ClassVar[str] = "output"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> None:
        return None

    def build(self, graph: Graph, design: str) -> AxiOutput:
        return AxiOutput(width=self.i.bits, words=self.i.words)
