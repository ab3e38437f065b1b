"""Counts the cycles and stalls of a run (``bnnhw.hostlink.wire.Counters``), and the timeouts."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import ShiftCounter, shifted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["RunMeters"]


class RunMeters(SharedComponent):
    """Counts the cycles of a run, and outputs the counters in the order of the wire.

    ``sent``, ``got`` and ``stalled`` arrive one cycle late, so that no combinational path of the
    accelerator ends here. A run ends one cycle after the last ``got``. Between runs, the cycle
    counter measures the timeout of the line.

    Parameters
    ----------
    first_bits : int
        Width of the counter up to the first output word, a multiple of 8; 32 bits are sent.
    run_bit, idle_bit : int
        Bit of the counter whose falling edge causes a ``tick`` during and between runs.

    Members
    -------
    clear : In(1)
        Clear the counters.
    running : In(1)
        A run is in progress.
    waits : In(1)
        The link waits for a request or for the next byte of one.
    sent, got, stalled : In(1)
        A word was sent to the accelerator, was received from it, or had to wait.
    shift : In(1)
        Output the next bit.
    o : Out(1)
        Bit of the counters.
    tick : Out(1)
        1 once in ``2 << run_bit`` cycles of a run, and in ``2 << idle_bit`` waiting cycles.
    """

    def __init__(self, *, first_bits: int, run_bit: int, idle_bit: int) -> None:
        self.first_bits, self.run_bit, self.idle_bit = first_bits, run_bit, idle_bit
        super().__init__({"clear": In(1), "running": In(1), "waits": In(1), "sent": In(1),
                          "got": In(1), "stalled": In(1), "shift": In(1), "o": Out(1),
                          "tick": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_run_meters_{self.first_bits}_{self.run_bit}_{self.idle_bit}"

    def body(self, platform: object) -> Module:
        m = Module()
        # The counter is 0 two cycles after the first word, together with a tick; the next tick
        # follows an entire period later.
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
            # A word that is never accepted does not start the run, but counts as a stall.
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
