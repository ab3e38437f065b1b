"""Threshold unit: compares integers with the thresholds of their channel, to bits or levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Signal, Value

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph, Int
from bnnhw.layers import Product, Threshold
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.rom import Rom

__all__ = ["ThresholdConstants", "ThresholdParams", "ThresholdUnit", "threshold_params"]


@dataclass(frozen=True, eq=False)
class ThresholdConstants:
    """The thresholds of each channel.

    Parameters
    ----------
    thresholds : int64 [channels, levels]
    falling : uint8 [channels]
        1 where the output is the number of thresholds that are *not* reached.
    """

    thresholds: np.ndarray
    falling: np.ndarray

    @classmethod
    def of(cls, layer: Threshold | Product) -> ThresholdConstants:
        """Read them from a threshold layer, or from a product of several levels."""
        if isinstance(layer, Threshold):
            return cls(layer.thresholds, layer.falling)
        assert layer.thresholds is not None
        return cls(layer.thresholds, np.zeros(layer.outputs, dtype=np.uint8))


@register_unit
@dataclass(frozen=True)
class ThresholdParams(PipelineParams[ThresholdConstants]):
    """A comparator per lane and level.

    Parameters
    ----------
    levels : int
        Thresholds per channel.
    compare_width : int
        Bits of a threshold in two's complement; wide enough for every element too.
    """

    levels: int
    compare_width: int

    kind: ClassVar[str] = "threshold"

    @property
    def registers(self) -> int:
        return 2  # the input word, the count of thresholds

    def constants(self, graph: Graph, layer: str | None) -> ThresholdConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, (Threshold, Product))
        return ThresholdConstants.of(found)

    def compute(self, *words: np.ndarray,
                constants: ThresholdConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        reached = (self.i.from_words(words[0])[..., None] >= c.thresholds).sum(axis=-1)
        return self.o.to_words(np.where(c.falling, self.levels - reached, reached))

    def create(self, constants: ThresholdConstants | None = None,
               module_name: str = "unit") -> ThresholdUnit:
        return ThresholdUnit(self, self.require(constants), module_name)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "compare": self.i.lanes * self.levels * self.compare_width,
                "in": self.i.bits, "out": self.o.bits}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("thresholds", self.i.group_words,
                       self.i.lanes * (self.levels * self.compare_width + 1), "lut", False),
                *super().memories())

    def summary(self) -> dict[str, object]:
        return {"levels": self.levels}


def threshold_params(layer: Threshold | Product, i: StreamPlan, element: Int) -> ThresholdParams:
    """Decide the widths of thresholds on stream ``i``, whose elements have type ``element``."""
    # One more than the elements reach, so that "never" and "always" can be expressed.
    compare = Int(min(element.lo, -1), element.hi + 1)
    out = layer.out_type().element
    return ThresholdParams(i, StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups),
                           layer.levels, compare.width)


class ThresholdUnit(ConstantUnit[ThresholdParams, ThresholdConstants]):
    """Counts the thresholds that each lane reaches, one word per cycle."""

    def rom_words(self) -> tuple[list[int], list[int]]:
        """Words of both ROMs, one for each word of a pixel: thresholds, and falling channels."""
        lanes, bits = self.params.i.lanes, self.params.compare_width
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        words = channel_words(np.clip(self.constants.thresholds, low, high), lanes)
        flips = channel_words(self.constants.falling, lanes)
        return pack_integers(words.reshape(len(words), -1), bits), pack_integers(flips, 1)

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        per_lane = p.levels * p.compare_width
        threshold_words, falling_words = self.rom_words()
        m.submodules.thresholds = limits = Rom(
            words=threshold_words, width=p.i.lanes * per_lane, style="lut")
        m.submodules.falling = falling = Rom(words=falling_words, width=p.i.lanes, style="lut")
        m.d.comb += [limits.addr.eq(front.word), falling.addr.eq(front.word)]
        results: list[Value] = []
        for k in range(p.i.lanes):
            x = front.values.word_select(k, p.i.width)
            x = x.as_signed() if p.i.signed else x
            thresholds = limits.data.word_select(k, per_lane)
            passed = [x >= thresholds.word_select(j, p.compare_width).as_signed()
                      for j in range(p.levels)]
            result = Signal(p.o.width, name=f"result{k}")
            # Falling: the inverted comparisons count the thresholds that are not reached.
            m.d.sync += result.eq(balanced_sum([one ^ falling.data[k] for one in passed]))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m
