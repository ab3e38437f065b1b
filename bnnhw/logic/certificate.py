"""Proves for all inputs that every chain, sum and comparison of a netlist does what it claims.

Every bit is a function of a few other bits, and every such function equals exactly one integer
polynomial. The proof takes the number that a chain makes, and substitutes the polynomials of its
slots from the highest bit down. The terms of full adders cancel to a plain sum of their inputs, so
that what remains must equal the claimed addends, term by term. The effort is linear in the number
of cells. Ciesielski et al. (DAC 2015) use the same rewriting to verify multipliers.
"""

from __future__ import annotations

from collections import defaultdict

from bnnhw.logic.cells import Chain, Function, Lut
from bnnhw.logic.claims import ChainClaim, ComparisonClaim, Number, Product
from bnnhw.logic.composition import ProvenSums
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.truth_tables import polynomial

__all__ = ["CertificateError", "certify"]

Polynomial = dict[tuple[int, ...], int]
"""Coefficient of each product of bits; the empty product is the constant."""

MAX_TERMS = 1 << 16
"""Terms of an intermediate polynomial at which a proof is abandoned.

A correct chain needs dozens, or hundreds at most; in a wrong one the terms do not cancel.
"""


class CertificateError(AssertionError):
    """A netlist does not compute what it claims, which is a defect of the generator."""


def certify(netlist: Netlist) -> int:
    """Prove all claims of a netlist.

    Returns
    -------
    int
        Number of claims proven.

    Raises
    ------
    CertificateError
        A sum or comparison is wrong, or a number can exceed its claimed bound.
    """
    proven: dict[tuple[int, ...], int] = {}
    lookups = {cell.out: cell for cell in netlist.cells if not isinstance(cell, Chain)}
    inverters = {bit: lut for bit, lut in lookups.items() if len(lut.ins) == 1}
    for claim in netlist.chain_claims:
        bound = len(claim.products) + claim.const + sum(1 << k for k, _ in claim.weighted)
        for addend in claim.addends:
            bound += _bound(addend, proven)
        _check_chain(claim, bound, {f.out: f for f in claim.chain.functions}, lookups, inverters)
        if claim.number.max_value < min(bound, (1 << claim.number.width) - 1):
            raise CertificateError(f"a chain can reach {bound}, but its claimed bound is "
                                   f"{claim.number.max_value}")
        proven[claim.number.lits] = claim.number.max_value
    sums = ProvenSums()
    for complete in netlist.sum_claims:
        wrong = sums.check_comparison(complete, lookups) \
            if isinstance(complete, ComparisonClaim) else sums.check(complete)
        if wrong:
            raise CertificateError(wrong)
    return len(netlist.chain_claims) + len(netlist.sum_claims)


def _bound(number: Number, proven: dict[tuple[int, ...], int]) -> int:
    """Largest value of a number: its proven bound, or the one that its bits allow."""
    all_ones = sum(1 << k for k, lit in enumerate(number.lits) if lit)
    shift = next((k for k, lit in enumerate(number.lits) if lit), 0)
    known = proven.get(number.lits[shift:])
    found = all_ones if known is None else min(all_ones, known << shift)
    if number.max_value < found:
        raise CertificateError(f"a number can reach {found}, but its claimed bound is "
                               f"{number.max_value}")
    return found


def _check_chain(claim: ChainClaim, bound: int, functions: dict[int, Function],
                 lookups: dict[int, Lut], inverters: dict[int, Lut]) -> None:
    """Rewrite the result of a chain over its inputs, and compare it with the claimed addends.

    Parameters
    ----------
    bound : int
        Largest value of the sum.
    functions : dict
        The function that drives each bit of the chain.
    lookups : dict
        The lookup table that drives each bit outside of chains.
    inverters : dict
        Those of ``lookups`` that read a single bit.
    """
    made: Polynomial = defaultdict(int)
    lits = claim.number.lits
    for k, lit in enumerate(lits):
        _add_literal(made, lit, 1 << k)
    slots = claim.chain.slots
    out = 2 * slots[-1].carry if slots else claim.chain.carry
    if len(lits) <= len(slots):
        if not claim.wraps and bound >> len(slots):
            raise CertificateError(f"a chain can reach {bound}, which exceeds its "
                                   f"{len(slots)} bits")
        # The carry out is 0 by the bound, or a multiple of the modulus: adding it changes nothing.
        _add_literal(made, out, 1 << len(slots))
    wanted: Polynomial = defaultdict(int)
    wanted[()] += claim.const
    for addend in claim.addends:
        for k, lit in enumerate(addend.lits):
            _add_literal(wanted, lit, 1 << k)
    for product in claim.products:
        _add_product(wanted, product)
    for k, product in claim.weighted:
        _add_product(wanted, product, 1 << k)
    pending = sorted(functions, reverse=True)
    for bit in pending:
        _substitute(made, bit, functions[bit].ins, functions[bit].table)
    # A bit and its inverter may both occur, on either side.
    for side in (made, wanted):
        _expand(side, set(), inverters)
    _expand(made, {bit for term in wanted for bit in term}, lookups)
    _expand(wanted, {bit for term in made for bit in term}, lookups)
    difference = dict(made)
    for term, c in wanted.items():
        difference[term] = difference.get(term, 0) - c
    modulus = 1 << len(lits) if claim.wraps else 0
    if any(c % modulus if modulus else c for c in difference.values()):
        raise CertificateError("a chain does not add up to its claim")


def _expand(made: Polynomial, known: set[int], lookups: dict[int, Lut]) -> None:
    """Substitute lookup tables that only this side of the equation reads."""
    while True:
        unknown = {b for term, c in made.items() if c for b in term} - known
        found = max((b for b in unknown if b in lookups), default=None)
        if found is None:
            return
        _substitute(made, found, lookups[found].ins, lookups[found].table)


def _add_literal(made: Polynomial, lit: int, c: int) -> None:
    """Add ``c`` times a literal."""
    bit = lit >> 1
    if lit & 1:
        made[()] += c
        c = -c
    if bit:
        made[bit,] += c


def _add_product(made: Polynomial, product: Product, c: int = 1) -> None:
    """Add ``c`` times a literal, an exclusive nor ``1 - a - b + 2ab``, or a masked one."""
    if len(product) == 1:
        _add_literal(made, product[0], c)
        return
    terms: Polynomial = {(): c}
    for lit in product[2:]:
        terms = _times(terms, lit)
    one, both = _times(terms, product[0]), _times(terms, product[1])
    for part, factor in ((terms, 1), (one, -1), (both, -1), (_times(one, product[1]), 2)):
        for term, value in part.items():
            made[term] += factor * value


def _times(terms: Polynomial, lit: int) -> Polynomial:
    """Multiply a polynomial by a literal."""
    made: Polynomial = defaultdict(int)
    bit, inverted = lit >> 1, lit & 1
    for term, c in terms.items():
        if inverted:
            made[term] += c
        if bit:
            made[tuple(sorted({*term, bit}))] += -c if inverted else c
    return made


def _substitute(made: Polynomial, bit: int, ins: tuple[int, ...], table: int) -> None:
    """Replace a bit by the polynomial of the function that drives it."""
    terms = polynomial(table, len(ins))
    for term in [t for t in made if bit in t]:
        c = made.pop(term)
        if not c:
            continue
        others = tuple(b for b in term if b != bit)
        for subset, factor in terms:
            inside = tuple(b for k, b in enumerate(ins) if subset >> k & 1 and b)
            if any(b == 0 for k, b in enumerate(ins) if subset >> k & 1):
                continue  # bit 0 is constantly 0
            key = tuple(sorted({*others, *inside}))
            made[key] += c * factor
    if len(made) > MAX_TERMS:
        raise CertificateError("a chain does not add up to its claim: its terms do not cancel")
