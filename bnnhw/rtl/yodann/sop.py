"""Sum-of-products unit: adds up the pixels of a window whose weight is +1.

For signs ``s_i`` of -1 and +1, ``sum_i s_i x_i = 2 sum_{s_i = +1} x_i - sum_i x_i``, and the second
sum is the same for all units. A product therefore needs an AND instead of the XNOR that selects x
or -x, and no unit has to add the carries of negations. This saves 0.6 to 0.7 NAND2 equivalents per
bit in each unit.

The sign bit of a pixel has a negative weight: ``-2**(B-1) b = 2**(B-1) (1 - b) - 2**(B-1)``. A NAND
replaces its AND, so that all bits have positive weights, and the sum of the constants
(``CoreShape.offsets``) does not depend on the weights.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.popcount import balanced_sum
from bnnhw.rtl.shared import SharedComponent
from bnnhw.rtl.yodann.csa import Adders
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["SumOfProducts"]


class SumOfProducts(SharedComponent):
    """Add the selected operands of both halves; each sum is a pair of carry-save rows.

    Combinational.

    Parameters
    ----------
    shape : CoreShape

    Members
    -------
    x : In(products * bits)
        Signed operands, product 0 in the lowest bits.
    w : In(products)
        Weights; a 1 selects the operand.
    a0, a1, b0, b1 : Out(half_bits)
        ``a0 + a1`` is the sum of the first half plus ``2**(bits - 1)`` for each of its operands,
        ``b0 + b1`` that of the second half.
    """

    def __init__(self, *, shape: CoreShape) -> None:
        self.shape = shape
        rows = {f"{half}{row}": Out(shape.half_bits) for half in "ab" for row in (0, 1)}
        super().__init__({"x": In(shape.products * shape.bits), "w": In(shape.products), **rows})

    @property
    def module_name(self) -> str:
        tail = "_cells" if self.shape.cells else ""
        return f"bnnhw_sop_k{self.shape.kernel}b{self.shape.bits}{tail}"

    def body(self, platform: object) -> Module:
        m, shape = Module(), self.shape
        parts = (range(shape.half_a), range(shape.half_a, shape.products))
        for half, products in zip("ab", parts, strict=True):
            rows = [getattr(self, f"{half}{row}") for row in (0, 1)]
            if shape.cells:
                adders = Adders(inner := Module(), cells=True)
                m.submodules[f"half_{half}"] = inner
                columns = [list(bits) for bits in zip(*map(self._product, products), strict=True)]
                found = adders.two_rows(columns, shape.half_bits)
                inner.d.comb += [row.eq(Cat(bits)) for row, bits in zip(rows, found, strict=True)]
            else:
                total = balanced_sum([Cat(self._product(j)) for j in products])
                m.d.comb += [rows[0].eq(total), rows[1].eq(0)]
        return m

    def _product(self, j: int) -> list[Value]:
        """Bits of operand j if its weight is 1, with a positive weight for the sign bit."""
        bits = self.shape.bits
        x = self.x.word_select(Const(j), bits)
        chosen = [x[k] & self.w[j] for k in range(bits)]
        return [*chosen[:-1], ~chosen[-1]]
