"""Replies onto a stream of bytes: sync, command, length, status, what was asked for, CRC."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from bnnhw.link import COUNTERS, REPLY_SYNC
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Reply"]


class Reply(SharedComponent):
    """Send one reply: a status, then the identity or the counters, then bytes of a memory.

    Parameters
    ----------
    identity : bytes
    lanes, words : int
        Bytes a word of the memory behind ``read_byte``, at most, and words.

    Members
    -------
    start : In(1)
    command, status : In(8)
        Held until ``busy`` falls, as all below.
    with_identity, with_counters : In(1)
        What comes behind the status; not both.
    counters : In(96)
    memory_bytes : In(16)
        Bytes of the memory that follow.
    memory_lanes : In
        Bytes a word of it, less one.
    busy : Out(1)
    read_word, read_lane : Out
        The byte that is wanted from the memory two cycles later.
    read_byte : In(8)
    o : Out(stream of 8 bits)
    """

    def __init__(self, *, identity: bytes, lanes: int, words: int) -> None:
        self.identity, self.lanes, self.words = identity, lanes, words
        super().__init__({
            "start": In(1), "command": In(8), "status": In(8), "with_identity": In(1),
            "with_counters": In(1), "counters": In(8 * COUNTERS.size), "memory_bytes": In(16),
            "memory_lanes": In(range(lanes)), "busy": Out(1), "read_word": Out(range(words)),
            "read_lane": Out(range(lanes)), "read_byte": In(8), "o": Out(stream.Signature(8)),
        })

    @property
    def module_name(self) -> str:
        return f"bnnhw_reply_{self.words}x{self.lanes}_{self.identity.hex()[2:18]}"

    def body(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = catalog.CRC16_IBM_3740(data_width=8).create()
        fixed = Signal(range(max(len(self.identity), COUNTERS.size) + 1))
        length, left = Signal(16), Signal(16)
        place = Signal.like(fixed)
        moves = Signal()
        m.d.comb += [
            fixed.eq(Mux(self.with_identity, len(self.identity),
                         Mux(self.with_counters, COUNTERS.size, 0))),
            length.eq(1 + fixed + self.memory_bytes),
            moves.eq(self.o.valid & self.o.ready),
            crc.data.eq(self.o.payload),
        ]
        identity = Signal(8)
        with m.Switch(place):
            for k, byte in enumerate(self.identity):
                with m.Case(k):
                    m.d.comb += identity.eq(byte)
        head = Array([Const(REPLY_SYNC, 8), self.command, length[:8], length[8:], self.status])
        with m.FSM(name="reply") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += crc.start.eq(1)
                m.d.sync += [place.eq(0), self.read_word.eq(0), self.read_lane.eq(0)]
                with m.If(self.start):
                    m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(head[place[:3]]),
                             crc.valid.eq(moves & (place != 0))]
                m.d.sync += left.eq(self.memory_bytes)
                with m.If(moves):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 4):
                        m.d.sync += place.eq(0)
                        with m.If(fixed != 0):
                            m.next = "FIXED"
                        with m.Else():
                            m.next = "FETCH"
            with m.State("FIXED"):
                m.d.comb += [
                    self.o.valid.eq(1), crc.valid.eq(moves),
                    self.o.payload.eq(Mux(self.with_identity, identity,
                                          self.counters.word_select(place, 8))),
                ]
                with m.If(moves):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == fixed - 1):
                        m.next = "FETCH"
            with m.State("FETCH"):
                m.next = "FETCHED"
                with m.If(left == 0):
                    m.next = "CRC_LOW"
            with m.State("FETCHED"):
                m.next = "MEMORY"
            with m.State("MEMORY"):
                m.d.comb += [self.o.valid.eq(1), crc.valid.eq(moves),
                             self.o.payload.eq(self.read_byte)]
                with m.If(moves):
                    m.d.sync += [left.eq(left - 1), self.read_lane.eq(self.read_lane + 1)]
                    with m.If(self.read_lane == self.memory_lanes):
                        m.d.sync += [self.read_lane.eq(0), self.read_word.eq(self.read_word + 1)]
                    m.next = "FETCH"
            for name, part, following in (("CRC_LOW", 0, "CRC_HIGH"), ("CRC_HIGH", 1, "IDLE")):
                with m.State(name):
                    m.d.comb += [self.o.valid.eq(1),
                                 self.o.payload.eq(Cat(crc.crc).word_select(part, 8))]
                    with m.If(moves):
                        m.next = following
        return m
