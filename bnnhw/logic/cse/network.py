"""Whole blocks of layers as one netlist: shared sums, comparisons, and the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bnnhw.logic.build import SumBuilder
from bnnhw.logic.cells import invert
from bnnhw.logic.cse.graph import SharedMatrix
from bnnhw.logic.cse.realise import scores, thresholds
from bnnhw.logic.cse.search import Report, Sharing, first_tries, share_matrix, share_with
from bnnhw.logic.netlist import Netlist, Number
from bnnhw.logic.spec import CountBlock, CountLayer
from bnnhw.logic.tables import table
from bnnhw.logic.targets import TARGETS

__all__ = ["build_block", "choose_sharing"]


def choose_sharing(layer: CountLayer, target: str, registers: Callable[[Netlist], float] | None,
                   effort: float = 1.0, report: Report | None = None) -> Sharing:
    """Search for the cheapest way to share a layer.

    Parameters
    ----------
    registers : callable or None
        What the registers of a netlist cost, in lookup tables; None for logic without any.
    effort, report
        See ``share_matrix``.
    """

    def cost(shared: SharedMatrix, sharing: Sharing) -> float:
        netlist = Netlist(CountBlock((layer,)).inputs)
        builder = SumBuilder(netlist, TARGETS[target])
        lits = [netlist.input(i) for i in range(netlist.inputs)]
        rows = _layer(builder, layer, shared, sharing.keep, lits)
        netlist.outputs = [lit for row in rows for lit in row]
        return builder.target.cost(netlist) + (registers(netlist) if registers else 0)

    first = first_tries(layer.columns, registers is not None)
    return share_matrix(layer.signs, cost, first, effort, report)


def build_block(block: CountBlock, target: str, sharings: Sequence[Sharing]) -> Netlist:
    """Build a block; outputs are those of the last layer, channel 0 lowest, then the label."""
    netlist = Netlist(block.inputs)
    builder = SumBuilder(netlist, TARGETS[target])
    lits = [netlist.input(i) for i in range(netlist.inputs)]
    rows: list[list[int]] = []
    for layer, own in zip(block.layers, sharings, strict=True):
        rows = _layer(builder, layer, share_with(layer.signs, own), own.keep, lits)
        lits = [lit for row in rows for lit in row]
    netlist.outputs = lits if block.forward or not block.label else []
    if block.label:
        netlist.outputs = netlist.outputs + _label(builder, rows, block)
    return netlist


def _layer(builder: SumBuilder, layer: CountLayer, shared: SharedMatrix, keep: int,
           lits: Sequence[int]) -> list[list[int]]:
    """Literals of each row's output element, lowest bit first."""
    elements, place = lits[:layer.columns * layer.planes], lits[layer.columns * layer.planes:]
    planes = [list(elements[m::layer.planes]) for m in range(layer.planes)]
    if layer.signed:
        planes[-1] = [invert(lit) for lit in planes[-1]]
    limits = None if layer.limits is None else [[int(t) for t in row] for row in layer.limits[0]]
    const = [int(c) for c in layer.const[0]]
    plain = layer.planes == layer.classes == 1
    if plain and limits is not None:
        found = thresholds(shared, planes[0], builder, limits, keep)
    elif plain and layer.scale in (1, 2):
        return [_padded(number, layer.width) for number in
                scores(shared, planes[0], builder, keep, layer.width, layer.scale, const)]
    else:
        found = []
        width = layer.columns.bit_length()
        counted = [scores(shared, plane, builder, keep, width, 1, [0] * layer.rows)
                   for plane in planes]
        for r in range(layer.rows):
            parts = [Number((0,) * m + counted[m][r].lits, counted[m][r].top << m)
                     for m in range(layer.planes)]
            if limits is None:
                low = int(layer.const[:, r].min())
                more = by_class(builder.netlist, place, [int(c) - low for c in layer.const[:, r]])
                number = _scaled(builder, parts, layer.scale, more, low, layer.width)
                found.append(_padded(number, layer.width))
            elif layer.classes == 1:
                found.append(builder.at_least([], parts, limits[r]))
            else:
                assert layer.limits is not None
                found.append(_by_class(builder, parts, place, layer.limits[:, r]))
    if limits is None or len(limits[0]) == 1:
        return found
    return [_padded(builder.total([(lit,) for lit in row]), layer.width) for row in found]


def _by_class(builder: SumBuilder, parts: list[Number], place: Sequence[int],
              limits: np.ndarray) -> list[int]:
    """Comparisons whose limits depend on the class: what a limit is lower, the sum is more."""
    found = []
    for own in limits.T:
        high = int(own.max())
        more = by_class(builder.netlist, place, [high - int(t) for t in own])
        found += builder.at_least([], [*parts, more], [high])
    return found


def by_class(netlist: Netlist, place: Sequence[int], values: Sequence[int]) -> Number:
    """A number that the bits of a class choose from a table."""
    top = max(values)
    lits = tuple(_chosen(netlist, place, [v >> k & 1 for v in values])
                 for k in range(top.bit_length()))
    return Number(lits, (1 << len(lits)) - 1)


def _chosen(netlist: Netlist, place: Sequence[int], column: list[int]) -> int:
    """A bit that the class chooses: one table of up to four inputs, or a choice of two halves."""
    if len(place) <= 4:
        known = [*column, *[0] * ((1 << len(place)) - len(column))]
        return netlist.lut(place, sum(bit << k for k, bit in enumerate(known)))
    half = 1 << (len(place) - 1)
    low, high = (_chosen(netlist, place[:-1], part or [0])
                 for part in (column[:half], column[half:]))
    return _choose(netlist, low, high, place[-1])


def _scaled(builder: SumBuilder, parts: list[Number], scale: int, more: Number, const: int,
            width: int) -> Number:
    """``scale * sum + more + const`` modulo ``2**width``; a scale is a sum of powers of two."""
    shifted = [Number((0,) * k + part.lits, part.top << k) for part in parts
               for k in range(scale.bit_length()) if scale >> k & 1]
    return builder.total([], [*shifted, more], const, width)


def _padded(number: Number, width: int) -> list[int]:
    return [*number.lits[:width], *[0] * (width - number.width)]


def _label(builder: SumBuilder, rows: list[list[int]], block: CountBlock) -> list[int]:
    """Index of the largest score: a tree of comparisons, the left one wins a tie."""
    width = block.layers[-1].width
    best = []
    for k, row in enumerate(rows):
        value = [*row[:-1], invert(row[-1])] if block.score_signed else row
        best.append((value, [k >> b & 1 for b in range(block.label_width)]))
    while len(best) > 1:
        pairs = []
        for (a, at_a), (b, at_b) in zip(best[::2], best[1::2], strict=False):
            top = (1 << width) - 1
            # b > a: b + (2**w - 1 - a) reaches 2**w.
            right, = builder.at_least([], [Number(tuple(b), top), Number(tuple(a), top).negated],
                                      [1 << width])
            value, index = ([_choose(builder.netlist, x, y, right)
                             for x, y in zip(left, other, strict=True)]
                            for left, other in ((a, b), (at_a, at_b)))
            pairs.append((value, index))
        best = pairs + best[2 * len(pairs):]
    return best[0][1]


def _choose(netlist: Netlist, a: int, b: int, choose: int) -> int:
    """Literal of ``b`` where ``choose`` is set, else ``a``."""
    if a == b:
        return a
    if a <= 1 and b <= 1:
        return choose ^ a
    distinct = list(dict.fromkeys(lit >> 1 for lit in (a, b, choose) if lit > 1))

    def at(*values: int) -> int:
        known = dict(zip(distinct, values, strict=True))
        x, y, c = (lit if lit <= 1 else known[lit >> 1] ^ (lit & 1) for lit in (a, b, choose))
        return y if c else x

    return netlist.lut([2 * bit for bit in distinct], table(len(distinct), at))
