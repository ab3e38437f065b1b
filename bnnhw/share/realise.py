"""A shared matrix as numbers in a netlist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnnhw.count.build import SumBuilder
from bnnhw.count.netlist import Number, invert
from bnnhw.share.graph import SharedMatrix

__all__ = ["Terms", "realise", "scores", "thresholds"]


@dataclass(frozen=True)
class Terms:
    """``sum of bits + sum of numbers = agreeing bits of a node + offset``."""

    bits: tuple[tuple[int, ...], ...]
    numbers: tuple[Number, ...]
    offset: int


def realise(shared: SharedMatrix, lits: Sequence[int], builder: SumBuilder,
            keep: int = 0) -> list[Terms]:
    """Build the nodes that rows share, and list what is left to add up for each row.

    Parameters
    ----------
    lits : sequence of int
        Literal of each column.
    builder : SumBuilder
    keep : int
        Bits that a node may leave to those that refer to it, see ``SumBuilder.most``.

    Returns
    -------
    list of Terms
        One a row. A column of sign +1 counts where it is 1, one of sign -1 where it is 0.
    """
    vectors = shared.vectors()
    doubled = {part for node in shared.nodes for part, factor in node.parts if abs(factor) == 2}
    parts = {part for node in shared.nodes for part, _ in node.parts}
    made: dict[int, Terms] = {}
    rows: dict[int, Terms] = {}
    for k in shared.order():
        # value = 2 * (bits + number) + offset, where a column is worth -1 or +1.
        bits = [(lits[c] if s > 0 else invert(lits[c]),) for c, s in shared.nodes[k].items]
        numbers, offset = [], -len(bits)
        for part, factor in shared.nodes[k].parts:
            own = made[part] if factor > 0 else _negated(made[part])
            bits += own.bits
            numbers += [n if abs(factor) == 1 else n.doubled for n in own.numbers]
            offset += abs(factor) * own.offset
        if k < shared.rows:
            lowest = -int(np.abs(vectors[k]).sum())
            rows[k] = Terms(tuple(bits), tuple(numbers), (lowest - offset) // 2)
        if k in parts:
            number, left = builder.most(bits, numbers, 0 if k in doubled else keep)
            made[k] = Terms(left, (number,) if number.lits else (), offset)
    return [rows[k] for k in range(shared.rows)]


def _negated(terms: Terms) -> Terms:
    """The terms of minus a value."""
    offset = -terms.offset - 2 * len(terms.bits)
    offset -= sum(2 * ((1 << n.width) - 1) for n in terms.numbers)
    return Terms(tuple((invert(lit),) for lit, in terms.bits),
                 tuple(n.negated for n in terms.numbers), offset)


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
    return [builder.at_least(row.bits, row.numbers, [limit + row.offset for limit in own])
            for row, own in zip(realise(shared, lits, builder, keep), limits, strict=True)]


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
    for row, const in zip(realise(shared, lits, builder, keep), consts, strict=True):
        # The lowest bit of an even count and a constant is that of the constant.
        own = width - (scale == 2)
        number = builder.total(row.bits, row.numbers, const // scale - row.offset, own)
        if scale == 2:
            number = Number((const & 1, *number.lits), (1 << width) - 1)
        made.append(number)
    return made
