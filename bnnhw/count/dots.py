"""Bits of a sum by weight, and the chains that make them fewer.

A full adder takes one bit away, wherever it is, so that a sum costs about as many adders as it
has bits. What differs is the rest: half adders, which take nothing away, and the place between two
chains that takes a carry out and puts the next one in. A chain that goes up as long as two bits of
the next weight wait has neither half adders nor many ends.
"""

from __future__ import annotations

from bisect import insort

from bnnhw.count.netlist import FALSE, TRUE, Chain, Netlist, Number, Sum, invert
from bnnhw.count.tables import maj3, table, xor
from bnnhw.count.targets.base import Operand, Target

__all__ = ["Dots", "Product", "operand"]

Product = tuple[int, ...]
"""Literals that count as one bit: a literal alone, or two whose exclusive nor it is."""

ZERO: Operand = ((FALSE,), 0b10)
XNOR2 = 0b1001
XORS = {1: 0b10, 2: table(2, xor), 3: table(3, xor), 4: table(4, xor), 5: table(5, xor)}
CARRIES = {2: 0b1000, 3: table(3, maj3)}
LATE = 1 << 30
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
        self.columns: list[list[tuple[int, int, Product]]] = [[] for _ in range(width)]
        self.const, self._order, self._settled = 0, 0, False
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

    def reduce(self, tall: int) -> None:
        """Leave at most ``tall`` bits of each weight: 1 or 2.

        With two the lowest weight that has several may keep three: a chain takes three there.
        """
        if self.columns and any(len(p) > 1 for *_, p in self.columns[0]):
            self._product_leaves()
        begun = tall == 1
        for k in range(self.width):
            own = tall
            if not begun and len(self.columns[k]) > 1:
                own, begun = 3, True
            while len(self.columns[k]) > own:
                self._step(k, tall)

    def lits(self) -> tuple[int, ...]:
        """Literals of the sum, of which there is one of each weight at most."""
        return tuple(self._literal(c[0][2]) if c else FALSE for c in self.columns)

    def absorb(self) -> None:
        """Add the constant together with the two bits of each weight that are left."""
        for k, column in enumerate(self.columns):
            if len(column) + (self.const >> k & 1) < 2:
                continue
            if len(column) > 1 or k + 1 < self.width and len(self.columns[k + 1]) > 2:
                self._final(k)
                return
            # 1 + x = (1 - x) + 2 x needs nothing at all.
            lit = self._literal(column.pop()[2])
            self.const -= 1 << k
            self.add((invert(lit),), k)
            self.add((lit,), k + 1)
            self.const %= 1 << self.width

    # One step

    def _step(self, k: int, tall: int) -> None:
        column = self.columns[k]
        if k + 1 == self.width:
            self._last(k)
            return
        count = min(3, len(column))
        if self.target.lut_adders and not self._goes_on(k, k + 1, tall, count):
            self._adder(k, self._pick(k, count, 0))
            return
        self._chain(k, tall, count == 3)

    def _goes_on(self, first: int, k: int, tall: int, taken: int = 0) -> bool:
        """Whether a chain from ``first``, whose carry comes to ``k``, takes it in there."""
        if len(self.columns[k]) >= 2:
            return True
        if tall > 1 or not self.columns[k]:
            return False
        # A half adder, where no other carry would come to make it a full one.
        own = len(self.columns[first]) - taken
        return own <= 0 and all(not self.columns[j] for j in range(first + 1, k))

    def _product_leaves(self) -> None:
        """Count run-time products by threes, as long as the rest fills later carries."""
        column = self.columns[0]
        products = [dot for dot in column if len(dot[2]) > 1]
        others = len(column) - len(products)
        for _ in range(self.target.product_leaves(len(products), others)):
            leaf = products[:3]
            del products[:3]
            for dot in leaf:
                column.remove(dot)
            self._leaf([p for *_, p in leaf])

    def _leaf(self, bits: list[Product]) -> None:
        cells = self.target.product_leaf(self.netlist, bits)
        if cells is not None:
            self._claim(0, cells, [(0, p) for p in bits], None)
            return
        carry = self.target.carry_in(self.netlist, operand(bits[2]))
        shape = self.target.slot(self.netlist, operand(bits[0]), operand(bits[1]))
        chain = self.netlist.chain(carry, [shape])
        lits = (2 * chain.slots[0].total, 2 * chain.slots[0].carry)
        self._claim(0, lits, [(0, p) for p in bits], chain)

    def _adder(self, k: int, bits: list[Product]) -> None:
        """A full or half adder of lookup tables."""
        lits = [self._literal(p) for p in bits]
        made = tuple(self.lookup(self.netlist, lits, t[len(lits)]) for t in (XORS, CARRIES))
        self._claim(k, made, [(k, (lit,)) for lit in lits], None)

    def _last(self, k: int) -> None:
        """At the highest weight nobody needs a carry."""
        bits = self._pick(k, min(self.target.lut_inputs, 5), 0)
        lits = [self._literal(p) for p in bits]
        made = self.lookup(self.netlist, lits, XORS[len(lits)])
        self._claim(k, (made,), [(k, (lit,)) for lit in lits], None, wraps=True)

    def _chain(self, k: int, tall: int, several: bool) -> None:
        polarity = self._polarity(k)
        flip = bool(polarity)
        taken: list[tuple[int, Product]] = []
        carry = TRUE if flip else FALSE
        if several:
            entry = self._entry(k, polarity)
            taken.append((k, entry))
            carry = self.target.carry_in(self.netlist, _flipped(operand(entry), flip))
        shapes, held, at = [], list[Operand](), k
        while True:
            groups = self._groups(at, held)
            operands, later = list(held), list[Operand]()
            waiting = self._pick(at, sum(groups), polarity)
            taken += [(at, p) for p in waiting]
            if groups == (2, 2):
                # ECP5 has no place for two pairs of which each is inverted.
                waiting.sort(key=lambda p: -(p[0] & 1))
            for size in groups:
                bits, waiting = waiting[:size], waiting[size:]
                if size == 1:
                    operands.append(operand(bits[0]))
                    continue
                lits = tuple(lit for p in bits for lit in p)
                operands.append((lits, XORS[size]))
                if at + 1 < self.width:
                    later.append((lits, CARRIES[size]))
            x1, x2 = (_flipped(x, flip) for x in (*operands, ZERO, ZERO)[:2])
            shapes.append(self.target.slot(self.netlist, x1, x2))
            held = later
            at += 1
            if at == self.width or not held and not self._goes_on(k, at, tall):
                break
        chain = self.netlist.chain(carry, shapes)
        lits = [2 * slot.total ^ polarity for slot in chain.slots]
        if at < self.width:
            lits.append(2 * chain.slots[-1].carry ^ polarity)
        self._claim(k, tuple(lits), taken, chain, wraps=at == self.width)

    def _groups(self, k: int, held: list[Operand]) -> tuple[int, ...]:
        """Sizes of groups of bits that a slot takes."""
        column = self.columns[k]
        above = len(self.columns[k + 1]) if k + 1 < self.width else LATE
        single = all(len(p) == 1 for *_, p in column)
        sizes = self.target.takes(len(column), above, tuple(len(x[0]) for x in held), single)
        assert sum(sizes) <= len(column) and len(sizes) + len(held) <= 2
        return sizes

    def _pick(self, k: int, count: int, polarity: int) -> list[Product]:
        """Take the earliest bits, first those that need no inverter."""
        def rank(dot: tuple[int, int, Product]) -> tuple[bool, bool, int, int]:
            wrong = self.target.polarised and dot[2][0] > 1 and (dot[2][0] & 1) != polarity
            return wrong, len(dot[2]) > 1, dot[0], dot[1]

        found = sorted(self.columns[k], key=rank)[:count]
        for dot in found:
            self.columns[k].remove(dot)
        return [p for *_, p in found]

    def _entry(self, k: int, polarity: int) -> Product:
        """Take a bit as the carry into a chain."""
        products = [dot for dot in self.columns[k] if len(dot[2]) > 1]
        if products and self.target.product_entries:
            self.columns[k].remove(products[0])
            return products[0][2]
        return self._pick(k, 1, polarity)[0]

    def _polarity(self, k: int) -> int:
        """Whether a chain counts inverted bits: all of one polarity need no inverters."""
        return 0
        # Inverters of inputs are soon there anyway.
        dots = [p[0] & 1 for column in self.columns[k:] for level, _, p in column
                if len(p) == 1 and p[0] > 1 and level]
        return int(2 * sum(dots) > len(dots))

    def _final(self, k: int) -> None:
        """One chain from weight ``2**k`` on for everything that is left."""
        taken: list[tuple[int, Product]] = []
        carry, const = FALSE, self.const >> k
        self.const -= const << k
        if len(self.columns[k]) == 3:
            entry = self._entry(k, 0)
            taken.append((k, entry))
            carry = self.target.carry_in(self.netlist, operand(entry))
        rows: list[tuple[Product, ...]] = []
        for at in range(k, self.width):
            bits = self._pick(at, 2, 0)
            taken += [(at, p) for p in bits]
            rows.append((*bits, (FALSE,), (FALSE,))[:2])
        used = max(const.bit_length(), 1 + max(at for at, _ in taken) - k)
        if const:
            rows = [tuple((self._literal(p),) for p in row) for row in rows]
            pair, one = rows[used - 1], const >> used - 1 & 1
            used += sum(p != (FALSE,) for p in pair) + one > 1
        rows = rows[:used]
        operands = [(operand(x), operand(y)) for x, y in rows] if not const else \
            _with_constant([(x[0], y[0]) for x, y in rows], const)
        shapes = [self.target.slot(self.netlist, *pair) for pair in operands]
        chain = self.netlist.chain(carry, shapes)
        wraps = k + len(rows) == self.width
        lits = [2 * slot.total for slot in chain.slots]
        self._claim(k, (*lits, *(() if wraps else (2 * chain.slots[-1].carry,))), taken, chain,
                    wraps, const)

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
        made = Sum(Number(lits, whole if wraps else min(top, whole)), tuple(addends), products, const,
                   chain or NO_CHAIN, (), wraps)
        self.netlist.sums.append(made)
        self.parts.append((made, k))
        level = 1 + max(self.levels.get(lit >> 1, 0) for _, p in taken for lit in p)
        for at, lit in enumerate(lits):
            self.levels[lit >> 1] = level
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
        found = table(len(open_), lambda *v: function >> (
            fixed | sum(bit << k for bit, k in zip(v, open_, strict=True))) & 1)
        return netlist.lut([lits[k] for k in open_], found)


def _flipped(x: Operand, flip: bool) -> Operand:
    """The complement of an operand."""
    if not flip:
        return x
    lits, function = x
    if len(lits) == 1 and function == 0b10:
        return (invert(lits[0]),), function
    return lits, function ^ ((1 << (1 << len(lits))) - 1)


def _with_constant(rows: list[tuple[int, int]], const: int) -> list[tuple[Operand, Operand]]:
    """Operands of the slots of two numbers and a constant.

    A slot takes the sum of the three at its weight, and their carry from the one below.
    """
    made: list[tuple[Operand, Operand]] = []
    below = (FALSE, FALSE)
    for k, pair in enumerate(rows):
        made.append(((pair, 0b1001 if const >> k & 1 else 0b0110),
                     (below, 0b1110 if k and const >> (k - 1) & 1 else 0b1000)))
        below = pair
    return made
