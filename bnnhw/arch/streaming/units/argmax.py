"""The label of a frame, with or without its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnhw.ir import Graph
from bnnhw.layers import ArgMax
from bnnhw.plan import LabelUnit, Memory, StreamPlan
from bnnhw.plan.blocks import PipelineBlock
from bnnhw.rtl.argmax import ArgMaxUnit

__all__ = ["ArgMaxPlan", "plan_argmax"]


@dataclass(frozen=True)
class ArgMaxPlan(LabelUnit):
    """The search for the largest score."""

    kind: ClassVar[str] = "argmax"

    @property
    def scores(self) -> StreamPlan:
        return self.i

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> PipelineBlock:
        group = 1 if self.forward else self.i.words
        return PipelineBlock(self.i.words, group, ArgMaxUnit.LATENCY, ArgMaxUnit.QUEUE_WORDS)

    def build(self, graph: Graph, design: str) -> ArgMaxUnit:
        return ArgMaxUnit(elements=self.i.elements, lanes=self.i.lanes,
                          score=(self.i.width, self.i.signed), forward=self.forward)

    def features(self) -> dict[str, float]:
        label = ArgMaxUnit.index_width(self.i.elements)
        # Scores of a word are compared in a tree, then the best one with those before.
        return {"unit": 1, "compare": self.i.width, "label": label,
                "tree": (self.i.lanes - 1) * self.i.width, "chosen": (self.i.lanes - 1) * label,
                "scores": self.i.bits if self.forward else 0}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("queue", ArgMaxUnit.QUEUE_WORDS - 1, self.o.bits, "auto", True),)


def plan_argmax(layer: ArgMax, source: str, i: StreamPlan, forward: bool) -> ArgMaxPlan:
    """Plan the label behind the score stream ``i``.

    The output stream has one element a word, as wide as the label and the scores together; the
    fields of the manifest say which bits are which.
    """
    label = ArgMaxUnit.index_width(i.elements)
    words, width = (i.words, i.bits + label) if forward else (1, label)
    return ArgMaxPlan(layer.name, layer.name, (source,), i, StreamPlan(words, 1, width),
                      forward=forward)
