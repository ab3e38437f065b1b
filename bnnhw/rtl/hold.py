"""Input register of a folded layer whose vectors are a single word."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["HoldRegister"]


class HoldRegister(SharedComponent):
    """Stores a word and reads it ``repeats`` times: a ``ReplayBuffer`` for vectors of one word.

    A word that is accepted in cycle t can be read from cycle t + 1 on. The next one may be
    accepted in the cycle of its last reading.

    Parameters
    ----------
    width : int
        Bits of a word.
    repeats : int
        Readings of each word (NF).

    Members
    -------
    i, available, read, data
        As in ``ReplayBuffer``.
    """

    WRITE_LATENCY = 1
    """Cycles from accepting a word until it can be read."""

    def __init__(self, *, width: int, repeats: int) -> None:
        if repeats < 1:
            raise ValueError(f"repeats {repeats!r} must be positive")
        self.width, self.repeats = width, repeats
        super().__init__({
            "i": In(stream.Signature(width)),
            "available": Out(1), "read": In(1), "data": Out(width),
        })

    @property
    def last_pass(self) -> int:
        """Number of the last reading, counted from 0."""
        return self.repeats - 1

    @property
    def module_name(self) -> str:
        return f"bnnhw_hold_{self.width}_r{self.repeats}"

    def body(self, platform: object) -> Module:
        m = Module()
        pass_ = Signal(range(self.repeats), name="pass")
        word = Signal(self.width)
        stored = Signal()
        last = Signal()
        m.d.comb += [
            last.eq(self.read & (pass_ == self.last_pass)),
            self.available.eq(stored),
            self.i.ready.eq(~stored | last),
        ]
        with m.If(self.i.ready):
            m.d.sync += [stored.eq(self.i.valid), word.eq(self.i.payload)]
        with m.If(self.read):
            m.d.sync += [self.data.eq(word), pass_.eq(pass_ + 1)]
        with m.If(last):
            m.d.sync += pass_.eq(0)
        return m
