"""Sums of numbers that their weights pass or invert, in a target's cells."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.logic.number_sum import number_sum_netlist, number_sum_verilog
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.shared import WrittenComponent

__all__ = ["NumberSum"]


class NumberSum(WrittenComponent):
    """Adds unsigned numbers, each of which its weight passes (1) or inverts (0).

    Latency: ``latency(width, bits, family, levels)`` cycles, one word each cycle. Its Verilog
    comes from a netlist that is proven before it is written (``logic.number_sum``).

    Parameters
    ----------
    width, bits : int
        Lanes, and bits of each of them.
    family : str
        Target of the cells, whose slots absorb products; see ``families.get_target``.
    levels : int
        Adder levels between two registers; 0 for no registers at all.

    Members
    -------
    x : In(width * bits + width)
        Numbers, and weights above them.
    y : Out(bits for 0..width * (2**bits - 1))
    """

    def __init__(self, *, width: int, bits: int, family: str, levels: int) -> None:
        self.width, self.bits, self.family, self.levels = width, bits, family, levels
        super().__init__({"x": In(width * bits + width),
                          "y": Out((width * ((1 << bits) - 1)).bit_length())})

    @staticmethod
    def latency(width: int, bits: int, family: str, levels: int) -> int:
        """Cycles from ``x`` to ``y``."""
        return number_sum_netlist(width, bits, get_target(family), levels).cuts

    @property
    def module_name(self) -> str:
        return f"bnnhw_number_sum_{self.width}x{self.bits}_{self.family}_l{self.levels}"

    @property
    def cuts(self) -> int:
        return self.latency(self.width, self.bits, self.family, self.levels)

    @property
    def text(self) -> str:
        """Verilog of the module: ports ``clk`` (with registers only), ``x`` and ``y``."""
        return number_sum_verilog(self.module_name, self.width, self.bits,
                                  get_target(self.family), self.levels)

    def body(self, platform: object) -> Module:
        m = Module()
        weights = self.x[self.width * self.bits:]
        total = Signal(len(self.y))
        m.d.comb += total.eq(balanced_sum([
            ~(self.x.word_select(k, self.bits) ^ weights[k].replicate(self.bits))
            for k in range(self.width)]))
        m.d.comb += self.y.eq(delayed(m, total, self.cuts, "y"))
        return m
