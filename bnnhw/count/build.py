"""Building sums: leaves that count bits, adders that take one more bit each, comparisons.

A tree over n bits costs about n full adders whatever its shape; what can be saved is the place
between two carry chains, which takes a carry out and puts the next one in. Adding two numbers and
one bit that was kept aside uses every place of a chain.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from bnnhw.count.netlist import FALSE, TRUE, Netlist, Number, Sum
from bnnhw.count.tables import maj3, table, xor
from bnnhw.count.targets.base import Operand, Target

__all__ = ["NOTHING", "Product", "SumBuilder", "constant"]

Product = tuple[int, ...]
"""Literals that count as one bit: a literal alone, or two whose exclusive nor it is."""

NOTHING = Number((), 0)
ZERO: Operand = ((FALSE,), 0b10)
XNOR2, XOR3, MAJ3 = 0b1001, table(3, xor), table(3, maj3)


def constant(value: int) -> Number:
    """A constant as a number."""
    return Number(tuple(TRUE if value >> k & 1 else FALSE for k in range(value.bit_length())),
                  value)


class SumBuilder:
    """Adds sums to a netlist in the way that a target does best.

    Parameters
    ----------
    netlist : Netlist
    target : Target
    """

    def __init__(self, netlist: Netlist, target: Target) -> None:
        self.netlist, self.target = netlist, target
        self._offsets: dict[tuple[Number, int], Number] = {}
        self._order = 0

    def total(self, bits: Sequence[Product], numbers: Sequence[Number] = (), const: int = 0,
              width: int | None = None) -> Number:
        """Add everything up; with ``width``, modulo ``2**width`` in just as many bits.

        A negative constant needs a width.
        """
        if width is None and const < 0:
            raise ValueError("a negative constant needs a width")
        if width is None and const == 0:
            parts, extra = self._reduce(bits, numbers, 1)
            if extra is None:
                return parts[0] if parts else NOTHING
            return self._add(parts[0] if parts else NOTHING, NOTHING, extra)
        parts, extra = self._reduce(bits, numbers, 2)
        a, b = (*parts, NOTHING, NOTHING)[:2]
        if width is None:
            return self._add(a, b, extra, const)
        a, b, const = self._fold_constant(a, b, const % (1 << width))
        a, b = (Number(n.lits[:width], min(n.top, (1 << width) - 1)) for n in (a, b))
        return self._claim(a, b, extra, const % (1 << width), width, wraps=True)

    def most(self, bits: Sequence[Product], numbers: Sequence[Number],
             keep: int) -> tuple[Number, tuple[Product, ...]]:
        """Add up what fills adders and leaves, and hand back up to ``keep`` bits.

        Each adder behind has room for one more bit, which costs nothing there.
        """
        spare = self._spare(len(bits), len(numbers))
        if not numbers and len(bits) <= keep:
            return NOTHING, tuple(bits)
        left = spare if spare <= keep else 0
        used = len(bits) - left
        return self.total(bits[:used], numbers), tuple(bits[used:])

    def _spare(self, bits: int, numbers: int) -> int:
        """Bits that would not fill a leaf or an adder."""
        used = max(0, numbers - 1)
        for leaf in (self.target.leaf, 3):
            step = leaf + (used > 0 or numbers > 0)
            if bits - used >= step:
                leaves = 1 + (bits - used - step) // (leaf + 1)
                used += step + (leaves - 1) * (leaf + 1)
        return max(0, bits - used)

    def at_least(self, bits: Sequence[Product], numbers: Sequence[Number],
                 limits: Sequence[int]) -> list[int]:
        """Literals that tell whether the sum reaches each limit."""
        top = len(bits) + sum(n.top for n in numbers)
        inner = sorted({t for t in limits if 0 < t <= top})
        if len(inner) > 1:
            parts, extra = [self.total(bits, numbers)], None
        elif inner:
            parts, extra = self._reduce(bits, numbers, 2)
        found = {t: self._compare(parts, extra, t) for t in inner}
        return [found[t] if t in found else TRUE if t <= 0 else FALSE for t in limits]

    # How bits and numbers become few numbers

    def _reduce(self, bits: Sequence[Product], numbers: Sequence[Number],
                left: int) -> tuple[list[Number], Product | None]:
        """Reduce to at most ``left`` numbers and one bit for a carry."""
        raw = list(bits)
        pool: list[tuple[int, int, Number]] = []

        def push(number: Number) -> None:
            self._order += 1
            heapq.heappush(pool, (number.width, self._order, number))

        def take(count: int) -> list[Product]:
            taken = raw[:count]
            del raw[:count]
            return taken

        for number in numbers:
            if number.top:
                push(number)
        leaf = self.target.leaf if all(len(b) == 1 for b in raw) else 3
        # Each adder takes a bit, and so does the last one: leaves * (leaf + 1) + numbers - 1.
        for _ in range(max(0, (len(raw) - len(pool) + 1) // (leaf + 1))):
            push(self._leaf(take(leaf)))
        while len(raw) > max(len(pool), 1):
            spare = len(raw) - len(pool)
            size = leaf if spare > leaf else 3 if spare >= 3 else 1
            push(self._leaf(take(min(size, len(raw)))))
        while len(pool) > left:
            a, b = heapq.heappop(pool)[2], heapq.heappop(pool)[2]
            push(self._add(a, b, take(1)[0] if raw else None))
        if left > 1 and len(raw) > 1:
            push(self._leaf(take(len(raw) - 1)))
            return self._reduce([*raw], [n for *_, n in sorted(pool)], left)
        return [n for *_, n in sorted(pool)], raw[0] if raw else None

    def _leaf(self, bits: list[Product]) -> Number:
        """Count 1, 2, 3 or ``target.leaf`` bits."""
        if len(bits) == 1:
            return Number((self._literal(bits[0]),), 1)
        if len(bits) == 2:
            a, b = (Number((self._literal(x),), 1) for x in bits)
            return self._add(a, b, None)
        if len(bits) == 3:
            slots, carry = [(_operand(bits[0]), _operand(bits[1]))], self._carry(bits[2])
        else:
            slots, carry = self.target.leaf_slots([b[0] for b in bits])
        return self._sum(Number((), len(bits)), (), tuple(bits), 0, carry, slots, len(slots) + 1)

    # One carry chain

    def _add(self, a: Number, b: Number, extra: Product | None, const: int = 0) -> Number:
        """``a + b + bit + const``."""
        a, b, const = self._fold_constant(a, b, const)
        return self._claim(a, b, extra, const, None)

    def _compare(self, parts: list[Number], extra: Product | None, limit: int) -> int:
        """Literal of ``a + b + bit >= limit``: bit m of the sum with ``2**m - limit``."""
        a, b = (*parts, NOTHING, NOTHING)[:2]
        top = a.top + b.top + (extra is not None)
        m = max(a.width, b.width, limit.bit_length())
        while top - limit >= 1 << m or limit > 1 << m:
            m += 1
        a, b, const = self._fold_constant(a, b, (1 << m) - limit)
        whole = self._claim(a, b, extra, const, m + 1, above=m)
        return whole.lits[0]

    def _fold_constant(self, a: Number, b: Number, const: int) -> tuple[Number, Number, int]:
        """Turn a constant into the second number where that is free or the target needs it."""
        if const == 0:
            return a, b, 0
        if not b.top:
            return a, constant(const), 0
        if not a.top:
            return b, constant(const), 0
        if self.target.adds_constants:
            return a, b, const
        key = (b, const)
        if key not in self._offsets:
            self._offsets[key] = self._claim(b, constant(const), None, 0, None)
        return a, self._offsets[key], 0

    def _claim(self, a: Number, b: Number, extra: Product | None, const: int,
               width: int | None, wraps: bool = False, above: int = 0) -> Number:
        """Add in one chain; keep ``width`` bits (all that can be set, if None) from ``above``."""
        top = a.top + b.top + (extra is not None) + const
        bits = top.bit_length() if width is None else width
        positions = max(a.width, b.width, const.bit_length()) + bool(const)
        carry = self._carry(extra) if extra is not None else FALSE
        slots = self._slots(a, b, const, min(max(positions, bits - 1), bits))
        number = Number((), (1 << bits) - 1 if wraps else 1 if above else top)
        return self._sum(number, tuple(n for n in (a, b) if n.lits),
                         () if extra is None else (extra,), const, carry, slots, bits, wraps,
                         above)

    def _slots(self, a: Number, b: Number, const: int,
               count: int) -> list[tuple[Operand, Operand]]:
        """Operands of the slots of ``a + b + const``."""

        def bit(number: Number, k: int) -> int:
            return number.lits[k] if 0 <= k < number.width else FALSE

        slots: list[tuple[Operand, Operand]] = []
        for k in range(count):
            pair = (bit(a, k), bit(b, k))
            if not const:
                slots.append((((pair[0],), 0b10), ((pair[1],), 0b10)))
                continue
            # Save the carry of three: the sum of this place, and the carry of the one below.
            below = (bit(a, k - 1), bit(b, k - 1))
            slots.append(((pair, 0b1001 if const >> k & 1 else 0b0110),
                          (below, 0b1110 if k and const >> (k - 1) & 1 else 0b1000)))
        return slots

    def _sum(self, number: Number, addends: tuple[Number, ...], products: tuple[Product, ...],
             const: int, carry: int, slots: list[tuple[Operand, Operand]], bits: int,
             wraps: bool = False, above: int = 0) -> Number:
        """Make the chain, and claim what it adds up to."""
        shapes = [self.target.slot(self.netlist, x1, x2) for x1, x2 in slots]
        chain = self.netlist.chain(carry, shapes)
        lits = [2 * slot.total for slot in chain.slots]
        lits.append(2 * chain.slots[-1].carry if chain.slots else carry)
        made = Number(tuple(lits[above:bits]), number.top)
        self.netlist.sums.append(Sum(made, addends, products, const, chain,
                                     tuple(lits[:above]), wraps))
        return made

    # Products

    def _literal(self, product: Product) -> int:
        return product[0] if len(product) == 1 else self.netlist.lut(product, XNOR2)

    def _carry(self, product: Product) -> int:
        return self.target.carry_in(self.netlist, _operand(product))


def _operand(product: Product) -> Operand:
    return product, 0b10 if len(product) == 1 else XNOR2
