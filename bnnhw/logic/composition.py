"""Proves symbolically, for all inputs, that the chains of a sum compute that sum.

``certificate`` proves each carry chain by itself. This module composes the proven chains: the
numbers that one chain makes and another one reads cancel, modulo a power of two, and what remains
must equal the claimed sum. A range check then shows that the sum fits its bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from bnnhw.logic.cells import Lut
from bnnhw.logic.claims import ComparisonClaim, Product, Sum, SumClaim

__all__ = ["ProvenSums"]

Atom = tuple[int, ...]
"""A counted bit, two bits whose exclusive or is counted, or the three literals of a masked one."""

LinearForm = dict[Atom, int]
"""Coefficient of each atom; the empty atom is the constant."""


class ProvenSums:
    """Linear forms of every number that was proven so far, by its variable bits (``_key``)."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], list[tuple[LinearForm, int | None]]] = {}

    def check(self, claim: SumClaim) -> str:
        """Prove a sum from its chains; returns what is wrong, or an empty string."""
        lits = (*claim.low, *claim.number.lits)
        difference: LinearForm = defaultdict(int)
        _add_number(difference, lits, 1)
        _add_terms(difference, claim, -1)
        for part, shift in claim.parts:
            if part.wraps and shift + part.number.width < len(lits):
                return "a chain drops a carry that the sum needs"
            _add_number(difference, part.number.lits, -1 << shift)
            _add_terms(difference, part, 1 << shift)
        if any(c % (1 << len(lits)) for c in difference.values()):
            return "the chains do not add up to the claimed sum"
        addends = [self._forms(addend.lits, len(lits)) for addend in claim.addends]
        # Numbers that are known modulo a power of two have several linear forms.
        several = any(len(forms) > 1 for forms in addends)
        wrong = [self._check_range(claim, len(lits), [forms[min(which, len(forms) - 1)]
                                                      for forms in addends])
                 for which in range(several, -1, -1)]
        return "" if "" in wrong else wrong[-1]

    def _check_range(self, claim: SumClaim, width: int, addends: Sequence[LinearForm]) -> str:
        """Prove that a sum fits ``width`` bits, and remember its linear form.

        Parameters
        ----------
        addends : sequence of LinearForm
            One of the forms of each addend.
        """
        form: LinearForm = defaultdict(int)
        for addend in addends:
            for atom, c in addend.items():
                form[atom] += c
        for product in claim.products:
            _add_product(form, product, 1)
        for k, product in claim.weighted:
            _add_product(form, product, 1 << k)
        form[()] += claim.const
        form = {atom: c for atom, c in form.items() if c}
        least, most = _range(form)
        exact = least >= 0 and not most >> width
        if claim.low:
            # The result is one bit of a comparison: only the distance from the next lower
            # multiple of the modulus matters.
            begin = least >> width << width
            return "" if not most - begin >> width else \
                f"a compared sum lies between {least} and {most}, which exceeds {width} bits"
        if not exact and not claim.wraps:
            return f"a sum lies between {least} and {most}, which exceeds {width} bits"
        if exact and claim.number.max_value < most:
            return f"a sum can reach {most}, but its claimed bound is {claim.number.max_value}"
        self._remember(claim.number.lits, form, exact)
        return ""

    def _forms(self, lits: tuple[int, ...], width: int) -> list[LinearForm]:
        """Linear forms of a number modulo ``2**width``: the latest proven one first.

        Of a form that holds modulo a power of two only, the one with the least coefficients is
        next. If nothing is proven, the form is that of the separate bits.
        """
        made: list[LinearForm] = []
        for flip in (0, 1):
            key, shift = _key(lits, flip)
            for known, bits in reversed(self._known.get(key, [])):
                if bits is not None and bits + shift < width:
                    continue
                for modulus in (0,) if bits is None else (0, 1 << bits + shift):
                    form = defaultdict(int, {atom: _least((-c if flip else c) << shift, modulus)
                                             for atom, c in known.items()})
                    form[()] += sum(flip << k for k, lit in enumerate(lits) if lit > 1)
                    form[()] += sum(lit << k for k, lit in enumerate(lits) if lit <= 1)
                    made.append(form)
        if not made:
            made.append(defaultdict(int))
            _add_number(made[0], lits, 1)
        return made

    def _remember(self, lits: tuple[int, ...], form: LinearForm, exact: bool) -> None:
        """Keep the linear form of a proven number, without its constant bits.

        A form that is not exact holds modulo ``2**n`` for a number of ``n`` bits. Different sums
        can be equal modulo a power of two, and then are the same number.
        """
        key, shift = _key(lits, 0)
        remainder = defaultdict(int, form)
        remainder[()] -= sum(lit << k for k, lit in enumerate(lits) if lit <= 1)
        if all(c % (1 << shift) == 0 for c in remainder.values()):
            found = ({atom: c >> shift for atom, c in remainder.items()},
                     None if exact else len(lits) - shift)
            forms = self._known.setdefault(key, [])
            if found in forms:
                forms.remove(found)
            forms.append(found)

    def check_comparison(self, claim: ComparisonClaim, lookups: dict[int, Lut]) -> str:
        """Try a comparison at every value of its number; returns what is wrong, or nothing.

        Parameters
        ----------
        claim : ComparisonClaim
            Its number has at most as many bits as a sum, so that all values can be tried.
        lookups : dict
            The lookup table that drives each bit.
        """
        size = 1 << claim.number.width
        for form in self._forms(claim.number.lits, claim.number.width):
            least, most = _range(form)
            if (least - claim.low) % size + most - least <= claim.high - claim.low:
                break
        else:
            return (f"a compared sum lies between {least} and {most}, but is claimed to lie "
                    f"between {claim.low} and {claim.high}")
        # Bit v of each entry is the value of that bit where the number is v.
        columns, possible = {0: 0}, (1 << size) - 1
        for k, lit in enumerate(claim.number.lits):
            pattern = sum(1 << v for v in range(size) if v >> k & 1) ^ -(lit & 1) & (1 << size) - 1
            # A constant bit, or one that the number has at several weights, rules values out.
            possible &= ~(pattern ^ columns.setdefault(lit >> 1, pattern))
        got = _column(claim.lit >> 1, columns, size, lookups) ^ -(claim.lit & 1)
        wrong = any((got >> v % size & 1) != (v >= claim.limit)
                    for v in range(claim.low, claim.high + 1) if possible >> v % size & 1)
        return f"the comparison with {claim.limit} is wrong for some sum" if wrong else ""


def _column(bit: int, columns: dict[int, int], size: int, lookups: dict[int, Lut]) -> int:
    """Value of a bit at each value of the compared number, packed into an integer."""
    if bit not in columns:
        cell = lookups[bit]
        ins = [_column(b, columns, size, lookups) for b in cell.ins]
        columns[bit] = sum((cell.table >> sum((x >> v & 1) << k for k, x in enumerate(ins)) & 1)
                           << v for v in range(size))
    return columns[bit]


def _key(lits: tuple[int, ...], flip: int) -> tuple[tuple[int, ...], int]:
    """Variable bits of a number, inverted if ``flip``, and the exponent of the lowest one.

    Constant bits between them are 0, so that a number and its complement have the same key.
    """
    variable = [k for k, lit in enumerate(lits) if lit > 1]
    if not variable:
        return (), 0
    first = variable[0]
    return tuple(lit ^ flip if lit > 1 else 0 for lit in lits[first:variable[-1] + 1]), first


def _least(c: int, modulus: int) -> int:
    """A coefficient, or the one nearest to 0 that is the same modulo a power of two."""
    if not modulus or abs(c) <= modulus >> 1:
        return c
    return (c + (modulus >> 1)) % modulus - (modulus >> 1)


def _range(form: LinearForm) -> tuple[int, int]:
    """Bounds of a linear form: every atom is 0 or 1 independently."""
    const = form.get((), 0)
    return (const + sum(c for atom, c in form.items() if atom and c < 0),
            const + sum(c for atom, c in form.items() if atom and c > 0))


def _add_terms(form: LinearForm, claim: Sum, c: int) -> None:
    """Add ``c`` times what a claim adds up."""
    for addend in claim.addends:
        _add_number(form, addend.lits, c)
    for product in claim.products:
        _add_product(form, product, c)
    for k, product in claim.weighted:
        _add_product(form, product, c << k)
    form[()] += c * claim.const


def _add_number(form: LinearForm, lits: tuple[int, ...], c: int) -> None:
    """Add ``c`` times a number."""
    for k, lit in enumerate(lits):
        _add_product(form, (lit,), c << k)


def _add_product(form: LinearForm, product: Product, c: int) -> None:
    """Add ``c`` times a literal, times the exclusive nor of two, or times a masked one."""
    if len(product) > 2:
        form[*sorted(product[:2]), *product[2:]] += c
        return
    flip = (sum(lit & 1 for lit in product) + len(product) - 1) & 1
    atom = tuple(sorted(lit >> 1 for lit in product))
    if flip:
        form[()] += c
        c = -c
    if atom != (0,):
        form[atom] += c
