"""Binary search for the level of an integer among the thresholds of its channel, in a ROM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import Memory, register_unit
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.threshold.bank import compare_width, level_stream
from bnnhw.dataflow.units.threshold.constants import ComparingParams, ThresholdConstants
from bnnhw.families import Device
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Int
from bnnhw.layers import Product, Threshold
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.rom import Rom

__all__ = ["SearchParams", "SearchUnit", "search_params"]

STAGE_CYCLES = 2
"""Cycles of a stage: the read of its ROM, and the comparison."""

FULL_FRACTION = 8
"""A ROM is stored in block RAM from this fraction of a block on; a smaller one wastes it."""


@register_unit
@dataclass(frozen=True)
class SearchParams(ComparingParams):
    """A pipeline with a comparator per lane and output bit.

    Stage s has the upper s bits of the level, and reads the threshold that decides the next one.

    Parameters
    ----------
    styles : tuple of str
        Memory of the ROMs of each stage, ``lut`` or ``block``.
    """

    styles: tuple[str, ...]

    kind: ClassVar[str] = "threshold_search"

    @property
    def stages(self) -> int:
        """Number of comparisons: the bits of a level."""
        return self.levels.bit_length()

    @property
    def registers(self) -> int:
        return STAGE_CYCLES * self.stages

    def create(self, constants: ThresholdConstants | None = None,
               module_name: str = "unit") -> SearchUnit:
        return SearchUnit(self, self.require(constants), module_name)

    def features(self) -> dict[str, float]:
        # A stage carries the element for two cycles, and the upper bits of the level.
        return {"unit": 1, "compare": self.i.lanes * self.stages * self.compare_width,
                "carried": self.i.bits * self.registers, "out": self.o.bits * self.stages}

    def memories(self) -> tuple[Memory, ...]:
        roms: list[Memory] = []
        for stage, style in enumerate(self.styles):
            depth, width = self.i.group_words << stage, self.compare_width
            # Each lane has an address; in LUTs only the sum of the widths matters.
            roms += [Memory("thresholds", depth, width, style, False)] * self.i.lanes \
                if style == "block" else [
                    Memory("thresholds", depth, self.i.lanes * width, style, False)]
        return (*roms, *super().memories())

    def summary(self) -> dict[str, object]:
        return {"form": "search", "levels": self.levels, "comparisons": self.stages}


def search_params(layer: Threshold | Product, i: StreamPlan, element: Int,
                  device: Device) -> SearchParams:
    """Decide the widths and memories of a search on stream ``i`` of elements ``element``."""
    width, memory = compare_width(element), device.memory

    def style(depth: int) -> str:
        large = memory.block_shapes and depth * width * FULL_FRACTION >= memory.block_bits
        return memory.rom_style(depth) if large else "lut"

    styles = tuple(style(i.group_words << s) for s in range(layer.levels.bit_length()))
    return SearchParams(i, level_stream(layer, i), layer.levels, width, styles)


class SearchUnit(ConstantUnit[SearchParams, ThresholdConstants]):
    """Finds the level of each lane bit by bit, from the highest one; accepts a word per cycle."""

    def rom_words(self, lane: int, stage: int) -> list[int]:
        """Thresholds of a lane that a stage compares with, by word of a pixel and upper bits."""
        p = self.params
        low, high = -(1 << p.compare_width - 1), (1 << p.compare_width - 1) - 1
        channels = channel_words(np.clip(self.constants.thresholds, low, high), p.i.lanes)[:, lane]
        # The level reaches this candidate if its threshold, number candidate - 1, is reached.
        candidates = 2 * np.arange(1 << stage) + 1 << p.stages - 1 - stage
        there = candidates <= p.levels
        chosen = channels[:, np.where(there, candidates, 1) - 1]
        return pack_integers(np.where(there, chosen, high).reshape(-1, 1), p.compare_width)

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        front = PerChannel(m, self, p.i.group_words, p.registers, p.queue_depth)
        words = [front.word]  # at the address of each stage
        for stage in range(1, p.stages):
            words.append(delayed(m, words[-1], STAGE_CYCLES, f"word_{stage}"))
        flips = pack_integers(channel_words(self.constants.falling, p.i.lanes), 1)
        m.submodules.falling = falling = Rom(words=flips, width=p.i.lanes, style="lut")
        m.d.comb += falling.addr.eq(words[-1])
        last = falling.data
        if len(flips) > 1:  # a constant has no read latency
            last = delayed(m, last, 1, "falling")
        results: list[Value] = []
        for k in range(p.i.lanes):
            level = self._search(m, front.values.word_select(k, p.i.width), words, k)
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(Mux(last[k], p.levels - level, level))
            results.append(result)
        front.give(results, p.i.last_lanes)
        return m

    def _search(self, m: Module, x: Value, words: list[Value], lane: int) -> Value:
        """Return the level of a lane, in the last register of the pipeline."""
        p = self.params
        level: Value = Cat()
        for stage, word in enumerate(words):
            rom = Rom(words=self.rom_words(lane, stage), width=p.compare_width,
                      style=p.styles[stage])
            m.submodules[f"thresholds{lane}_{stage}"] = rom
            m.d.comb += rom.addr.eq(Cat(level, word))
            if stage:
                x = delayed(m, x, STAGE_CYCLES, f"x{lane}_{stage}")
                level = delayed(m, level, 1, f"level{lane}_{stage}")
            element = x.as_signed() if p.i.signed else x
            bit = Signal(name=f"bit{lane}_{stage}")
            m.d.sync += bit.eq(element >= rom.data.as_signed())
            level = Cat(bit, delayed(m, level, 1, f"upper{lane}_{stage}")) if stage else bit
        return level
