"""The processing element: one row of XNOR, popcount and accumulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from bnnhw.families import get_target
from bnnhw.rtl.number_sum import NumberSum
from bnnhw.rtl.popcount import Popcount, XnorPopcount
from bnnhw.rtl.shared import SharedComponent, prefix_ports

__all__ = ["PeParams", "ProcessingElement"]


@dataclass(frozen=True)
class PeParams:
    """The size and the pipeline of a processing element.

    Parameters
    ----------
    simd : int
        Columns per cycle.
    width : int
        Bits of the accumulator, two's complement.
    coefficient : int
        Weight of one agreeing bit (of the lowest plane): 1 before a threshold, 2 for a score of
        -1/+1.
    levels : int
        Adder levels between two registers (see ``Popcount``).
    product_register : bool
        Add a register before or after the first cells that the weights drive. It hides the slow
        output of a block RAM.
    bits : int
        Bits of a lane of activations, unsigned.
    planes : int
        Bit planes that arrive one after the other. At most one of ``bits`` and ``planes`` is
        greater than 1.
    family : str
        Target whose cells count single bits (see ``XnorPopcount``).
    """

    simd: int
    width: int
    coefficient: int
    levels: int
    product_register: bool = False
    bits: int = 1
    planes: int = 1
    family: str = "generic"

    def __post_init__(self) -> None:
        if self.coefficient < 1:
            raise ValueError(f"coefficient must be positive, not {self.coefficient!r}")
        if min(self.bits, self.planes) < 1 or \
                max(self.bits, self.planes) > 1 < min(self.bits, self.planes):
            raise ValueError("either bits or planes can be more than 1")

    step_ports: ClassVar[tuple[str, ...]] = ()
    """Ports that take the number of a step."""

    def create(self) -> ProcessingElement:
        """Make the component."""
        return ProcessingElement(self)

    @property
    def input_register(self) -> bool:
        """The register precedes the XNOR, because the adder cells absorb the XNOR."""
        return self.product_register and self.absorbs

    @property
    def absorbs(self) -> bool:
        """The adder cells absorb the XNOR of single bits and of numbers."""
        return get_target(self.family).absorbs_products

    @property
    def early_register(self) -> bool:
        """The register follows the first cells of the popcount."""
        return self.product_register and not self.input_register

    @property
    def count_latency(self) -> int:
        """Cycles from the activations until their popcount leaves the tree."""
        if self.bits > 1:
            return int(self.product_register) + (
                NumberSum.latency(self.simd, self.bits, self.family, self.levels)
                if self.absorbs else Popcount.stages(self.simd, self.levels))
        return int(self.input_register) + XnorPopcount.latency(
            self.simd, self.family, self.levels, self.early_register)

    @property
    def latency(self) -> int:
        """Cycles from the activations (of the last plane) until they are in the accumulator."""
        return self.count_latency + int(self.planes > 1) + 1


class ProcessingElement(SharedComponent):
    """Accumulates ``coefficient * popcount(a xnor w)`` over the words of a dot product.

    The accumulator begins with ``start``: the constant of the row, or minus its threshold, so
    that the sign bit of ``acc`` is the entire comparison.

    Integers of B bits arrive in one of two forms. In parallel (``bits = B``) each lane of ``a`` is
    a number, which its weight passes or inverts, and the tree adds numbers. In series
    (``planes = B``) a word arrives B times, one bit plane at a time, highest first; a register
    doubles the sum so far and adds the popcount, and after the last plane the accumulator adds it.

    ``count`` and ``first_plane`` belong to the cycle in which the popcount leaves its tree;
    ``enable``, ``first`` and ``start`` to the cycle before ``acc``. With one plane that is the same
    cycle and ``count`` is not used.

    Parameters
    ----------
    params : PeParams

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

    def __init__(self, params: PeParams) -> None:
        self.params = params
        super().__init__({
            "a": In(params.simd * params.bits), "w": In(params.simd), "count": In(1),
            "first_plane": In(1), "enable": In(1), "first": In(1),
            "start": In(signed(params.width)), "acc": Out(signed(params.width)),
        })

    @property
    def module_name(self) -> str:
        p = self.params
        tail = "_r" if p.product_register else ""
        tail += f"_b{p.bits}" if p.bits > 1 else ""
        tail += f"_p{p.planes}" if p.planes > 1 else ""
        tail += f"_{p.family}" if p.bits == 1 or p.absorbs else ""
        return f"bnnhw_pe_{p.simd}_a{p.width}_c{p.coefficient}_l{p.levels}{tail}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        base = Signal(signed(p.width))
        m.d.comb += base.eq(Mux(self.first, self.start, self.acc))
        term = self._bits(m) if p.bits == 1 else \
            self._absorbed_numbers(m) if p.absorbs else self._numbers(m)
        if p.planes > 1:
            planes = Signal(range(p.simd * ((1 << p.planes) - 1) + 1))
            with m.If(self.count):
                m.d.sync += planes.eq(Mux(self.first_plane, 0, planes << 1) + term)
            term = planes
        with m.If(self.enable):
            m.d.sync += self.acc.eq(base + term * p.coefficient)
        return m

    def _bits(self, m: Module) -> Value:
        """Count the single bits that agree with their weights."""
        p = self.params
        count = XnorPopcount(width=p.simd, family=p.family, levels=p.levels,
                             early=p.early_register)
        return self._count(m, count)

    def _absorbed_numbers(self, m: Module) -> Value:
        """Add up numbers in cells that absorb their products with the weights."""
        p = self.params
        return self._count(m, NumberSum(width=p.simd, bits=p.bits, family=p.family,
                                        levels=p.levels))

    def _count(self, m: Module, count: XnorPopcount | NumberSum) -> Value:
        """Feed activations and weights to a component that counts their products."""
        prefix_ports(count, "count")
        m.submodules.popcount = count
        domain = m.d.sync if self.params.input_register else m.d.comb
        x = Signal(len(count.x))
        domain += x.eq(Cat(self.a, self.w))
        m.d.comb += count.x.eq(x)
        return count.y

    def _numbers(self, m: Module) -> Value:
        """Add up numbers that their weights pass or invert."""
        p = self.params
        m.submodules.popcount = popcount = Popcount(width=p.simd, levels=p.levels, bits=p.bits)
        agreeing = Signal(p.simd * p.bits)
        domain = m.d.sync if p.product_register else m.d.comb
        weights = Cat(self.w[k].replicate(p.bits) for k in range(p.simd))
        domain += agreeing.eq(~(self.a ^ weights))
        m.d.comb += popcount.i.eq(agreeing)
        return popcount.o
