"""Bits of a sum by weight, and claims of what was made of them."""

from __future__ import annotations

from bisect import insort

from bnnhw.logic import tables
from bnnhw.logic.cells import FALSE, TRUE, Chain
from bnnhw.logic.netlist import Netlist, Number, Sum
from bnnhw.logic.tables import XNOR2
from bnnhw.logic.targets.base import Operand, Target

__all__ = ["LATE", "SLACK", "Dot", "Dots", "Product", "operand"]

Product = tuple[int, ...]
"""Literals that count as one bit: a literal alone, or two whose exclusive nor it is."""

Dot = tuple[int, int, Product]
"""Level, number in the order of making, and bit."""

SLACK = 1
"""Later adders that a chain may wait for: some make fewer chains, many make it slow."""

LATE = 1 << 30
"""Level of constants: they are taken last."""

NO_CHAIN = Chain(FALSE, ())


def operand(product: Product) -> Operand:
    return product, 0b10 if len(product) == 1 else XNOR2


class Dots:
    """Bits that are to be added, modulo ``2**width``.

    Parameters
    ----------
    netlist : Netlist
    target : Target
    levels : dict
        Adders behind one another in front of each bit; added to.
    width : int

    Attributes
    ----------
    const : int
        Added besides.
    parts : list of (Sum, shift)
        Chains that were made.
    """

    def __init__(self, netlist: Netlist, target: Target, levels: dict[int, int],
                 width: int) -> None:
        self.netlist, self.target, self.levels, self.width = netlist, target, levels, width
        self.columns: list[list[Dot]] = [[] for _ in range(width)]
        self.const, self._order, self._settled = 0, 0, False
        self._wave, self._raw, self._depth = LATE, set[int](), dict[int, int]()
        self.parts: list[tuple[Sum, int]] = []

    def add(self, product: Product, k: int) -> None:
        """Add a bit of weight ``2**k``; equal and opposite ones become one of the next, or 1."""
        if k >= self.width or product == (FALSE,):
            return
        if product == (TRUE,) and not self._settled:
            self.const += 1 << k
            return
        column = self.columns[k]
        if len(product) == 1:
            for at, (_, _, other) in enumerate(column):
                if other[0] >> 1 == product[0] >> 1 and len(other) == 1:
                    del column[at]
                    if other == product:
                        self.add(product, k + 1)
                    else:
                        self.add((TRUE,), k)
                    return
        self._order += 1
        level = LATE if product == (TRUE,) else \
            max(self.levels.get(lit >> 1, 0) for lit in product)
        insort(column, (level, self._order, product))

    def add_number(self, number: Number) -> None:
        for k, lit in enumerate(number.lits):
            self.add((lit,), k)

    def settle(self) -> None:
        """Make the constant bits like others; they are taken last."""
        const, self.const, self._settled = self.const, 0, True
        for k in range(self.width):
            if const >> k & 1:
                self.add((TRUE,), k)

    def lits(self) -> tuple[int, ...]:
        """Literals of the sum, of which there is one of each weight at most."""
        for k, column in enumerate(self.columns):
            if column and len(column[0][2]) > 1:  # a product alone becomes a bit
                product = column.pop()[2]
                self._claim(k, (self._literal(product),), [(k, product)], None)
        return tuple(c[0][2][0] if c else FALSE for c in self.columns)

    # Taking bits

    def _ranked(self, k: int, table: bool = False) -> list[Dot]:
        """Bits in the order in which slots take them: early ones, that need no inverter.

        A lookup table (``table``) takes those that slots would need one for.
        """
        def rank(dot: Dot) -> tuple[bool, bool, bool, bool, int, int]:
            level, order, product = dot
            wrong = self.target.polarised and product[0] > 1 and product[0] & 1 == 1
            late = self._depth_of(dot) > self._wave + SLACK
            return late, wrong != table, order in self._raw, len(product) > 1, level, order

        return sorted(self.columns[k], key=rank)

    def _depth_of(self, dot: Dot) -> int:
        """Adders of this sum in front of a bit."""
        return max(self._depth.get(lit >> 1, 0) for lit in dot[2])

    def _pick(self, k: int, count: int, table: bool = False) -> list[Product]:
        """Take bits for a slot, or for a lookup table."""
        found = self._ranked(k, table)[:count]
        for dot in found:
            self.columns[k].remove(dot)
        return [p for *_, p in found]

    def _entry(self, k: int) -> Product:
        """Take a bit as the carry into a chain."""
        ranked = self._ranked(k)
        any_ = self.target.entry_functions or self.target.polarised
        plain = [dot for dot in ranked if len(dot[2]) == 1 or any_]
        left = [dot for dot in plain if dot[1] in self._raw and not dot[2][0] & 1] or \
            [dot for dot in plain if dot[1] in self._raw] or plain or ranked
        self.columns[k].remove(left[0])
        return left[0][2]

    # Claims and literals

    def _claim(self, k: int, lits: tuple[int, ...], taken: list[tuple[int, Product]],
               chain: Chain | None, wraps: bool = False, const: int = 0) -> None:
        """Claim what was made of bits of weight ``2**k`` and up, and add it."""
        products = tuple(p for at, p in taken if at == k)
        upper: dict[int, list[int]] = {}
        for at, p in taken:
            if at > k:
                upper.setdefault(at - k, []).append(p[0])
        addends = []
        while upper:
            addends.append(self._number([(at, (own.pop(),)) for at, own in upper.items()]))
            upper = {at: own for at, own in upper.items() if own}
        top = len(products) + sum(n.top for n in addends) + const
        whole = (1 << len(lits)) - 1
        made = Sum(Number(lits, whole if wraps else min(top, whole)), tuple(addends), products,
                   const, chain or NO_CHAIN, wraps)
        self.netlist.sums.append(made)
        self.parts.append((made, k))
        level = 1 + max(self.levels.get(lit >> 1, 0) for _, p in taken for lit in p)
        depth = 1 + max(self._depth.get(lit >> 1, 0) for _, p in taken for lit in p)
        for at, lit in enumerate(lits):
            self.levels[lit >> 1] = level
            self._depth[lit >> 1] = depth
            self.add((lit,), k + at)

    @staticmethod
    def _number(bits: list[tuple[int, Product]]) -> Number:
        lits = [FALSE] * (1 + max((k for k, _ in bits), default=-1))
        for k, product in bits:
            lits[k] = product[0]
        return Number(tuple(lits), sum(1 << k for k, lit in enumerate(lits) if lit))

    def _literal(self, product: Product) -> int:
        return product[0] if len(product) == 1 else self.netlist.lut(product, XNOR2)

    @staticmethod
    def lookup(netlist: Netlist, lits: list[int], function: int) -> int:
        """A table over literals of which some may be constant."""
        open_ = [k for k, lit in enumerate(lits) if lit > 1]
        fixed = sum((lit & 1) << k for k, lit in enumerate(lits) if lit <= 1)
        found = tables.table(len(open_), lambda *v: function >> (
            fixed | sum(bit << k for bit, k in zip(v, open_, strict=True))) & 1)
        return netlist.lut([lits[k] for k in open_], found)
