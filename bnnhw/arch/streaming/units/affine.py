"""Scale and offset of each class score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir import Graph, Int
from bnnhw.ir.layers import Affine
from bnnhw.plan import StreamPlan, Unit
from bnnhw.plan.timing import PipelineBlock
from bnnhw.rtl.affine import AffineUnit

__all__ = ["AffinePlan", "plan_affine"]


@dataclass(frozen=True)
class AffinePlan(Unit):
    """A multiplier and an adder a lane."""

    scale_width: int

    kind: ClassVar[str] = "affine"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self) -> PipelineBlock:
        return PipelineBlock(self.i.words, 1, AffineUnit.LATENCY, AffineUnit.QUEUE_WORDS)

    def build(self, graph: Graph, design: str) -> AffineUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Affine)
        return AffineUnit(
            module_name=f"{design}_{self.name}", lanes=self.i.lanes,
            in_shape=(self.i.width, self.i.signed), out_shape=(self.o.width, self.o.signed),
            scale_width=self.scale_width,
            scales=self._words(layer.scale, self.scale_width),
            offsets=self._words(layer.offset, self.o.width))

    def _words(self, values: np.ndarray, width: int) -> list[int]:
        mask, words = (1 << width) - 1, []
        for first in range(0, self.i.words * self.i.lanes, self.i.lanes):
            lanes = [int(v) & mask for v in values[first:first + self.i.lanes]]
            words.append(sum(v << (k * width) for k, v in enumerate(lanes)))
        return words


def plan_affine(layer: Affine, i: StreamPlan) -> AffinePlan:
    """Decide the widths of an affine layer behind stream ``i``."""
    scale = Int(min(int(layer.scale.min()), -1), int(layer.scale.max()))
    out = layer.out_type().element
    return AffinePlan(name=layer.name, layer=layer.name, i=i,
                      o=StreamPlan(i.elements, i.lanes, out.width, out.signed),
                      scale_width=scale.width)
