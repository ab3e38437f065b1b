"""Controls a run: feeds frames to the accelerator, and detects that all results have arrived."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["RunControl"]


class RunControl(SharedComponent):
    """Controls a run.

    A narrow counter tracks the frames in the accelerator; feeding pauses when it is full.

    Parameters
    ----------
    in_flight : int
        Frames that the accelerator processes at the same time, at most; the counter allows at least
        as many.
    rows : int
        Cycles that it takes to read a frame, at least.

    Members
    -------
    start : In(1)
        1 in the cycle before a run begins.
    run : In(1)
        A run is in progress.
    single : In(1)
        The run has a single frame.
    final : In(1)
        With ``start`` or ``counts``: exactly one more frame has to be fed.
    fed, got : In(1)
        The last row of a frame is read; the last word of a result arrives.
    counts : Out(1)
        A frame was fed.
    feed : Out(1)
        Rows may be read.
    done : Out(1)
        All results have arrived, the last one two cycles ago.
    """

    def __init__(self, *, in_flight: int, rows: int) -> None:
        self.in_flight, self.rows = in_flight, rows
        super().__init__({"start": In(1), "run": In(1), "single": In(1), "final": In(1),
                          "fed": In(1), "got": In(1), "counts": Out(1), "feed": Out(1),
                          "done": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_run_control_{self.in_flight}_{min(self.rows, 2)}"

    def body(self, platform: object) -> Module:
        m = Module()
        feeding, last, final = (Signal(reset_less=True) for _ in range(3))
        # Three more frames may enter before the full counter stops feeding.
        under_way = Signal(max(2, (self.in_flight - 1).bit_length()) + 1, reset_less=True)
        fed, got = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.feed.eq(feeding & self.run & ~under_way[-1]),
            self.done.eq(self.run & ~feeding & ~fed & (under_way == 0)),
        ]
        # Frames are counted one cycle late for a shorter path, unless frames may end in every
        # cycle.
        m.d.comb += self.counts.eq(fed if self.rows > 1 else self.fed)
        m.d.sync += [fed.eq(self.fed), got.eq(self.got), final.eq(self.final)]
        with m.If(self.start):
            m.d.sync += [feeding.eq(1), last.eq(self.single)]
        with m.Elif(self.run):
            m.d.sync += [feeding.eq(feeding & ~(self.fed & (last | final))), last.eq(last | final)]
        with m.If(~self.run):
            m.d.sync += under_way.eq(0)
        with m.Elif(fed ^ got):
            m.d.sync += under_way.eq(under_way + Mux(fed, 1, -1))
        return m
