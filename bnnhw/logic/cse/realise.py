"""A shared matrix as numbers in a netlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.logic.build import Product, SumBuilder
from bnnhw.logic.cells import FALSE, invert
from bnnhw.logic.cse.flips import flips
from bnnhw.logic.cse.graph import SharedMatrix
from bnnhw.logic.netlist import Number

__all__ = ["Terms", "realise", "scores", "thresholds"]


@dataclass(frozen=True)
class Terms:
    """Bits and numbers whose sum is, but for a constant, how many columns of a node agree.

    Parameters
    ----------
    bits : tuple of (int, ...)
    numbers : tuple of Number
        Exact, or modulo ``2**width`` where all sums that they go into are as narrow.
    offset : int
        The node is ``2 * sum + offset``, where a column is worth -1 or +1.
    size : int
        Columns: the node lies between ``-size`` and ``size``.
    flip : bool
        That is minus the node instead.
    """

    bits: tuple[Product, ...]
    numbers: tuple[Number, ...]
    offset: int
    size: int
    flip: bool = False

    @property
    def low(self) -> int:
        """The least sum; the largest is ``low + size``."""
        return (-self.size - self.offset) // 2

    @property
    def negated(self) -> Terms:
        """The terms of minus the value."""
        numbers = [_minus(n) for n in self.numbers]
        offset = -self.offset - 2 * len(self.bits) - sum(2 * const for _, const in numbers)
        return replace(self, bits=tuple((invert(p[0]), *p[1:]) for p in self.bits),
                       numbers=tuple(n for n, _ in numbers), offset=offset, flip=not self.flip)

    @property
    def doubled(self) -> Terms:
        """The terms of twice the value."""
        bits = [Number((FALSE, lit), 2) for lit, in self.bits]
        return replace(self, bits=(), numbers=(*bits, *(n.doubled for n in self.numbers)),
                       offset=2 * self.offset, size=2 * self.size)


def _minus(number: Number) -> tuple[Number, int]:
    """A number and a constant, whose difference is minus a number."""
    inverted = tuple(invert(lit) if lit > 1 else FALSE for lit in number.lits)
    top = sum(1 << k for k, lit in enumerate(inverted) if lit)
    return Number(inverted, top), top + sum(1 << k for k, lit in enumerate(number.lits) if lit == 1)


def realise(shared: SharedMatrix, lits: Sequence[int], builder: SumBuilder,
            keep: int = 0, exact: bool = False) -> list[Terms]:
    """Build the nodes that rows share, and list what is left to add up for each row.

    Parameters
    ----------
    lits : sequence of int
        Literal of each column.
    builder : SumBuilder
    keep : int
        Bits that a node may leave to those that refer to it, see ``SumBuilder.most``.
    exact : bool
        No number of a row is modulo a power of two.

    Returns
    -------
    list of Terms
        One a row. A column of sign +1 counts where it is 1, one of sign -1 where it is 0.
    """
    sizes = [int(s) for s in np.abs(shared.vectors()).sum(axis=1)]
    order = shared.order()
    users: dict[int, list[tuple[int, int]]] = {}
    for k in order:
        for part, factor in shared.nodes[k].parts:
            users.setdefault(part, []).append((k, factor))
    flipped = flips(shared, sizes) if builder.target.polarised else [False] * len(shared.nodes)
    made: dict[int, Terms] = {}
    rows: dict[int, Terms] = {}
    for k in order:
        terms = _terms(shared, k, sizes[k], lits, made)
        if flipped[k]:
            terms = terms.negated
        width = sizes[k].bit_length()
        if k >= shared.rows and len(users[k]) == 1:
            # Added up where it is wanted, together with what else is there.
            made[k] = terms
        elif k in users:
            narrow = not exact and all(sizes[u].bit_length() <= width and abs(factor) == 1
                                       for u, factor in users[k])
            row = k < shared.rows
            terms = made[k] = _modular(terms, builder, width) if narrow and row else \
                _exact(terms, builder, width, 0 if row else keep)
        if k < shared.rows:
            rows[k] = terms
    return [rows[k] for k in range(shared.rows)]


def _terms(shared: SharedMatrix, k: int, size: int, lits: Sequence[int],
           made: dict[int, Terms]) -> Terms:
    """What a node adds up."""
    bits: list[Product] = [(lits[c] if s > 0 else invert(lits[c]),)
                           for c, s in shared.nodes[k].items]
    numbers: list[Number] = []
    offset = -len(bits)
    for part, factor in shared.nodes[k].parts:
        own = made[part]
        if (factor < 0) != own.flip:
            own = own.negated
        if abs(factor) == 2:
            own = own.doubled
        bits += own.bits
        numbers += own.numbers
        offset += own.offset
    return Terms(tuple(bits), tuple(numbers), offset, size)


def _modular(terms: Terms, builder: SumBuilder, width: int) -> Terms:
    number = builder.total(terms.bits, terms.numbers, 0, width)
    return replace(terms, bits=(), numbers=(number,))


def _exact(terms: Terms, builder: SumBuilder, width: int, keep: int) -> Terms:
    """Add a node up to a number that is no wider than needed."""
    const, low, high = 0, terms.low, terms.low + terms.size
    if low < 0 or high >> width:
        # Any constant does that brings the sum into the range; that with most zeros costs least.
        zeros = width
        while (const := -(low >> zeros) << zeros) + high >> width:
            zeros -= 1
        keep = 0
    number, left = builder.most(terms.bits, terms.numbers, keep, const,
                                high + const if const else None, high)
    offset = terms.offset - 2 * const
    return replace(terms, bits=left, numbers=(number,) if number.lits else (), offset=offset)


def thresholds(shared: SharedMatrix, lits: Sequence[int], builder: SumBuilder,
               limits: Sequence[Sequence[int]], keep: int = 0) -> list[list[int]]:
    """Build a matrix with thresholds.

    Parameters
    ----------
    lits, builder, keep
        As for ``realise``.
    limits : sequence of sequence of int
        Of each row.

    Returns
    -------
    list of list of int
        Literals that tell whether the agreeing columns of a row reach each of its limits.
    """
    made = []
    for row, own in zip(realise(shared, lits, builder, keep), limits, strict=True):
        low, high = row.low, row.low + row.size
        wanted = [high - t + 1 if row.flip else low + t for t in own]
        found = builder.at_least(row.bits, row.numbers, wanted, low, high)
        made.append([lit ^ row.flip for lit in found])
    return made


def scores(shared: SharedMatrix, lits: Sequence[int], builder: SumBuilder, keep: int,
           width: int, scale: int, consts: Sequence[int]) -> list[Number]:
    """Build a matrix with its sums as numbers.

    Parameters
    ----------
    lits, builder, keep
        As for ``realise``.
    width, scale, consts
        Row k is ``scale * agreeing columns + consts[k]`` modulo ``2**width``: two's complement;
        ``scale`` is 1 or 2.
    """
    if scale not in (1, 2):
        raise ValueError("scale is 1 or 2")
    made = []
    for row, const in zip(realise(shared, lits, builder, keep, exact=True), consts, strict=True):
        if row.flip:
            row = row.negated
        # The lowest bit of an even count and a constant is that of the constant.
        own = width - (scale == 2)
        number = builder.total(row.bits, row.numbers, const // scale - row.low, own)
        if scale == 2:
            number = Number((const & 1, *number.lits), (1 << width) - 1)
        made.append(number)
    return made
