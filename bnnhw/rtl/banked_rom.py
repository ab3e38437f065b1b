"""ROM of several rows of block RAMs, with a register in front of the multiplexer between them."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.rom import STYLES

__all__ = ["BankedRom"]


class BankedRom(wiring.Component):
    """Stores constants; ``data`` is the word at the address of two cycles before.

    A block RAM gives its word late in a cycle, too late for a multiplexer between many of them.
    Each bank therefore has a register, which is read in the next cycle.

    Parameters
    ----------
    words : list of int
        Contents, each of ``width`` bits; more than one bank of them.
    width : int
    bank_words : int
        Words of a bank, a power of two: the depth of a block RAM.

    Members
    -------
    addr : In(range(len(words)))
    data : Out(width)
    """

    LATENCY = 2
    """Cycles from an address to its word."""

    def __init__(self, *, words: list[int], width: int, bank_words: int) -> None:
        if bank_words < 1 or bank_words & (bank_words - 1) or bank_words >= len(words):
            raise ValueError(f"bank_words must be a power of two below {len(words)}, not "
                             f"{bank_words!r}")
        self.words, self.width, self.bank_words = words, width, bank_words
        super().__init__({"addr": In(range(len(words))), "data": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = self.bank_words
        inner = size.bit_length() - 1
        held: list[Value] = []
        for k, first in enumerate(range(0, len(self.words), size)):
            init = self.words[first:first + size]
            m.submodules[f"bank{k}"] = memory = Memory(
                shape=self.width, depth=max(len(init), 2), init=init, attrs=STYLES["block"])
            port = memory.read_port()
            word = Signal(self.width, name=f"word{k}")
            m.d.comb += port.addr.eq(self.addr[:inner])
            m.d.sync += word.eq(port.data)
            held.append(word)
        for bit in delayed(m, self.addr[inner:], self.LATENCY, "bank"):
            held = [Mux(bit, held[min(k + 1, len(held) - 1)], held[k])
                    for k in range(0, len(held), 2)]
        m.d.comb += self.data.eq(Cat(held))
        return m
