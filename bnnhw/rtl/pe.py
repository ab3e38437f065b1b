"""The processing element: one row of XNOR, popcount and accumulator."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.popcount import Popcount
from bnnhw.rtl.shared import SharedComponent

__all__ = ["ProcessingElement"]


class ProcessingElement(SharedComponent):
    """Accumulate ``coefficient * popcount(a xnor w)`` over the words of a dot product.

    The accumulator begins with ``start``: the constant of the row, or minus its threshold, so
    that the sign bit of ``acc`` is the whole comparison.

    Latency: ``latency()`` cycles from ``a`` to ``acc``. ``enable``, ``first`` and ``start`` belong
    to the cycle in which the popcount leaves its tree, one cycle before ``acc``.

    Parameters
    ----------
    simd : int
        Columns a cycle.
    width : int
        Bits of the accumulator, two's complement.
    coefficient : int
        Weight of one agreeing bit: 1 before a threshold, 2 for a score of -1/+1.
    levels : int
        Adder levels between two registers (see ``Popcount``).
    product_register : bool
        Register behind the XNOR. It hides the slow output of a block RAM, and shares the logic
        cell of its XNOR.

    Members
    -------
    a, w : In(simd)
        Activations, and weights of the row.
    enable : In(1)
        There is a popcount in this cycle.
    first : In(1)
        The popcount is the first one of its dot product.
    start : In(signed(width))
    acc : Out(signed(width))
    """

    def __init__(self, *, simd: int, width: int, coefficient: int, levels: int,
                 product_register: bool = False) -> None:
        if coefficient < 1:
            raise ValueError(f"coefficient must be positive, not {coefficient!r}")
        self.simd = simd
        self.width = width
        self.coefficient = coefficient
        self.levels = levels
        self.product_register = product_register
        super().__init__({
            "a": In(simd), "w": In(simd), "enable": In(1), "first": In(1),
            "start": In(signed(width)), "acc": Out(signed(width)),
        })

    @staticmethod
    def latency(simd: int, levels: int, product_register: bool) -> int:
        """Cycles from ``a`` to ``acc``."""
        return int(product_register) + Popcount.stages(simd, levels) + 1

    @property
    def module_name(self) -> str:
        tail = "_r" if self.product_register else ""
        return f"bnnhw_pe_{self.simd}_a{self.width}_c{self.coefficient}_l{self.levels}{tail}"

    def body(self, platform: Any) -> Module:
        m = Module()
        m.submodules.popcount = popcount = Popcount(width=self.simd, levels=self.levels)
        base = Signal(signed(self.width))
        agreeing = Signal(self.simd)
        domain = m.d.sync if self.product_register else m.d.comb
        domain += agreeing.eq(~(self.a ^ self.w))
        m.d.comb += [
            popcount.i.eq(agreeing),
            base.eq(Mux(self.first, self.start, self.acc)),
        ]
        with m.If(self.enable):
            m.d.sync += self.acc.eq(base + popcount.o * self.coefficient)
        return m
