"""Bank of comparators: compares integers with all thresholds of their channel at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Signal, Value

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.threshold.constants import ComparingParams, ThresholdConstants
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Int
from bnnhw.layers import Product, Threshold
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.rom import Rom

__all__ = ["ThresholdParams", "ThresholdUnit", "bank_params", "compare_width", "level_stream"]


@register_unit
@dataclass(frozen=True)
class ThresholdParams(ComparingParams):
    """A comparator per lane and level."""

    kind: ClassVar[str] = "threshold"

    @property
    def registers(self) -> int:
        return 2  # the input word, the count of thresholds

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
        return {"form": "bank", "levels": self.levels}


def compare_width(element: Int) -> int:
    """Bits of a threshold of elements in two's complement, wide enough for every element too."""
    # One more than the elements reach, so that "never" and "always" can be expressed.
    return Int(min(element.lo, -1), element.hi + 1).width


def level_stream(layer: Threshold | Product, i: StreamPlan) -> StreamPlan:
    """The stream of the levels of a layer that reads stream ``i``."""
    out = layer.out_type().element
    return StreamPlan(i.elements, i.lanes, out.width, out.signed, i.groups)


def bank_params(layer: Threshold | Product, i: StreamPlan, element: Int) -> ThresholdParams:
    """Decide the widths of thresholds on stream ``i``, whose elements have type ``element``."""
    return ThresholdParams(i, level_stream(layer, i), layer.levels, compare_width(element))


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
