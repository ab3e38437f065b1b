"""ROM in LUTs that is read sequentially, so that the next address is known one cycle early."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.rom import STYLES

__all__ = ["WalkedRom"]


class WalkedRom(wiring.Component):
    """Stores constants; ``data`` is the word at the address of the cycle before.

    The address begins at 0 and advances after each cycle with ``step``, from the last word back to
    the first. As the next address is known, its lower bits select a word of every group one cycle
    early, and only its upper bits select in the cycle of the address itself: two short paths
    instead of a long one, with the same latency.

    Parameters
    ----------
    words : list of int
        Contents, each of ``width`` bits.
    width : int

    Members
    -------
    step : In(1)
    data : Out(width)
    """

    def __init__(self, *, words: list[int], width: int) -> None:
        self.words = words
        self.width = width
        super().__init__({"step": In(1), "data": Out(width)})

    @property
    def ahead(self) -> int:
        """Address bits that select early: the four inputs of a LUT, or half of a long address."""
        bits = (len(self.words) - 1).bit_length()
        return min(bits, max(4, bits // 2 + 1))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth, size = len(self.words), 1 << self.ahead
        groups = -(-depth // size)
        padded = [*self.words, *[0] * (groups * size - depth)]
        rows = [sum(padded[g * size + k] << (g * self.width) for g in range(groups))
                for k in range(size)]
        m.submodules.words = memory = Memory(shape=groups * self.width, depth=size, init=rows,
                                             attrs=STYLES["lut"])
        port = memory.read_port(domain="comb")
        address = Signal(range(depth), name="place")
        following = Signal(range(depth), init=1 % depth)
        chosen = Signal(groups * self.width, init=rows[0])  # one word of each group
        m.d.comb += port.addr.eq(following[:self.ahead])
        with m.If(self.step):
            m.d.sync += [
                chosen.eq(port.data), address.eq(following),
                following.eq(Mux(following == depth - 1, 0, following + 1)),
            ]
        words: list[Value] = [chosen.word_select(g, self.width) for g in range(groups)]
        for bit in address[self.ahead:]:
            words = [Mux(bit, high, low) for low, high in _pairs(words)]
        m.d.sync += self.data.eq(Cat(words))
        return m


def _pairs(words: list[Value]) -> list[tuple[Value, Value]]:
    """Pair neighbours; a single last word is paired with itself, as its partner is never read."""
    return [(words[k], words[min(k + 1, len(words) - 1)]) for k in range(0, len(words), 2)]
