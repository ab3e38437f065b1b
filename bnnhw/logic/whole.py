"""What numbers are, in terms of the bits that they count: exact, for all inputs.

Each chain is proven by itself (``certificate``). Here they come together: what chains take and
make cancels to the claim, modulo a power of two, and the claim stays below it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass

from bnnhw.logic.cells import Lut
from bnnhw.logic.netlist import Number, Sum

__all__ = ["Reached", "Values", "Whole"]

Atom = tuple[int, ...]
"""A bit, or two bits whose exclusive or is counted."""

Line = dict[Atom, int]
"""Factor of each atom; the empty one is the constant."""


@dataclass(frozen=True)
class Whole:
    """``number = sum of addends, products and const``, where ``low`` are bits below ``number``.

    Parameters
    ----------
    number : Number
    addends : tuple of Number
    products : tuple of (int, ...)
    const : int
    parts : tuple of (Sum, shift)
        Chains that add it up.
    low : tuple of int
    wraps : bool
        Modulo ``2**width``; others are proven to stay below.
    """

    number: Number
    addends: tuple[Number, ...]
    products: tuple[tuple[int, ...], ...]
    const: int
    parts: tuple[tuple[Sum, int], ...]
    low: tuple[int, ...] = ()
    wraps: bool = False


@dataclass(frozen=True)
class Reached:
    """``lit = (sum >= limit)``, where ``number`` is the residue of a sum from low to high."""

    lit: int
    number: Number
    limit: int
    low: int
    high: int


class Values:
    """Numbers that are proven to be sums of bits, or residues of such sums, by their literals."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[Line, bool]] = {}

    def check(self, claim: Whole) -> str:
        """What is wrong with a claim; empty if nothing is."""
        lits = (*claim.low, *claim.number.lits)
        rest: Line = defaultdict(int)
        _add_number(rest, lits, 1)
        for addend in claim.addends:
            _add_number(rest, addend.lits, -1)
        for product in claim.products:
            _add_product(rest, product, -1)
        rest[()] -= claim.const
        for part, shift in claim.parts:
            if part.wraps and shift + part.number.width < len(lits):
                return "a carry is lost"
            _add_number(rest, part.number.lits, -1 << shift)
            for addend in part.addends:
                _add_number(rest, addend.lits, 1 << shift)
            for product in part.products:
                _add_product(rest, product, 1 << shift)
            rest[()] += part.const << shift
        if any(c % (1 << len(lits)) for c in rest.values()):
            return "chains do not add up to the whole"
        return self._bound(claim, len(lits))

    def _bound(self, claim: Whole, width: int) -> str:
        made: Line = defaultdict(int)
        for addend in claim.addends:
            for atom, c in self._value(addend.lits, width).items():
                made[atom] += c
        for product in claim.products:
            _add_product(made, product, 1)
        made[()] += claim.const
        made = {atom: c for atom, c in made.items() if c}
        least, most = _range(made)
        exact = least >= 0 and not most >> width
        if claim.low:
            # A comparison: what lies below the literal may be any multiple of the modulus.
            begin = least >> width << width
            return "" if not most - begin >> width else f"a sum can be {least} or {most}"
        if not exact and not claim.wraps:
            return f"a sum can be {least} or {most}, past {width} places"
        if exact and claim.number.top < most:
            return f"a sum can reach {most}, more than {claim.number.top}"
        self._known[claim.number.lits] = made, exact
        return ""

    def _value(self, lits: tuple[int, ...], width: int) -> Line:
        """What a number is, modulo ``2**width``; or its bits."""
        fixed = next((k for k, lit in enumerate(lits) if lit > 1), 0)
        for shift, flip in itertools.product(range(fixed + 1), (0, 1)):
            own = lits[shift:]
            found = self._known.get(tuple(lit ^ flip for lit in own))
            if found is None or (not found[1] and len(lits) < width):
                continue
            sign = -1 if flip else 1
            made = defaultdict(int, {atom: sign * c << shift for atom, c in found[0].items()})
            made[()] += flip * ((1 << len(own)) - 1 << shift)
            made[()] += sum(lit << k for k, lit in enumerate(lits[:shift]))
            return made
        made = defaultdict(int)
        _add_number(made, lits, 1)
        return made

    def check_reached(self, claim: Reached, lookups: dict[int, Lut]) -> str:
        """What is wrong with a comparison: its tables are tried at all values of the number."""
        size = 1 << claim.number.width
        least, most = _range(self._value(claim.number.lits, claim.number.width))
        if (least - claim.low) % size + most - least > claim.high - claim.low:
            return f"a sum can be {least} or {most}"
        values = {0: 0}
        for k, lit in enumerate(claim.number.lits):
            # Bit v of each value is that at the number v.
            if lit > 1:
                pattern = sum(1 << v for v in range(size) if v >> k & 1)
                values[lit >> 1] = pattern ^ (-(lit & 1) & (1 << size) - 1)
        got = _pattern(claim.lit >> 1, values, size, lookups) ^ -(claim.lit & 1)
        wrong = any((got >> v % size & 1) != (v >= claim.limit)
                    for v in range(claim.low, claim.high + 1)
                    if all(v >> k & 1 == lit for k, lit in enumerate(claim.number.lits)
                           if lit <= 1))
        return "a comparison of a number is wrong" if wrong else ""


def _pattern(bit: int, values: dict[int, int], size: int, lookups: dict[int, Lut]) -> int:
    """Values of a bit at all numbers."""
    if bit not in values:
        cell = lookups[bit]
        ins = [_pattern(b, values, size, lookups) for b in cell.ins]
        values[bit] = sum((cell.table >> sum((x >> v & 1) << k for k, x in enumerate(ins)) & 1)
                          << v for v in range(size))
    return values[bit]


def _range(line: Line) -> tuple[int, int]:
    """Least and largest value."""
    const = line.get((), 0)
    return (const + sum(c for atom, c in line.items() if atom and c < 0),
            const + sum(c for atom, c in line.items() if atom and c > 0))


def _add_number(made: Line, lits: tuple[int, ...], c: int) -> None:
    for k, lit in enumerate(lits):
        _add_product(made, (lit,), c << k if c > 0 else -(-c << k))


def _add_product(made: Line, product: tuple[int, ...], c: int) -> None:
    """A literal, or the exclusive nor of two."""
    flip = (sum(lit & 1 for lit in product) + len(product) - 1) & 1
    atom = tuple(sorted(lit >> 1 for lit in product))
    if flip:
        made[()] += c
        c = -c
    if atom != (0,):
        made[atom] += c
