"""The linear certificate: every sum of a netlist is what it claims to be.

Each bit is a function of few others, and each function of bits is one integer polynomial. The sum
that a chain makes is taken apart from its highest bit down; sums of full adders cancel to a plain
sum of their inputs, and what is left has to be the addends of the claim, term by term. That is a
proof for all inputs, and linear in the number of cells (Ciesielski et al., DAC 2015, use the same
rewriting for multipliers).
"""

from __future__ import annotations

from collections import defaultdict

from bnnhw.logic.cells import Chain, Function, Lut
from bnnhw.logic.netlist import Netlist, Number, Sum
from bnnhw.logic.tables import polynomial
from bnnhw.logic.whole import Reached, Values

__all__ = ["CertificateError", "certify"]

Polynomial = dict[tuple[int, ...], int]
"""Coefficient of each product of bits; the empty product is the constant."""

MAX_TERMS = 1 << 16
"""Terms on the way; a right chain needs some dozens, or hundreds."""


class CertificateError(AssertionError):
    """A netlist does not do what it claims: a defect of the generator."""


def certify(netlist: Netlist) -> int:
    """Prove all sums of a netlist.

    Returns
    -------
    int
        Sums proven.

    Raises
    ------
    CertificateError
        A sum is wrong, or a number can exceed what is claimed of it.
    """
    proven: dict[tuple[int, ...], int] = {}
    lookups = {cell.out: cell for cell in netlist.cells if not isinstance(cell, Chain)}
    for claim in netlist.sums:
        bound = len(claim.products) + claim.const
        for addend in claim.addends:
            bound += _bound(addend, proven)
        _check(claim, bound, {f.out: f for f in claim.chain.functions}, lookups)
        if claim.number.top < min(bound, (1 << claim.number.width) - 1):
            raise CertificateError(f"a sum can reach {bound}, more than {claim.number.top}")
        proven[claim.number.lits] = claim.number.top
    values = Values()
    for whole in netlist.wholes:
        wrong = values.check_reached(whole, lookups) if isinstance(whole, Reached) else \
            values.check(whole)
        if wrong:
            raise CertificateError(wrong)
    return len(netlist.sums) + len(netlist.wholes)


def _bound(number: Number, proven: dict[tuple[int, ...], int]) -> int:
    """Largest value of a number: proven before, or that of its bits."""
    whole = sum(1 << k for k, lit in enumerate(number.lits) if lit)
    shift = next((k for k, lit in enumerate(number.lits) if lit), 0)
    known = proven.get(number.lits[shift:])
    found = whole if known is None else min(whole, known << shift)
    if number.top < found:
        raise CertificateError(f"a number can reach {found}, more than {number.top}")
    return found


def _check(claim: Sum, bound: int, functions: dict[int, Function],
           lookups: dict[int, Lut]) -> None:
    """Take a sum apart and compare it with its addends."""
    made: Polynomial = defaultdict(int)
    lits = claim.number.lits
    for k, lit in enumerate(lits):
        _add_literal(made, lit, 1 << k)
    slots = claim.chain.slots
    out = 2 * slots[-1].carry if slots else claim.chain.carry
    if len(lits) <= len(slots):
        if not claim.wraps and bound >> len(slots):
            raise CertificateError(f"a sum can reach {bound}, past its {len(slots)} places")
        # Proven to be 0, or a multiple of the modulus: it may be added.
        _add_literal(made, out, 1 << len(slots))
    wanted: Polynomial = defaultdict(int)
    wanted[()] += claim.const
    for addend in claim.addends:
        for k, lit in enumerate(addend.lits):
            _add_literal(wanted, lit, 1 << k)
    for product in claim.products:
        _add_product(wanted, product)
    inputs = {bit for term in wanted for bit in term}
    pending = sorted(functions, reverse=True)
    for bit in pending:
        _substitute(made, bit, functions[bit].ins, functions[bit].table)
    _expand(made, inputs, lookups)
    _expand(wanted, {bit for term in made for bit in term}, lookups)
    difference = dict(made)
    for term, c in wanted.items():
        difference[term] = difference.get(term, 0) - c
    modulus = 1 << len(lits) if claim.wraps else 0
    if any(c % modulus if modulus else c for c in difference.values()):
        raise CertificateError("a chain does not add up to what it claims")


def _expand(made: Polynomial, known: set[int], lookups: dict[int, Lut]) -> None:
    """Replace lookup tables that only one side of the equation reads."""
    while True:
        open_ = {b for term, c in made.items() if c for b in term} - known
        found = max((b for b in open_ if b in lookups), default=None)
        if found is None:
            return
        _substitute(made, found, lookups[found].ins, lookups[found].table)


def _add_literal(made: Polynomial, lit: int, c: int) -> None:
    bit = lit >> 1
    if lit & 1:
        made[()] += c
        c = -c
    if bit:
        made[bit,] += c


def _add_product(made: Polynomial, product: tuple[int, ...]) -> None:
    """One literal, or the exclusive nor of two: 1 - a - b + 2ab."""
    if len(product) == 1:
        _add_literal(made, product[0], 1)
        return
    a, b = (lit >> 1 for lit in product)
    sign = -1 if (product[0] ^ product[1]) & 1 else 1
    made[()] += sign == 1
    made[a,] -= sign
    made[b,] -= sign
    made[tuple(sorted((a, b)))] += 2 * sign


def _substitute(made: Polynomial, bit: int, ins: tuple[int, ...], table: int) -> None:
    """Put the polynomial of a function in the place of its bit."""
    terms = polynomial(table, len(ins))
    for term in [t for t in made if bit in t]:
        c = made.pop(term)
        if not c:
            continue
        rest = tuple(b for b in term if b != bit)
        for subset, factor in terms:
            inside = tuple(b for k, b in enumerate(ins) if subset >> k & 1 and b)
            if any(b == 0 for k, b in enumerate(ins) if subset >> k & 1):
                continue  # bit 0 is 0
            key = tuple(sorted({*rest, *inside}))
            made[key] += c * factor
    if len(made) > MAX_TERMS:
        raise CertificateError("a chain does not add up: its terms do not cancel")
