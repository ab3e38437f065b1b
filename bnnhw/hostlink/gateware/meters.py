"""What a run took: the counters of ``bnnhw.hostlink.wire.Counters``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import ShiftCounter, shifted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["RunMeters"]


class RunMeters(SharedComponent):
    """Count cycles of a run, and hand out the counters in the order of the wire.

    ``sent``, ``got`` and ``stalled`` come a cycle late, so that no path of the accelerator leads
    here. A run ends with the cycle behind the last ``got``. Outside of runs the counter of cycles
    is the clock of the line's timeout.

    Parameters
    ----------
    first_bits : int
        Bits of the cycles up to the first output word, a multiple of 8; on the wire it has 32.
    run_bit, idle_bit : int
        ``tick`` comes with each falling edge of this bit of the counter.

    Members
    -------
    clear : In(1)
    running : In(1)
    waits : In(1)
        For a request, or for more of one.
    sent, got, stalled : In(1)
        A word went into the accelerator, came out, or had to wait.
    shift : In(1)
        Hand out the next bit.
    o : Out(1)
    tick : Out(1)
        A cycle in ``2 << run_bit`` of a run, and in ``2 << idle_bit`` of those in which is waited.
    """

    def __init__(self, *, first_bits: int, run_bit: int, idle_bit: int) -> None:
        self.first_bits, self.run_bit, self.idle_bit = first_bits, run_bit, idle_bit
        super().__init__({"clear": In(1), "running": In(1), "waits": In(1), "sent": In(1),
                          "got": In(1), "stalled": In(1), "shift": In(1), "o": Out(1),
                          "tick": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_run_meters_{self.first_bits}_{self.run_bit}_{self.idle_bit}"

    def body(self, platform: Any) -> Module:
        m = Module()
        # It is 0 in the cycle of the second flip-flop behind the first word, with a tick: the next
        # one comes a whole period later.
        m.submodules.cycles = cycles = ShiftCounter(32, begin=-1)
        m.submodules.stalls = stalls = ShiftCounter(32)
        first = Signal(self.first_bits, reset_less=True)
        started, answered = Signal(reset_less=True), Signal(3, reset_less=True)
        now, before = Signal(), Signal(reset_less=True)
        m.d.comb += [
            cycles.clear.eq(self.clear), cycles.count.eq(self.waits | (self.running & started)),
            stalls.clear.eq(self.clear), stalls.count.eq(self.running & self.stalled),
            cycles.shift.eq(self.shift), stalls.shift.eq(self.shift),
            cycles.i.eq(stalls.o), stalls.i.eq(first[7]), self.o.eq(cycles.o),
            # A word that is never taken is not the start, but is counted as a stall.
            now.eq(Mux(self.running, Mux(started, cycles.value[self.run_bit],
                                         stalls.value[self.run_bit]),
                       cycles.value[self.idle_bit])),
            self.tick.eq(before & ~now),
        ]
        m.d.sync += [before.eq(now),
                     answered.eq(Cat(self.got, answered[0], answered[1] | answered[2]))]
        with m.If(self.sent):
            m.d.sync += started.eq(1)
        with m.If(self.clear):
            m.d.sync += [started.eq(0), answered.eq(0)]
        with m.If(self.shift | ~answered[2]):
            m.d.sync += first.eq(Mux(self.shift, shifted(first, Const(0)),
                                     cycles.value[:self.first_bits]))
        return m
