"""Popcounts of XNOR products in a target's cells, and adder trees of small numbers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.logic.popcount import popcount_netlist, popcount_verilog
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.shared import SharedComponent, WrittenComponent

__all__ = ["Popcount", "XnorPopcount", "balanced_sum"]


def balanced_sum(terms: list[Value]) -> Value:
    """Add values in a balanced tree."""
    while len(terms) > 1:
        terms = [terms[k] + terms[k + 1] if k + 1 < len(terms) else terms[k]
                 for k in range(0, len(terms), 2)]
    return terms[0]


class XnorPopcount(WrittenComponent):
    """Counts the lanes in which activation and weight agree, with the cells of a target.

    Latency: ``latency(width, family, levels, early)`` cycles, one word each cycle. Its Verilog
    comes from a netlist that is proven before it is written (``logic.popcount``).

    Parameters
    ----------
    width : int
        Lanes.
    family : str
        Bit-heap target of the cells, see ``families.get_target``.
    levels : int
        Adder levels between two registers; 0 for no registers at all.
    early : bool
        Whether there is a register after the first level too.

    Members
    -------
    x : In(2 * width)
        Activations, and weights above them.
    y : Out(bits for 0..width)
    """

    def __init__(self, *, width: int, family: str, levels: int, early: bool) -> None:
        self.width, self.family, self.levels, self.early = width, family, levels, early
        super().__init__({"x": In(2 * width), "y": Out(width.bit_length())})

    @staticmethod
    def latency(width: int, family: str, levels: int, early: bool) -> int:
        """Cycles from ``x`` to ``y``."""
        return popcount_netlist(width, get_target(family), levels, early).cuts

    @property
    def module_name(self) -> str:
        tail = "e" if self.early else ""
        return f"bnnhw_xnor_popcount_{self.width}_{self.family}_l{self.levels}{tail}"

    @property
    def cuts(self) -> int:
        return self.latency(self.width, self.family, self.levels, self.early)

    @property
    def text(self) -> str:
        """Verilog of the module: ports ``clk`` (with registers only), ``x`` and ``y``."""
        return popcount_verilog(self.module_name, self.width, get_target(self.family), self.levels,
                                self.early)

    def body(self, platform: object) -> Module:
        m = Module()
        a, w = self.x[:self.width], self.x[self.width:]
        agreeing = ~(a ^ w)
        count = Signal(self.width.bit_length())
        m.d.comb += count.eq(balanced_sum([agreeing[k] for k in range(self.width)]))
        m.d.comb += self.y.eq(delayed(m, count, self.cuts, "y"))
        return m


class Popcount(SharedComponent):
    """Counts the ones of a word, or adds its lanes, with a balanced tree of adders.

    Latency: ``stages(width, levels)`` cycles, one word each cycle.

    Parameters
    ----------
    width : int
        Lanes to add up.
    bits : int
        Bits of a lane, unsigned; 1 counts ones.
    levels : int
        Adder levels between two registers; 0 for no registers at all.

    Members
    -------
    i : In(width * bits)
    o : Out(bits for 0..width * (2**bits - 1))
    """

    def __init__(self, *, width: int, levels: int, bits: int = 1) -> None:
        if width < 1 or levels < 0 or bits < 1:
            raise ValueError(f"width {width!r} must be positive, bits {bits!r} too, and levels "
                             f"{levels!r} not negative")
        self.width = width
        self.levels = levels
        self.bits = bits
        super().__init__({"i": In(width * bits),
                          "o": Out(range(width * ((1 << bits) - 1) + 1))})

    @staticmethod
    def stages(width: int, levels: int) -> int:
        """Latency in cycles."""
        depth = (width - 1).bit_length()
        return (depth - 1) // levels if levels and depth else 0

    @property
    def module_name(self) -> str:
        lanes = f"{self.width}x{self.bits}" if self.bits > 1 else f"{self.width}"
        return f"bnnhw_popcount_{lanes}_l{self.levels}"

    def body(self, platform: object) -> Module:
        m = Module()
        terms: list[Value] = [self.i.word_select(k, self.bits) for k in range(self.width)]
        level = 0
        while len(terms) > 1:
            level += 1
            registered = self.levels and level % self.levels == 0 and len(terms) > 2
            sums: list[Value] = []
            for k in range(0, len(terms) - 1, 2):
                total = Signal(len(terms[k]) + 1, name=f"level{level}_{k // 2}")
                if registered:
                    m.d.sync += total.eq(terms[k] + terms[k + 1])
                else:
                    m.d.comb += total.eq(terms[k] + terms[k + 1])
                sums.append(total)
            if len(terms) % 2:
                odd = terms[-1]
                if registered:
                    odd = Signal(len(odd), name=f"level{level}_{len(sums)}")
                    m.d.sync += odd.eq(terms[-1])
                sums.append(odd)
            terms = sums
        m.d.comb += self.o.eq(terms[0])
        return m
