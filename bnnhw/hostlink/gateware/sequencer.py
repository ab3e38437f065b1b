"""The order of things: the bytes of a request, what is done about it, the bytes of its reply."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import counted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Sequencer"]


class Sequencer(SharedComponent):
    """Step through a request and its reply, a byte in eight cycles and a wait.

    Requests and replies are alike, and pass through the same states.

    Members
    -------
    heard : In(1)
        A byte of the host waits; with ``broken`` it is none.
    broken : In(1)
    free : In(1)
        A byte to the host can be sent.
    right : In(1)
        All bits of the sync byte are, the one of this cycle too.
    over : In(1)
        The length of the request is too great for anything.
    none : In(1)
        All bytes of the payload have passed.
    partial : In(1)
        A row of the input memory is filled in part.
    silent : In(1)
        No byte came for long.
    runs : In(1)
        What is asked and can be met is a run.
    ended : In(1)
        The run is over.
    replying : Out(1)
    begins : Out(1)
        The coming cycle is that of the first bit of a byte.
    shifting : Out(1)
        A bit passes in this cycle.
    bit : Out(3)
        Number of the bit that passes in the next cycle: 0 is the high bit, which is the first.
    ends : Out(1)
        The last bit of a byte passes.
    listens : Out(1)
        A byte of the host is awaited or passes, if any.
    sync, command, low, high, status, payload, crc : Out(1)
        The byte that is next, or passes.
    sized : Out(1)
        The length is known.
    pad : Out(1)
        Bits pass that are none, until a row of the input memory is full.
    judge : Out(1)
        The request has ended.
    act : Out(1)
        What the reply will say of it is known.
    run : Out(1)
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

    def body(self, platform: Any) -> Module:
        m = Module()
        rests = Signal(reset_less=True)  # a cycle between bytes, in which ``none`` becomes known
        bad, on, stays, between = Signal(), Signal(), Signal(), Signal()
        paid, padded = Signal(), Signal()  # the payload has passed, the row is full
        m.d.comb += [
            self.ends.eq(self.shifting & (self.bit == 0)),
            bad.eq(self.broken & ~self.replying),
            on.eq(self.ends & ~bad),
            # Between bytes of a request that goes on no more it is dropped.
            stays.eq(~self.ends & (self.replying | self.shifting | self.heard | ~self.silent)),
            paid.eq(~self.shifting & ~rests & self.none),
            padded.eq(~self.shifting & ~self.partial),
        ]
        m.d.sync += [rests.eq(self.ends), self.shifting.eq(self.begins
                                                           | (self.shifting & ~self.ends))]
        with m.If(self.begins | (self.shifting & ~self.ends)):
            m.d.sync += self.bit.eq(counted(self.bit))

        names = ("sync", "command", "low", "high", "sized", "status", "payload", "pad", "crc_low",
                 "crc_high", "judge", "act", "run")
        now = {name: Signal(name=f"at_{name}", init=name == "sync") for name in names}
        (sync, command, low, high, sized, status, payload, pad, crc_low, crc_high, judge, act,
         run) = now.values()
        found = on & (self.replying | self.right)
        following = {
            "command": (sync & found) | (command & stays),
            "low": (command & on) | (low & stays),
            "high": (low & on) | (high & stays),
            "sized": high & on & ~self.replying,
            "status": (high & on & self.replying) | (status & stays),
            "payload": (sized & ~self.over) | (status & on) | (payload & ~paid & (on | stays)),
            "pad": (payload & paid & ~self.replying) | (pad & ~padded),
            "crc_low": (payload & paid & self.replying) | (pad & padded) | (crc_low & stays),
            "crc_high": (crc_low & on) | (crc_high & stays),
            "judge": (sized & self.over) | (crc_high & on & ~self.replying)
            | (self.ends & bad & ~sync & ~pad),
            "act": judge,
            "run": (act & self.runs) | (run & ~self.ended),
        }
        following["sync"] = ((sync & ~found) | (act & ~self.runs) | (run & self.ended)
                             | (crc_high & on & self.replying)
                             | ~(self.ends | stays | between | pad))
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
