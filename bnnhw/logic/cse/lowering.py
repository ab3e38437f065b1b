"""Lowers an adder graph to a netlist: numbers, thresholds and scores of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.logic.cells import FALSE, invert
from bnnhw.logic.claims import Number, Product
from bnnhw.logic.cse.adder_graph import AdderGraph
from bnnhw.logic.cse.polarity import choose_polarity
from bnnhw.logic.sum_builder import SumBuilder

__all__ = ["Terms", "lower_rows", "scores", "thresholds"]


@dataclass(frozen=True)
class Terms:
    """The bits and numbers that remain to be added for one node of an adder graph.

    A node is a sum of columns worth -1 or +1: ``node = 2 * (bits + numbers) + offset``.

    Parameters
    ----------
    bits : tuple of Product
        Bits of weight 1.
    numbers : tuple of Number
        Exact, or modulo ``2**width`` if every sum that they enter is equally narrow.
    offset : int
        See above.
    size : int
        Number of columns: the node lies between ``-size`` and ``size``.
    negative : bool
        The terms add up to minus the node instead.
    """

    bits: tuple[Product, ...]
    numbers: tuple[Number, ...]
    offset: int
    size: int
    negative: bool = False

    @property
    def low(self) -> int:
        """Least sum of the bits and numbers; the largest is ``low + size``."""
        return (-self.size - self.offset) // 2

    @property
    def negated(self) -> Terms:
        """Terms of minus the value."""
        numbers = [_minus(n) for n in self.numbers]
        offset = -self.offset - 2 * len(self.bits) - sum(2 * const for _, const in numbers)
        return replace(self, bits=tuple((invert(p[0]), *p[1:]) for p in self.bits),
                       numbers=tuple(n for n, _ in numbers), offset=offset,
                       negative=not self.negative)

    def times(self, factor: int) -> Terms:
        """Terms of the value times a power of two."""
        if factor == 1:
            return self
        bits = [_shifted(lit, factor) for lit, in self.bits]
        zeros = (FALSE,) * (factor.bit_length() - 1)
        numbers = [Number(zeros + n.lits, factor * n.max_value) for n in self.numbers]
        return replace(self, bits=(), numbers=(*bits, *numbers), offset=factor * self.offset,
                       size=factor * self.size)


def _shifted(lit: int, factor: int) -> Number:
    """A literal times a power of two."""
    return Number((*(FALSE,) * (factor.bit_length() - 1), lit), factor)


def _minus(number: Number) -> tuple[Number, int]:
    """The bitwise complement and a constant, such that complement - constant = -number."""
    inverted = tuple(invert(lit) if lit > 1 else FALSE for lit in number.lits)
    top = sum(1 << k for k, lit in enumerate(inverted) if lit)
    return Number(inverted, top), top + sum(1 << k for k, lit in enumerate(number.lits) if lit == 1)


def lower_rows(shared: AdderGraph, lits: Sequence[int], builder: SumBuilder,
               keep: int = 0, exact: bool = False) -> list[Terms]:
    """Add the sums of shared nodes to a netlist, and list what remains to be added for each row.

    Parameters
    ----------
    shared : AdderGraph
    lits : sequence of int
        Literal of each column.
    builder : SumBuilder
    keep : int
        Bits that a node may leave to the sums that use it, see ``SumBuilder.partial_total``.
    exact : bool
        No number of a row may be modulo a power of two.

    Returns
    -------
    list of Terms
        One for each row. A column of sign +1 counts where it is 1, one of sign -1 where it is 0.
    """
    sizes = [int(s) for s in np.abs(shared.vectors()).sum(axis=1)]
    order, cancelling = shared.order(), shared.cancelling()
    users: dict[int, list[tuple[int, int]]] = {}
    for k in order:
        for operand, factor in shared.nodes[k].operands:
            users.setdefault(operand, []).append((k, factor))
    negative = [False] * len(shared.nodes)
    if builder.target.polarised:
        negative = choose_polarity(shared, sizes)
    made: dict[int, Terms] = {}
    rows: dict[int, Terms] = {}
    for k in order:
        terms = _terms(shared, k, sizes[k], lits, made)
        if negative[k]:
            terms = terms.negated
        width = sizes[k].bit_length()
        if k >= shared.rows and len(users[k]) == 1:
            # The only sum that uses the node adds its terms directly.
            made[k] = terms
        elif k in users:
            narrow = not exact and all(sizes[u].bit_length() <= width and abs(factor) == 1
                                       for u, factor in users[k])
            is_row = k < shared.rows
            # A bit that is left out does not lower the bound of the others if terms cancel.
            kept = 0 if is_row or k in cancelling else keep
            terms = made[k] = _modular(terms, builder, width) if narrow and is_row else \
                _exact(terms, builder, width, kept)
        if k < shared.rows:
            rows[k] = terms
    return [rows[k] for k in range(shared.rows)]


def _terms(shared: AdderGraph, k: int, size: int, lits: Sequence[int],
           made: dict[int, Terms]) -> Terms:
    """The columns and operands of a node as bits and numbers, without adding any cell."""
    bits: list[Product] = []
    numbers: list[Number] = []
    offset = 0
    for column, factor in shared.nodes[k].columns:
        lit = lits[column] if factor > 0 else invert(lits[column])
        if abs(factor) == 1:
            bits.append((lit,))
        else:
            numbers.append(_shifted(lit, abs(factor)))
        offset -= abs(factor)
    for operand, factor in shared.nodes[k].operands:
        terms = made[operand]
        if (factor < 0) != terms.negative:
            terms = terms.negated
        terms = terms.times(abs(factor))
        bits += terms.bits
        numbers += terms.numbers
        offset += terms.offset
    return Terms(tuple(bits), tuple(numbers), offset, size)


def _modular(terms: Terms, builder: SumBuilder, width: int) -> Terms:
    """Add the terms of a node up modulo ``2**width``."""
    number = builder.total(terms.bits, terms.numbers, 0, width)
    return replace(terms, bits=(), numbers=(number,))


def _exact(terms: Terms, builder: SumBuilder, width: int, keep: int) -> Terms:
    """Add the terms of a node up to an exact number of ``width`` bits.

    Up to ``keep`` bits may remain outside of the number.
    """
    const, low, high = 0, terms.low, terms.low + terms.size
    if low < 0 or high >> width:
        # Any constant that brings the sum into the range will do. The one with the most trailing
        # zeros costs least.
        zeros = width
        while (const := -(low >> zeros) << zeros) + high >> width:
            zeros -= 1
        keep = 0
    number, left = builder.partial_total(terms.bits, terms.numbers, keep, const,
                                         high + const if const else None, high)
    offset = terms.offset - 2 * const
    return replace(terms, bits=left, numbers=(number,) if number.lits else (), offset=offset)


def thresholds(shared: AdderGraph, lits: Sequence[int], builder: SumBuilder,
               limits: Sequence[Sequence[int]], keep: int = 0) -> list[list[int]]:
    """Add a matrix product with thresholds to a netlist.

    Parameters
    ----------
    shared, lits, builder, keep
        As for ``lower_rows``.
    limits : sequence of sequence of int
        Limits of each row.

    Returns
    -------
    list of list of int
        For each row and limit, the literal of ``number of agreeing columns >= limit``.
    """
    made = []
    for row, row_limits in zip(lower_rows(shared, lits, builder, keep), limits, strict=True):
        low, high = row.low, row.low + row.size
        wanted = [high - t + 1 if row.negative else low + t for t in row_limits]
        found = builder.at_least(row.bits, row.numbers, wanted, low, high)
        made.append([lit ^ row.negative for lit in found])
    return made


def scores(shared: AdderGraph, lits: Sequence[int], builder: SumBuilder, keep: int,
           width: int, scale: int, consts: Sequence[int]) -> list[Number]:
    """Add a matrix product to a netlist whose results are numbers.

    Parameters
    ----------
    shared, lits, builder, keep
        As for ``lower_rows``.
    width, scale, consts
        Row ``k`` is ``scale * number of agreeing columns + consts[k]`` modulo ``2**width``, in
        two's complement; ``scale`` is 1 or 2.

    Raises
    ------
    ValueError
        ``scale`` is neither 1 nor 2.
    """
    if scale not in (1, 2):
        raise ValueError(f"scale is {scale}; it must be 1 or 2")
    made = []
    rows = lower_rows(shared, lits, builder, keep, exact=True)
    for row, const in zip(rows, consts, strict=True):
        if row.negative:
            row = row.negated
        # Twice the count is even, so the lowest bit of the result is that of the constant.
        sum_width = width - (scale == 2)
        number = builder.total(row.bits, row.numbers, const // scale - row.low, sum_width)
        if scale == 2:
            number = Number((const & 1, *number.lits), (1 << width) - 1)
        made.append(number)
    return made
