"""Input buffer of a folded layer: each vector arrives once and is read once per row group."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.rom import RAM_STYLES
from bnnhw.rtl.shared import SharedComponent

__all__ = ["ReplayBuffer"]


class ReplayBuffer(SharedComponent):
    """Stores frames of ``words`` words and reads each frame ``repeats`` times.

    It has space for two frames: the next one arrives while the last one is read. Reading may
    follow writing closely. A word that is accepted in cycle t can be read from cycle t + 1 on, and
    its space is free in the cycle after its last reading.

    Parameters
    ----------
    width : int
        Bits per word.
    words : int
        Words per frame (SF).
    repeats : int
        Readings of each frame (NF).
    style : str
        Storage, see ``rom.RAM_STYLES``.

    Members
    -------
    i : In(stream)
    available : Out(1)
        The next word can be read.
    read : In(1)
        Read it; only while ``available``.
    data : Out(width)
        The word that was read in the cycle before; it remains until the next reading.
    """

    WRITE_LATENCY = 1
    """Cycles from accepting a word until it can be read."""

    def __init__(self, *, width: int, words: int, repeats: int, style: str = "auto") -> None:
        if words < 1 or repeats < 1:
            raise ValueError(f"words {words!r} and repeats {repeats!r} must be positive")
        self.width = width
        self.words = words
        self.repeats = repeats
        self.style = style
        super().__init__({
            "i": In(stream.Signature(width)),
            "available": Out(1), "read": In(1), "data": Out(width),
        })

    @staticmethod
    def depth(words: int) -> int:
        """Words that the buffer stores."""
        return 2 * words

    @property
    def room(self) -> int:
        """Largest number of words that wait for their last reading."""
        return self.depth(self.words)

    @property
    def module_name(self) -> str:
        tail = "" if self.style == "auto" else f"_{self.style}"
        return f"bnnhw_replay_{self.width}x{self.words}_r{self.repeats}{tail}"

    def body(self, platform: object) -> Module:
        m = Module()
        depth = self.depth(self.words)
        m.submodules.memory = memory = Memory(shape=self.width, depth=depth, init=[],
                                              attrs=RAM_STYLES[self.style])
        write_port = memory.write_port()
        read_port = memory.read_port()
        write_at = Signal(range(depth))
        bank = Signal()  # half of the memory with the frame that is read
        word = Signal(range(self.words))
        pass_ = Signal(range(self.repeats), name="pass")
        stored = Signal(range(depth + 1))  # words accepted and not yet read for the last time
        fresh = Signal(range(depth + 1))  # words accepted and never read
        last_pass = Signal()
        accepted = Signal()
        released = Signal()
        first_read = Signal()
        m.d.comb += [
            last_pass.eq(pass_ == self.repeats - 1),
            self.i.ready.eq(stored < self.room),
            accepted.eq(self.i.valid & self.i.ready),
            self.available.eq((pass_ != 0) | (fresh != 0)),
            first_read.eq(self.read & (pass_ == 0)),
            released.eq(self.read & last_pass),
            write_port.addr.eq(write_at),
            write_port.data.eq(self.i.payload),
            write_port.en.eq(accepted),
            read_port.addr.eq(bank * self.words + word),
            read_port.en.eq(self.read),
            self.data.eq(read_port.data),
        ]
        m.d.sync += [
            stored.eq(stored + accepted - released),
            fresh.eq(fresh + accepted - first_read),
        ]
        with m.If(accepted):
            with m.If(write_at == depth - 1):
                m.d.sync += write_at.eq(0)
            with m.Else():
                m.d.sync += write_at.eq(write_at + 1)
        with m.If(self.read):
            with m.If(word != self.words - 1):
                m.d.sync += word.eq(word + 1)
            with m.Else():
                m.d.sync += word.eq(0)
                with m.If(last_pass):
                    m.d.sync += [pass_.eq(0), bank.eq(~bank)]
                with m.Else():
                    m.d.sync += pass_.eq(pass_ + 1)
        return m
