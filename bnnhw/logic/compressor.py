"""Compresses a bit heap with carry chains until every weight has at most one bit.

Each full adder removes one bit, whatever its weight, so a sum costs about as many adders as it has
bits. Strategies differ only in their overhead: half adders, which remove nothing, and the slot
between two chains, which separates their carries. A chain that climbs to the next weight as long as
two bits wait there needs no half adders and has few ends.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from bnnhw.logic.bit_heap import (
    MAX_EXTRA_LEVELS,
    NEVER,
    BitHeap,
    HeapBit,
    operand,
    operands_with_constant,
)
from bnnhw.logic.cells import FALSE, Chain, invert
from bnnhw.logic.claims import Product
from bnnhw.logic.min_slots import MAX_HEAP_BITS, PlannedChain, next_chain
from bnnhw.logic.target import Operand, SlotShape
from bnnhw.logic.truth_tables import CARRIES, PARITIES, XNOR2

__all__ = ["Compressor"]

ZERO: Operand = ((FALSE,), 0b10)


class Compressor(BitHeap):
    """A bit heap that chooses which chains to build, and builds them.

    Parameters are those of ``BitHeap``.
    """

    def add_bits(self, bits: Sequence[Product], others: int) -> None:
        """Add bits of weight 1, and compress the earliest of them in leaves of the adder tree.

        A leaf counts a few inputs. As many bits as there will be adders after the leaves remain
        in the heap, because each of those adders takes one as its carry in, at no cost.

        Parameters
        ----------
        bits : sequence of Product
            Bits of weight 1.
        others : int
            Bits of weight 1 of numbers that will be added later.
        """
        for bit in bits:
            self.add(bit, 0)
        if not self.width:
            return
        raw, made = self.columns[0], list[tuple[int, HeapBit]]()
        single = all(len(p) == 1 for *_, p in raw)
        if single and self.target.planned and len(raw) + others <= MAX_HEAP_BITS:
            return  # ``min_slots`` plans the complete heap
        if self.target.polarised and single:
            # Lookup tables of leaves invert for free; carries do not.
            raw = sorted(raw, key=lambda bit: not bit[2][0] & 1)
        leaf = self.target.leaf if single else 3
        for _ in range(self.target.leaves(len(raw), others, leaf)):
            taken, raw = raw[:leaf], raw[leaf:]
            if single:
                self.columns[0] = taken
                self._compress(0, 1)
            else:
                self.columns[0] = []
                self._leaf([p for *_, p in taken])
            for k, column in enumerate(self.columns):
                made += [(k, bit) for bit in column]
                self.columns[k] = []
        self.columns[0] = raw
        self._raw = {order for _, order, _ in raw}
        for k, heap_bit in made:
            insort(self.columns[k], heap_bit)

    def reduce(self, max_height: int) -> None:
        """Compress until at most ``max_height`` bits of each weight remain: 1 or 2.

        With 2, the lowest weight that has several bits may keep 3, since a chain takes its first
        carry in there too.
        """
        while True:
            if (chain := self._planned(max_height)) is not None:
                k = next(k for k, column in enumerate(self.columns) if len(column) > 1)
                self._chain_depth = NEVER
                self._chain(k, max_height, chain.entry, chain.slots)
            elif (over := self._too_high(max_height)) is not None:
                self._compress(over, max_height)
            else:
                return

    def _too_high(self, max_height: int) -> int | None:
        """Exponent of the lowest weight with more bits than may remain."""
        begun = max_height == 1
        for k, column in enumerate(self.columns):
            limit = max_height
            if not begun and len(column) > 1:
                limit, begun = 3, True
            if len(column) > limit:
                return k
        return None

    def absorb(self) -> None:
        """Add the constant and the remaining bits, at most two of each weight, in one chain."""
        for k, column in enumerate(self.columns):
            if len(column) + (self.const >> k & 1) < 2:
                continue
            if len(column) > 1 or (k + 1 < self.width and len(self.columns[k + 1]) > 2):
                self._final(k)
                return
            # 1 + x = (1 - x) + 2x needs no cell, only an inversion.
            lit = self._literal(column.pop()[2])
            self.const -= 1 << k
            self.add((invert(lit),), k)
            self.add((lit,), k + 1)
            self.const %= 1 << self.width

    def _planned(self, max_height: int) -> PlannedChain | None:
        """The next chain of the plan with minimum slots; None if compression is greedy."""
        products = any(len(p) > 1 for column in self.columns for *_, p in column)
        if products or not self.target.planned:
            return None
        return next_chain(tuple(len(column) for column in self.columns), max_height)

    # Greedy compression

    def _compress(self, k: int, max_height: int) -> None:
        """Add one adder or one chain that removes bits of weight ``2**k``."""
        column = self.columns[k]
        if k + 1 == self.width:
            self._parity(k)
            return
        count = min(3, len(column))
        self._chain_depth = max(self._depth_of(bit) for bit in self._ranked(k)[:count])
        if self.target.lut_adders and not self._continues(k, k + 1, max_height, count):
            self._adder(k, self._pick(k, count, self.target.polarised))
            return
        self._chain(k, max_height, count == 3)

    def _continues(self, first: int, k: int, max_height: int, taken: int = 0) -> bool:
        """Whether a chain continues at the weight that its carry has reached.

        Parameters
        ----------
        first, k : int
            Exponents of the weight at which the chain began, and of its carry.
        max_height : int
            As for ``reduce``.
        taken : int
            Bits of the first weight that the chain will take.
        """
        ready = sum(self._depth_of(bit) <= self._chain_depth + MAX_EXTRA_LEVELS
                    for bit in self.columns[k])
        if ready >= 2 or (len(self.columns[k]) >= 2 and len(self.columns[first]) <= taken):
            return True
        if max_height > 1 or not self.columns[k]:
            return False
        # A half adder pays only if no other carry will arrive to make it a full adder.
        remaining = len(self.columns[first]) - taken
        return remaining <= 0 and all(not self.columns[j] for j in range(first + 1, k))

    def _leaf(self, bits: list[Product]) -> None:
        """Count three products of activations and weights in one slot or in lookup tables."""
        cells = self.target.product_leaf(self.netlist, bits)
        if cells is not None:
            self._claim(0, cells, [(0, p) for p in bits], None)
            return
        # A slot of ECP5 cannot add two exclusive nors, but it can add two exclusive ors. It
        # therefore counts the complements, and the result is inverted.
        flip = int(self.target.entry_functions)
        x1, x2, x3 = ((p, XNOR2 ^ flip * 0b1111) if len(p) == 2 else ((p[0] ^ flip,), PARITIES[1])
                      for p in bits)
        chain = self._add_chain([self.target.slot(self.netlist, x1, x2)], x3)
        lits = (2 * chain.slots[0].total + flip, 2 * chain.slots[0].carry + flip)
        self._claim(0, lits, [(0, p) for p in bits], chain)

    def _add_chain(self, shapes: list[SlotShape], entry: Operand | None) -> Chain:
        """Add a chain to the netlist, with an operand as the carry into it."""
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
        """Add a full adder or half adder made of two lookup tables."""
        lits = [self._literal(p) for p in bits]
        made = tuple(self.lookup(self.netlist, lits, t[len(lits)]) for t in (PARITIES, CARRIES))
        self._claim(k, made, [(k, p) for p in bits], None)

    def _parity(self, k: int) -> None:
        """At the highest weight, where no carry is needed, compute the parity of some bits."""
        bits = self._pick(k, min(self.target.lut_inputs, 5), self.target.polarised)
        lits = [self._literal(p) for p in bits]
        made = self.lookup(self.netlist, lits, PARITIES[len(lits)])
        self._claim(k, (made,), [(k, p) for p in bits], None, wraps=True)

    def _chain(self, k: int, max_height: int, with_entry: bool,
               planned: Sequence[tuple[int, ...]] = ()) -> None:
        """Add a chain that begins at weight ``2**k``.

        Parameters
        ----------
        k : int
            Exponent of the lowest weight.
        max_height : int
            As for ``reduce``.
        with_entry : bool
            One bit of the lowest weight enters as the carry into the chain.
        planned : sequence of tuple of int
            Operand sizes of each slot, see ``PlannedChain``. If it is empty, ``Target.takes`` and
            ``_continues`` decide.
        """
        taken: list[tuple[int, Product]] = []
        entry: Product | None = None
        if with_entry:
            entry = self._entry(k)
            taken.append((k, entry))
        shapes: list[SlotShape] = []
        # Carries of pairs of the slot before, which the next slot adds.
        pair_carries, at = list[Operand](), k
        while True:
            groups = planned[len(shapes)] if planned else self._groups(at, pair_carries)
            operands, carries = list(pair_carries), list[Operand]()
            waiting = self._pick(at, sum(groups))
            taken += [(at, p) for p in waiting]
            if groups == (2, 2):
                # A slot of ECP5 cannot take two pairs that both begin with an inverted bit.
                waiting.sort(key=lambda p: -(p[0] & 1))
            for size in groups:
                bits, waiting = waiting[:size], waiting[size:]
                if size == 1:
                    operands.append(operand(bits[0]))
                    continue
                group = tuple(lit for p in bits for lit in p)
                operands.append((group, PARITIES[size]))
                if at + 1 < self.width:
                    carries.append((group, CARRIES[size]))
            x1, x2 = (*operands, ZERO, ZERO)[:2]
            shapes.append(self.target.slot(self.netlist, x1, x2))
            pair_carries = carries
            at += 1
            if at == self.width or (len(shapes) == len(planned) if planned else
                                    not pair_carries and not self._continues(k, at, max_height)):
                break
        chain = self._add_chain(shapes, operand(entry) if entry else None)
        lits = [2 * slot.total for slot in chain.slots]
        if at < self.width:
            lits.append(2 * chain.slots[-1].carry)
        self._claim(k, tuple(lits), taken, chain, wraps=at == self.width)

    def _groups(self, k: int, pair_carries: list[Operand]) -> tuple[int, ...]:
        """Sizes of the operands that a slot at weight ``2**k`` takes from the heap."""
        column = self.columns[k]
        above = len(self.columns[k + 1]) if k + 1 < self.width else NEVER
        single = all(len(p) == 1 for *_, p in column)
        widths = tuple(len(lits) for lits, _ in pair_carries)
        sizes = self.target.takes(len(column), above, widths, single)
        assert sum(sizes) <= len(column)
        assert len(sizes) + len(pair_carries) <= 2
        return sizes

    def _final(self, k: int) -> None:
        """Add everything that remains, from weight ``2**k`` on, in one chain."""
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
            operands_with_constant([(x[0], y[0]) for x, y in rows], const)
        shapes = [self.target.slot(self.netlist, *pair) for pair in operands]
        chain = self._add_chain(shapes, operand(entry) if entry else None)
        wraps = k + len(rows) == self.width
        lits = [2 * slot.total for slot in chain.slots]
        if const & 1 and not entry and rows[0][1] == (FALSE,):
            lits[0] = invert(rows[0][0][0])  # synthesis would find it and spend a LUT on it
        self._claim(k, (*lits, *(() if wraps else (2 * chain.slots[-1].carry,))), taken, chain,
                    wraps, const)
