"""State machine of the link: bytes of a request, its execution, bytes of the reply."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import incremented
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Sequencer"]


class Sequencer(SharedComponent):
    """Steps through the bytes of a request and of its reply, eight cycles per byte and a pause.

    Requests and replies have the same format and use the same states.

    Members
    -------
    heard : In(1)
        The receive queue has a byte.
    broken : In(1)
        That byte had no stop bit.
    free : In(1)
        The transmitter can accept a byte.
    right : In(1)
        All bits of the sync byte up to the current one are correct.
    over : In(1)
        The length of the request exceeds the longest valid one.
    none : In(1)
        All bytes of the payload have passed.
    partial : In(1)
        A row of the input memory is partly filled.
    silent : In(1)
        No byte has arrived within the timeout.
    runs : In(1)
        The request is valid and starts a run.
    ended : In(1)
        The run has ended.
    replying : Out(1)
        A reply is sent; otherwise a request is received.
    begins : Out(1)
        The first bit of a byte passes in the next cycle.
    shifting : Out(1)
        A bit passes in this cycle.
    bit : Out(3)
        Number of the bit that passes in the next cycle: 0 is the most significant one, which is the
        first.
    ends : Out(1)
        The last bit of a byte passes.
    listens : Out(1)
        The state reads bytes of the host.
    sync, command, low, high, status, payload, crc : Out(1)
        Kind of the byte that passes or is next.
    sized : Out(1)
        The length is known.
    pad : Out(1)
        Padding bits fill up a row of the input memory.
    judge : Out(1)
        The request is complete, and its status is determined.
    act : Out(1)
        The status is known, and the request is executed.
    run : Out(1)
        A run is in progress.
    """

    def __init__(self) -> None:
        super().__init__({
            **dict.fromkeys(("heard", "broken", "free", "right", "over", "none", "partial",
                             "silent", "runs", "ended"), In(1)),
            **dict.fromkeys(("replying", "begins", "shifting", "ends", "listens", "sync",
                             "command", "low", "high", "status", "payload", "crc", "sized", "pad",
                             "judge", "act", "run"), Out(1)),
            "bit": Out(3),
        })

    @property
    def module_name(self) -> str:
        return "bnnhw_link_sequencer"

    def body(self, platform: object) -> Module:
        m = Module()
        rests = Signal(reset_less=True)  # between two bytes: ``none`` becomes valid
        bad, on, remains, between = Signal(), Signal(), Signal(name="stays"), Signal()
        paid, padded = Signal(), Signal()  # the payload is complete, the row is full
        m.d.comb += [
            self.ends.eq(self.shifting & (self.bit == 0)),
            bad.eq(self.broken & ~self.replying),
            on.eq(self.ends & ~bad),
            # An incomplete request is dropped after a timeout between two of its bytes.
            remains.eq(~self.ends & (self.replying | self.shifting | self.heard | ~self.silent)),
            paid.eq(~self.shifting & ~rests & self.none),
            padded.eq(~self.shifting & ~self.partial),
        ]
        m.d.sync += [rests.eq(self.ends), self.shifting.eq(self.begins
                                                           | (self.shifting & ~self.ends))]
        with m.If(self.begins | (self.shifting & ~self.ends)):
            m.d.sync += self.bit.eq(incremented(self.bit))

        names = ("sync", "command", "low", "high", "sized", "status", "payload", "pad", "crc_low",
                 "crc_high", "judge", "act", "run")
        now = {name: Signal(name=f"at_{name}", init=name == "sync") for name in names}
        (sync, command, low, high, sized, status, payload, pad, crc_low, crc_high, judge, act,
         run) = now.values()
        found = on & (self.replying | self.right)
        following = {
            "command": (sync & found) | (command & remains),
            "low": (command & on) | (low & remains),
            "high": (low & on) | (high & remains),
            "sized": high & on & ~self.replying,
            "status": (high & on & self.replying) | (status & remains),
            "payload": (sized & ~self.over) | (status & on) | (payload & ~paid & (on | remains)),
            "pad": (payload & paid & ~self.replying) | (pad & ~padded),
            "crc_low": (payload & paid & self.replying) | (pad & padded) | (crc_low & remains),
            "crc_high": (crc_low & on) | (crc_high & remains),
            "judge": (sized & self.over) | (crc_high & on & ~self.replying)
            | (self.ends & bad & ~sync & ~pad),
            "act": judge,
            "run": (act & self.runs) | (run & ~self.ended),
        }
        following["sync"] = ((sync & ~found) | (act & ~self.runs) | (run & self.ended)
                             | (crc_high & on & self.replying)
                             | ~(self.ends | remains | between | pad))
        m.d.comb += between.eq(sized | judge | act | run)
        m.d.sync += [now[name].eq(value) for name, value in following.items()]
        with m.If((act & ~self.runs) | (run & self.ended)):
            m.d.sync += self.replying.eq(1)
        with m.Elif(crc_high & self.ends):
            m.d.sync += self.replying.eq(0)
        m.d.comb += [getattr(self, name).eq(now[name]) for name in names
                     if not name.startswith("crc")]
        m.d.comb += [
            self.crc.eq(crc_low | crc_high),
            self.listens.eq(~self.replying & ~pad),
            self.begins.eq(~self.shifting & ~rests & Mux(
                pad, self.partial,
                Mux(self.replying, self.free, self.heard)
                & ~between & ~(payload & self.none))),
        ]
        return m
