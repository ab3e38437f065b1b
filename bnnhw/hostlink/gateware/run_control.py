"""When frames are fed to the accelerator, and when all of them came out."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["RunControl"]


class RunControl(SharedComponent):
    """Keep a run going.

    Frames that are under way are counted in few bits; where these run out, feeding waits.

    Parameters
    ----------
    in_flight : int
        Frames that the accelerator works on at a time, at most; no fewer are let in.
    rows : int
        Cycles in which a frame is read, at least.

    Members
    -------
    start : In(1)
        In the cycle before a run begins.
    run : In(1)
        While it lasts.
    single : In(1)
        A run of a single frame.
    final : In(1)
        With ``start`` or ``counts``: one more frame is to be fed.
    fed, got : In(1)
        The last row of a frame is read, the last word of one comes out.
    counts : Out(1)
        A frame was fed.
    feed : Out(1)
        Rows may be read.
    done : Out(1)
        All frames came out, the last one in the cycle before the one before this.
    """

    def __init__(self, *, in_flight: int, rows: int) -> None:
        self.in_flight, self.rows = in_flight, rows
        super().__init__({"start": In(1), "run": In(1), "single": In(1), "final": In(1),
                          "fed": In(1), "got": In(1), "counts": Out(1), "feed": Out(1),
                          "done": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_run_control_{self.in_flight}_{min(self.rows, 2)}"

    def body(self, platform: Any) -> Module:
        m = Module()
        feeding, last, final = (Signal(reset_less=True) for _ in range(3))
        # Three more are let in before it is seen that there are too many.
        under_way = Signal(max(2, (self.in_flight - 1).bit_length()) + 1, reset_less=True)
        fed, got = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.feed.eq(feeding & self.run & ~under_way[-1]),
            self.done.eq(self.run & ~feeding & ~fed & (under_way == 0)),
        ]
        # Counted a cycle late, to keep it short, but where the next frame ends in that cycle.
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
