"""Flow control of finished sums: reserves queue entries and reads the units one after another."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["Drain"]


class Drain(SharedComponent):
    """Read the sums of the units one after another while the output queue has free entries.

    A unit cannot store a finished sum for long, because the next pixel's sum replaces it. Therefore
    each word reserves a queue entry ``lag`` cycles before it is read, and an output may finish
    (step ``last``) only when all words of the previous output have an entry. After that, nothing
    stalls.

    Members
    -------
    last : In(1)
        The step that finishes an output is processed; only while ``clear`` is set.
    words : In
        Words per output, minus one.
    clear : Out(1)
    free : In(1)
    reserve : Out(1)
        Signals of the queue.
    take : Out(1)
    unit : Out(bits for no - 1)
        Read the word of this unit; its sum is stored from ``lag + 1`` cycles after ``last`` on.
    busy : Out(1)
        Words remain to be read.
    """

    def __init__(self, *, shape: CoreShape, lag: int) -> None:
        self.shape, self.lag = shape, lag
        super().__init__({"last": In(1), "words": In(dict(shape.header)["words"]),
                          "clear": Out(1), "free": In(1), "reserve": Out(1), "take": Out(1),
                          "unit": Out(range(shape.no)), "busy": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_yodann_drain_{self.shape.no}lag{self.lag}"

    def body(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(self.shape.no + 1))
        waiting, ending = Signal(), Signal()
        m.d.comb += [
            waiting.eq(left != 0), self.reserve.eq(waiting & self.free),
            ending.eq(self.reserve & (left == 1)), self.clear.eq(~waiting | ending),
        ]
        with m.If(self.last):
            m.d.sync += left.eq(self.words + 1)
        with m.Elif(self.reserve):
            m.d.sync += left.eq(left - 1)
        line = [Signal(name=f"reserved{k}") for k in range(self.lag)]
        before = self.reserve
        for stage in line:
            m.d.sync += stage.eq(before)
            before = stage
        m.d.comb += self.take.eq(line[-1])
        with m.If(self.take):
            m.d.sync += self.unit.eq(Mux(self.unit == self.words, 0, self.unit + 1))
        pending = waiting
        for stage in line:
            pending = pending | stage
        m.d.comb += self.busy.eq(pending)
        return m
