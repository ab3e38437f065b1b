"""Chains that make the bits of a sum fewer.

A full adder takes one bit away, wherever it is, so that a sum costs about as many adders as it
has bits. What differs is the rest: half adders, which take nothing away, and the place between two
chains that takes a carry out and puts the next one in. A chain that goes up as long as two bits of
the next weight wait has neither half adders nor many ends.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from bnnhw.logic.cells import FALSE, Chain, invert
from bnnhw.logic.dots import LATE, SLACK, Dot, Dots, Product, operand
from bnnhw.logic.fewest import MOST, PlannedChain, next_chain
from bnnhw.logic.tables import XNOR2, maj3, table, xor
from bnnhw.logic.targets.base import Operand, SlotShape

__all__ = ["Reducer"]

ZERO: Operand = ((FALSE,), 0b10)
XORS = {1: 0b10, 2: table(2, xor), 3: table(3, xor), 4: table(4, xor), 5: table(5, xor)}
CARRIES = {2: 0b1000, 3: table(3, maj3)}


class Reducer(Dots):
    """Bits of a sum, and how they become one of each weight."""

    def add_bits(self, bits: Sequence[Product], others: int) -> None:
        """Add bits of weight 1; the earliest are counted by leaves.

        As many as there will be adders behind the leaves stay for their carries.

        Parameters
        ----------
        others : int
            Bits of weight 1 of numbers that follow.
        """
        for bit in bits:
            self.add(bit, 0)
        if not self.width:
            return
        raw, made = self.columns[0], list[tuple[int, Dot]]()
        single = all(len(p) == 1 for *_, p in raw)
        if single and self.target.planned and len(raw) + others <= MOST:
            return  # they are planned
        if self.target.polarised and single:
            # Inverted ones into the lookup tables of leaves, others into carries.
            raw = sorted(raw, key=lambda dot: not dot[2][0] & 1)
        leaf = self.target.leaf if single else 3
        for _ in range(self.target.leaves(len(raw), others, leaf)):
            taken, raw = raw[:leaf], raw[leaf:]
            if single:
                self.columns[0] = taken
                self._step(0, 1)
            else:
                self.columns[0] = []
                self._leaf([p for *_, p in taken])
            for k, column in enumerate(self.columns):
                made += [(k, dot) for dot in column]
                self.columns[k] = []
        self.columns[0] = raw
        self._raw = {order for _, order, _ in raw}
        for k, dot in made:
            insort(self.columns[k], dot)

    def reduce(self, tall: int) -> None:
        """Leave at most ``tall`` bits of each weight: 1 or 2.

        With two the lowest weight that has several may keep three: a chain takes three there.
        """
        while True:
            if (chain := self._planned(tall)) is not None:
                k = next(k for k, column in enumerate(self.columns) if len(column) > 1)
                self._wave = LATE
                self._chain(k, tall, chain.entry, chain.slots)
            elif (over := self._too_tall(tall)) is not None:
                self._step(over, tall)
            else:
                return

    def _too_tall(self, tall: int) -> int | None:
        """The lowest weight with more bits than may be left."""
        begun = tall == 1
        for k, column in enumerate(self.columns):
            own = tall
            if not begun and len(column) > 1:
                own, begun = 3, True
            if len(column) > own:
                return k
        return None

    def absorb(self) -> None:
        """Add the constant together with the two bits of each weight that are left."""
        for k, column in enumerate(self.columns):
            if len(column) + (self.const >> k & 1) < 2:
                continue
            if len(column) > 1 or (k + 1 < self.width and len(self.columns[k + 1]) > 2):
                self._final(k)
                return
            # 1 + x = (1 - x) + 2 x needs nothing at all.
            lit = self._literal(column.pop()[2])
            self.const -= 1 << k
            self.add((invert(lit),), k)
            self.add((lit,), k + 1)
            self.const %= 1 << self.width

    def _planned(self, tall: int) -> PlannedChain | None:
        """The chain that comes next where the fewest slots are looked for; no product may wait."""
        products = any(len(p) > 1 for column in self.columns for *_, p in column)
        if products or not self.target.planned:
            return None
        return next_chain(tuple(len(column) for column in self.columns), tall)

    # One step

    def _step(self, k: int, tall: int) -> None:
        column = self.columns[k]
        if k + 1 == self.width:
            self._last(k)
            return
        count = min(3, len(column))
        self._wave = max(self._depth_of(dot) for dot in self._ranked(k)[:count])
        if self.target.lut_adders and not self._goes_on(k, k + 1, tall, count):
            self._adder(k, self._pick(k, count, self.target.polarised))
            return
        self._chain(k, tall, count == 3)

    def _goes_on(self, first: int, k: int, tall: int, taken: int = 0) -> bool:
        """Whether a chain from ``first``, whose carry comes to ``k``, takes it in there."""
        ready = sum(self._depth_of(dot) <= self._wave + SLACK for dot in self.columns[k])
        if ready >= 2 or (len(self.columns[k]) >= 2 and len(self.columns[first]) <= taken):
            return True
        if tall > 1 or not self.columns[k]:
            return False
        # A half adder, where no other carry would come to make it a full one.
        own = len(self.columns[first]) - taken
        return own <= 0 and all(not self.columns[j] for j in range(first + 1, k))

    def _leaf(self, bits: list[Product]) -> None:
        cells = self.target.product_leaf(self.netlist, bits)
        if cells is not None:
            self._claim(0, cells, [(0, p) for p in bits], None)
            return
        # ECP5 has no place for two exclusive nors, but for exclusive ors: it counts complements.
        flip = int(self.target.entry_functions)
        x1, x2, x3 = ((p, XNOR2 ^ flip * 0b1111) if len(p) == 2 else ((p[0] ^ flip,), XORS[1])
                      for p in bits)
        chain = self._made([self.target.slot(self.netlist, x1, x2)], x3)
        lits = (2 * chain.slots[0].total + flip, 2 * chain.slots[0].carry + flip)
        self._claim(0, lits, [(0, p) for p in bits], chain)

    def _made(self, shapes: list[SlotShape], entry: Operand | None) -> Chain:
        """A chain with something as the carry into it."""
        if entry is None:
            return self.netlist.chain(FALSE, shapes)
        lits, function = entry
        if self.target.entry_functions and len(lits) == 2 and lits[0] >> 1 != lits[1] >> 1:
            low, high = sorted(lits)
            flipped = low & 1 | (high & 1) << 1
            found = sum((function >> (v ^ flipped) & 1) << v for v in range(4))
            return self.netlist.chain(FALSE, shapes, ((low >> 1, high >> 1), found))
        return self.netlist.chain(self.target.carry_in(self.netlist, entry), shapes)

    def _adder(self, k: int, bits: list[Product]) -> None:
        """A full or half adder of lookup tables."""
        lits = [self._literal(p) for p in bits]
        made = tuple(self.lookup(self.netlist, lits, t[len(lits)]) for t in (XORS, CARRIES))
        self._claim(k, made, [(k, p) for p in bits], None)

    def _last(self, k: int) -> None:
        """At the highest weight nobody needs a carry."""
        bits = self._pick(k, min(self.target.lut_inputs, 5), self.target.polarised)
        lits = [self._literal(p) for p in bits]
        made = self.lookup(self.netlist, lits, XORS[len(lits)])
        self._claim(k, (made,), [(k, p) for p in bits], None, wraps=True)

    def _chain(self, k: int, tall: int, several: bool,
               planned: Sequence[tuple[int, ...]] = ()) -> None:
        """A chain from ``2**k`` on, with a bit as the carry into it where there are ``several``.

        Its slots are as planned, or what ``takes`` and ``_goes_on`` say.
        """
        taken: list[tuple[int, Product]] = []
        entry: Product | None = None
        if several:
            entry = self._entry(k)
            taken.append((k, entry))
        shapes: list[SlotShape] = []
        held, at = list[Operand](), k
        while True:
            groups = planned[len(shapes)] if planned else self._groups(at, held)
            operands, later = list(held), list[Operand]()
            waiting = self._pick(at, sum(groups))
            taken += [(at, p) for p in waiting]
            if groups == (2, 2):
                # ECP5 has no place for two pairs of which each is inverted.
                waiting.sort(key=lambda p: -(p[0] & 1))
            for size in groups:
                bits, waiting = waiting[:size], waiting[size:]
                if size == 1:
                    operands.append(operand(bits[0]))
                    continue
                group = tuple(lit for p in bits for lit in p)
                operands.append((group, XORS[size]))
                if at + 1 < self.width:
                    later.append((group, CARRIES[size]))
            x1, x2 = (*operands, ZERO, ZERO)[:2]
            shapes.append(self.target.slot(self.netlist, x1, x2))
            held = later
            at += 1
            if at == self.width or (len(shapes) == len(planned) if planned else
                                    not held and not self._goes_on(k, at, tall)):
                break
        chain = self._made(shapes, operand(entry) if entry else None)
        lits = [2 * slot.total for slot in chain.slots]
        if at < self.width:
            lits.append(2 * chain.slots[-1].carry)
        self._claim(k, tuple(lits), taken, chain, wraps=at == self.width)

    def _groups(self, k: int, held: list[Operand]) -> tuple[int, ...]:
        """Sizes of groups of bits that a slot takes."""
        column = self.columns[k]
        above = len(self.columns[k + 1]) if k + 1 < self.width else LATE
        single = all(len(p) == 1 for *_, p in column)
        sizes = self.target.takes(len(column), above, tuple(len(x[0]) for x in held), single)
        assert sum(sizes) <= len(column)
        assert len(sizes) + len(held) <= 2
        return sizes

    def _final(self, k: int) -> None:
        """One chain from weight ``2**k`` on for everything that is left."""
        taken: list[tuple[int, Product]] = []
        const, entry = self.const >> k, None
        self.const -= const << k
        if len(self.columns[k]) == 3:
            entry = self._entry(k)
            taken.append((k, entry))
        rows: list[tuple[Product, ...]] = []
        for at in range(k, self.width):
            bits = self._pick(at, 2)
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
        chain = self._made(shapes, operand(entry) if entry else None)
        wraps = k + len(rows) == self.width
        lits = [2 * slot.total for slot in chain.slots]
        if const & 1 and not entry and rows[0][1] == (FALSE,):
            lits[0] = invert(rows[0][0][0])  # tools find it, and make it a table of its own
        self._claim(k, (*lits, *(() if wraps else (2 * chain.slots[-1].carry,))), taken, chain,
                    wraps, const)


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
