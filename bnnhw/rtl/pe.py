"""The processing element: one row of XNOR, popcount and accumulator."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.rtl.popcount import Popcount, XnorPopcount
from bnnhw.rtl.shared import SharedComponent, prefix_ports

__all__ = ["ProcessingElement"]

class ProcessingElement(SharedComponent):
    """Accumulate ``coefficient * popcount(a xnor w)`` over the words of a dot product.

    The accumulator begins with ``start``: the constant of the row, or minus its threshold, so
    that the sign bit of ``acc`` is the whole comparison.

    Integers of B bits come in one of two ways. In parallel (``bits = B``) each lane of ``a`` is a
    number, which its weight passes or inverts, and the tree adds numbers. In series
    (``planes = B``) a word comes B times, one bit plane each, highest first; a register doubles
    the sum so far and adds the popcount, and after the last plane it goes to the accumulator.

    Latency: ``latency()`` cycles from ``a`` (its last plane) to ``acc``. ``count`` and
    ``first_plane`` belong to the cycle in which the popcount leaves its tree; ``enable``,
    ``first`` and ``start`` to the cycle before ``acc``. With one plane that is the same cycle and
    ``count`` is not used.

    Parameters
    ----------
    simd : int
        Columns a cycle.
    width : int
        Bits of the accumulator, two's complement.
    coefficient : int
        Weight of one agreeing bit (of the lowest plane): 1 before a threshold, 2 for a score of
        -1/+1.
    levels : int
        Adder levels between two registers (see ``Popcount``).
    product_register : bool
        Register in front of or behind the first cells that ``w`` meets. It hides the slow output
        of a block RAM.
    family : str
        Target whose cells count single bits (see ``XnorPopcount``).
    bits : int
        Bits of a lane of ``a``, unsigned.
    planes : int
        Bit planes that come one after the other.

    Members
    -------
    a : In(simd * bits)
        Activations.
    w : In(simd)
        Weights of the row.
    count : In(1)
        There is a popcount in this cycle (several planes only).
    first_plane : In(1)
        It is that of the highest plane.
    enable : In(1)
        There is a sum for the accumulator in this cycle.
    first : In(1)
        The sum is the first one of its dot product.
    start : In(signed(width))
    acc : Out(signed(width))
    """

    def __init__(self, *, simd: int, width: int, coefficient: int, levels: int,
                 product_register: bool = False, bits: int = 1, planes: int = 1,
                 family: str = "generic") -> None:
        if coefficient < 1:
            raise ValueError(f"coefficient must be positive, not {coefficient!r}")
        if min(bits, planes) < 1 or max(bits, planes) > 1 < min(bits, planes):
            raise ValueError("either bits or planes can be more than 1")
        self.simd = simd
        self.width = width
        self.coefficient = coefficient
        self.levels = levels
        self.product_register = product_register
        self.bits, self.planes, self.family = bits, planes, family
        super().__init__({
            "a": In(simd * bits), "w": In(simd), "count": In(1), "first_plane": In(1),
            "enable": In(1), "first": In(1),
            "start": In(signed(width)), "acc": Out(signed(width)),
        })

    @staticmethod
    def count_latency(simd: int, levels: int, product_register: bool, bits: int,
                      family: str) -> int:
        """Cycles from ``a`` until its popcount leaves the tree."""
        if bits > 1:
            return int(product_register) + Popcount.stages(simd, levels)
        registered = product_register and get_target(family).absorbs_products
        return int(registered) + XnorPopcount.latency(simd, family, levels,
                                                      product_register and not registered)

    @staticmethod
    def latency(simd: int, levels: int, product_register: bool, planes: int, bits: int,
                family: str) -> int:
        """Cycles from ``a`` to ``acc``."""
        counted = ProcessingElement.count_latency(simd, levels, product_register, bits, family)
        return counted + int(planes > 1) + 1

    @property
    def module_name(self) -> str:
        tail = "_r" if self.product_register else ""
        tail += f"_b{self.bits}" if self.bits > 1 else ""
        tail += f"_p{self.planes}" if self.planes > 1 else ""
        tail += f"_{self.family}" if self.bits == 1 else ""
        return f"bnnhw_pe_{self.simd}_a{self.width}_c{self.coefficient}_l{self.levels}{tail}"

    def body(self, platform: Any) -> Module:
        m = Module()
        base = Signal(signed(self.width))
        m.d.comb += base.eq(Mux(self.first, self.start, self.acc))
        term = self._numbers(m) if self.bits > 1 else self._bits(m)
        if self.planes > 1:
            planes = Signal(range(self.simd * ((1 << self.planes) - 1) + 1))
            with m.If(self.count):
                m.d.sync += planes.eq(Mux(self.first_plane, 0, planes << 1) + term)
            term = planes
        with m.If(self.enable):
            m.d.sync += self.acc.eq(base + term * self.coefficient)
        return m

    def _bits(self, m: Module) -> Value:
        """Popcount of single bits."""
        registered = self.product_register and get_target(self.family).absorbs_products
        count = XnorPopcount(width=self.simd, family=self.family, levels=self.levels,
                             early=self.product_register and not registered)
        prefix_ports(count, "count")
        m.submodules.popcount = count
        domain = m.d.sync if registered else m.d.comb
        x = Signal(2 * self.simd)
        domain += x.eq(Cat(self.a, self.w))
        m.d.comb += count.x.eq(x)
        return count.y

    def _numbers(self, m: Module) -> Value:
        """Sum of numbers that their weights pass or invert."""
        m.submodules.popcount = popcount = Popcount(width=self.simd, levels=self.levels,
                                                    bits=self.bits)
        agreeing = Signal(self.simd * self.bits)
        domain = m.d.sync if self.product_register else m.d.comb
        weights = Cat(self.w[k].replicate(self.bits) for k in range(self.simd))
        domain += agreeing.eq(~(self.a ^ weights))
        m.d.comb += popcount.i.eq(agreeing)
        return popcount.o
