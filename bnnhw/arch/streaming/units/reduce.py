"""Pools: windows reduced to their largest, smallest or summed element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph
from bnnhw.layers import MaxPool, Pool
from bnnhw.plan import StreamPlan, Unit
from bnnhw.plan.blocks import ReduceBlock
from bnnhw.rtl.reduce import ReduceUnit

__all__ = ["ReducePlan", "plan_reduce"]


@dataclass(frozen=True)
class ReducePlan(Unit):
    """The reduction behind a window, or of a whole map."""

    taps: int

    kind: ClassVar[str] = "pool"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> ReduceBlock:
        return ReduceBlock(self.o.groups, self.taps, self.o.group_words, ReduceUnit.LATENCY)

    def build(self, graph: Graph, design: str) -> ReduceUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Pool)
        smallest = layer.smallest if isinstance(layer, MaxPool) else \
            np.zeros(self.i.elements, dtype=np.uint8)
        return ReduceUnit(
            module_name=f"{design}_{self.name}", op="max" if isinstance(layer, MaxPool) else "sum",
            taps=self.taps, words=self.o.group_words, lanes=self.i.lanes,
            in_shape=(self.i.width, self.i.signed), out_width=self.o.width,
            smallest=pack_integers(channel_words(smallest, self.i.lanes), 1))

    def features(self) -> dict[str, float]:
        return {"unit": 1, "out": self.o.bits, "in": self.i.bits,
                "kept": self.o.bits * self.o.group_words, "count": self.i.words.bit_length()}

    def summary(self) -> dict[str, Any]:
        return {"taps": self.taps}


def plan_reduce(layer: Pool, source: str, i: StreamPlan) -> ReducePlan:
    """Plan the reduction of the taps that stream ``i`` brings, a pixel a group."""
    out = layer.out_type()
    height, width, _ = out.map
    return ReducePlan(layer.name, layer.name, (source,), i,
                      StreamPlan(i.elements, i.lanes, out.element.width, out.element.signed,
                                 height * width), layer.window.taps)
