"""Scale, offset and shift of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import Affine
from bnnhw.plan import Memory, StreamPlan, Unit
from bnnhw.plan.blocks import PipelineBlock
from bnnhw.rtl.affine import AffineUnit, Rounding

__all__ = ["AffinePlan", "plan_affine"]


@dataclass(frozen=True)
class AffinePlan(Unit):
    """A multiplier and an adder a lane."""

    scale_width: int
    sum_width: int

    kind: ClassVar[str] = "affine"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> PipelineBlock:
        return PipelineBlock(self.i.words, 1, AffineUnit.LATENCY, AffineUnit.QUEUE_WORDS)

    def build(self, graph: Graph, design: str) -> AffineUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Affine)
        scales = channel_words(layer.scale, self.i.lanes)
        offsets = channel_words(layer.offset + layer.half, self.i.lanes)
        return AffineUnit(
            module_name=f"{design}_{self.name}", lanes=self.i.lanes,
            in_shape=(self.i.width, self.i.signed),
            rounding=Rounding(layer.shift, self.o.width, layer.limits),
            sum_width=self.sum_width, scale_width=self.scale_width,
            scales=pack_integers(scales, self.scale_width),
            offsets=pack_integers(offsets, self.sum_width), rest=self.i.rest)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "product": self.i.bits * self.scale_width,
                "sum": self.i.lanes * self.sum_width, "out": self.o.bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("scales", self.i.group_words,
                       self.i.lanes * (self.scale_width + self.sum_width), "lut", False),
                Memory("queue", AffineUnit.QUEUE_WORDS - 1, self.o.bits, "auto", True))


def plan_affine(layer: Affine, source: str, i: StreamPlan) -> AffinePlan:
    """Decide the widths of an affine layer behind stream ``i``, a group of which is a pixel."""
    scale = Int(min(int(layer.scale.min()), -1), int(layer.scale.max()))
    out = layer.out_type().element
    low, high = layer.sum_range()
    total = Int(min(low, -1), max(high, 0))
    return AffinePlan(layer.name, layer.name, (source,), i,
                      StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups),
                      scale.width, total.width)
