"""Integers to bits or levels at thresholds of each channel."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.per_channel import PerChannel
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import SharedComponent

__all__ = ["ThresholdUnit"]


class ThresholdUnit(SharedComponent):
    """Count the thresholds that each lane reaches, one word each cycle.

    Latency: ``LATENCY`` cycles from accepting a word to ``o.valid``.

    Parameters
    ----------
    module_name : str
    lanes : int
        Channels a word.
    in_shape : (int, bool)
        Width and signedness of an element.
    compare_width : int
        Bits of a threshold, two's complement; wide enough for every element too.
    levels : int
        Thresholds a channel, J.
    out_width : int
        Bits of an element of the output.
    thresholds : list of int
        One word for each word of a pixel: lanes by levels thresholds, lane 0 and level 0 lowest.
    falling : list of int
        One word for each word of a pixel: a bit a lane, set where J less the count is wanted.
    rest : int
        Channels in the last word of a pixel; lanes beyond them give 0.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    LATENCY = 2 + CreditQueue.LATENCY
    QUEUE_WORDS = LATENCY + 1

    def __init__(self, *, module_name: str, lanes: int, in_shape: tuple[int, bool],
                 compare_width: int, levels: int, out_width: int, thresholds: list[int],
                 falling: list[int], rest: int) -> None:
        if len(thresholds) != len(falling):
            raise ValueError("thresholds and falling must have the same number of words")
        self._module_name = module_name
        self.lanes, self.in_shape, self.compare_width = lanes, in_shape, compare_width
        self.levels, self.out_width = levels, out_width
        self.thresholds, self.falling, self.rest = thresholds, falling, rest
        super().__init__({
            "i": In(stream.Signature(lanes * in_shape[0])),
            "o": Out(stream.Signature(lanes * out_width)),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    def body(self, platform: Any) -> Module:
        m = Module()
        front = PerChannel(m, self, len(self.thresholds), 2, self.QUEUE_WORDS)
        per_lane = self.levels * self.compare_width
        m.submodules.thresholds = limits = Rom(
            words=self.thresholds, width=self.lanes * per_lane, style="lut")
        m.submodules.falling = falling = Rom(words=self.falling, width=self.lanes, style="lut")
        m.d.comb += [limits.addr.eq(front.word), falling.addr.eq(front.word)]
        results: list[Value] = []
        for k in range(self.lanes):
            x = front.values.word_select(k, self.in_shape[0])
            x = x.as_signed() if self.in_shape[1] else x
            own = limits.data.word_select(k, per_lane)
            passed = [x >= own.word_select(j, self.compare_width).as_signed()
                      for j in range(self.levels)]
            result = Signal(self.out_width, name=f"result{k}")
            # Falling: J less the count, which counts the thresholds that are not reached.
            m.d.sync += result.eq(balanced_sum([p ^ falling.data[k] for p in passed]))
            results.append(result)
        front.give(results)
        return m
