"""Thresholds of each channel behind a sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import Product, Threshold
from bnnhw.plan import Memory, StreamPlan, Unit
from bnnhw.plan.blocks import PipelineBlock
from bnnhw.rtl.threshold import ThresholdUnit

__all__ = ["ThresholdPlan", "plan_threshold"]


@dataclass(frozen=True)
class ThresholdPlan(Unit):
    """A comparison a lane and level: of a threshold layer, or of a product with several levels."""

    levels: int
    compare_width: int

    kind: ClassVar[str] = "threshold"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> PipelineBlock:
        return PipelineBlock(self.i.words, 1, ThresholdUnit.LATENCY, ThresholdUnit.QUEUE_WORDS)

    def build(self, graph: Graph, design: str) -> ThresholdUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, (Threshold, Product))
        thresholds, falling = _limits(layer)
        lanes = self.i.lanes
        low, high = -(1 << self.compare_width - 1), (1 << self.compare_width - 1) - 1
        words = channel_words(np.clip(thresholds, low, high), lanes)
        flips = channel_words(falling, lanes)
        return ThresholdUnit(
            module_name=f"{design}_{self.name}", lanes=lanes,
            in_shape=(self.i.width, self.i.signed), compare_width=self.compare_width,
            levels=self.levels, out_width=self.o.width,
            thresholds=pack_integers(words.reshape(len(words), -1), self.compare_width),
            falling=pack_integers(flips, 1), rest=self.i.rest)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "compare": self.i.lanes * self.levels * self.compare_width,
                "in": self.i.bits, "out": self.o.bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("thresholds", self.i.group_words,
                       self.i.lanes * (self.levels * self.compare_width + 1), "lut", False),
                Memory("queue", ThresholdUnit.QUEUE_WORDS - 1, self.o.bits, "auto", True))

    def summary(self) -> dict[str, Any]:
        return {"levels": self.levels}


def _limits(layer: Threshold | Product) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds ``[C, J]`` and falling channels."""
    if isinstance(layer, Threshold):
        return layer.thresholds, layer.falling
    assert layer.thresholds is not None
    return layer.thresholds, np.zeros(layer.outputs, dtype=np.uint8)


def plan_threshold(layer: Threshold | Product, name: str, source: str,
                   i: StreamPlan, element: Int) -> ThresholdPlan:
    """Decide the widths of thresholds behind stream ``i``, whose elements are ``element``."""
    thresholds, _ = _limits(layer)
    # One more than the elements reach, so that "never" and "always" can be told.
    compare = Int(min(element.lo, -1), element.hi + 1)
    out = layer.out_type().element
    return ThresholdPlan(name, layer.name, (source,), i,
                         StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups),
                         int(thresholds.shape[1]), compare.width)
