"""Builds the netlist of a block of layers: shared sums, comparisons, and the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.logic.cells import invert
from bnnhw.logic.claims import Number
from bnnhw.logic.cse.adder_graph import AdderGraph
from bnnhw.logic.cse.lowering import scores, thresholds
from bnnhw.logic.cse.planes import PlaneSet, build_graph, forms_of
from bnnhw.logic.cse.search import (
    CseOptions,
    Report,
    attempt_count,
    best_options,
    first_options,
)
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.sum_builder import SumBuilder
from bnnhw.logic.target import Target
from bnnhw.logic.truth_tables import table

__all__ = ["best_layer_options", "build_block"]


def best_layer_options(layer: LayerSpec, target: Target,
                       registers: Callable[[Netlist], float] | None,
                       report: Report | None = None) -> CseOptions:
    """Search for the options of common-subexpression elimination that make a layer cheapest.

    Parameters
    ----------
    layer : LayerSpec
    target : Target
    registers : callable or None
        Cost of the registers of a netlist, in lookup tables; None for combinational logic.
    report
        See ``best_options``.
    """

    def cost(shared: AdderGraph, options: CseOptions) -> float:
        netlist = Netlist(BlockSpec((layer,)).inputs)
        builder = SumBuilder(netlist, target)
        lits = [netlist.input(i) for i in range(netlist.inputs)]
        rows = _layer(builder, layer, shared, options.keep, lits)
        netlist.outputs = [lit for row in rows for lit in row]
        return builder.target.cost(netlist) + (registers(netlist) if registers else 0)

    planes = _planes(layer)
    attempts = attempt_count(len(layer.signs) * layer.rows, layer.columns)
    return best_options(lambda options: build_graph(planes, options), cost, attempts,
                        first_options(layer.columns, registers is not None), forms_of(planes),
                        report)


def _planes(layer: LayerSpec) -> PlaneSet:
    """The planes of a layer whose adder graph ``_layer`` needs.

    One-bit weights need the sums of a single bit of the inputs, which ``_layer`` adds up.
    """
    factors = layer.coefficients[:, :1] if layer.one_bit else layer.coefficients
    return PlaneSet(layer.signs, factors)


def build_block(block: BlockSpec, target: Target, layer_options: Sequence[CseOptions]) -> Netlist:
    """Build the netlist of a block.

    Parameters
    ----------
    block : BlockSpec
    target : Target
    layer_options : sequence of CseOptions
        Options of each layer.

    Returns
    -------
    Netlist
        Its outputs are the elements of the last layer, channel 0 lowest, then the label.
    """
    netlist = Netlist(block.inputs)
    builder = SumBuilder(netlist, target)
    lits = [netlist.input(i) for i in range(netlist.inputs)]
    rows: list[list[int]] = []
    for layer, options in zip(block.layers, layer_options, strict=True):
        rows = _layer(builder, layer, build_graph(_planes(layer), options), options.keep, lits)
        lits = [lit for row in rows for lit in row]
    netlist.outputs = lits if block.forward or not block.label else []
    if block.label:
        netlist.outputs = netlist.outputs + _label(builder, rows, block)
    return netlist


def _layer(builder: SumBuilder, layer: LayerSpec, shared: AdderGraph, keep: int,
           lits: Sequence[int]) -> list[list[int]]:
    """Add a layer to the netlist: literals of each row's output element, lowest bit first.

    Parameters
    ----------
    builder : SumBuilder
    layer : LayerSpec
    shared : AdderGraph
        The graph of the layer's weights.
    keep : int
        See ``lower_rows``.
    lits : sequence of int
        Literals of the layer's input bits.
    """
    inputs = layer.columns * layer.planes
    elements, border_class = lits[:inputs], lits[inputs:]
    planes = [list(elements[m::layer.planes]) for m in range(layer.planes)]
    if layer.signed:
        planes[-1] = [invert(lit) for lit in planes[-1]]
    width = layer.columns.bit_length()
    if not layer.one_bit:
        planes = [[lit for plane in planes for lit in plane]]
        width = max(1, int(layer.tops.max()).bit_length())
        layer = _of_sums(layer)
    limits = None if layer.limits is None else [[int(t) for t in row] for row in layer.limits[0]]
    const = [int(c) for c in layer.const[0]]
    plain = len(planes) == layer.classes == 1
    if plain and limits is not None:
        found = thresholds(shared, planes[0], builder, limits, keep)
    elif plain and layer.scale in (1, 2):
        return [_padded(number, layer.width) for number in
                scores(shared, planes[0], builder, keep, layer.width, layer.scale, const)]
    else:
        found = []
        counted = [scores(shared, plane, builder, keep, width, 1, [0] * layer.rows)
                   for plane in planes]
        for r in range(layer.rows):
            parts = [Number((0,) * m + numbers[r].lits, numbers[r].max_value << m)
                     for m, numbers in enumerate(counted)]
            if limits is None:
                low = int(layer.const[:, r].min())
                more = by_class(builder.netlist, border_class,
                                [int(c) - low for c in layer.const[:, r]])
                number = _scaled(builder, parts, layer.scale, more, low, layer.width)
                found.append(_padded(number, layer.width))
            elif layer.classes == 1:
                found.append(builder.at_least([], parts, limits[r]))
            else:
                assert layer.limits is not None
                found.append(_by_class(builder, parts, border_class, layer.limits[:, r]))
    if limits is None or len(limits[0]) == 1:
        return found
    return [_padded(builder.total([(lit,) for lit in row]), layer.width) for row in found]


def _of_sums(layer: LayerSpec) -> LayerSpec:
    """The layer with limits and constants for the sums of its adder graph instead of its counts.

    Where the planes of a weight have opposite signs, some of them agree with every input.
    """
    more = (layer.tops - np.abs(layer.values()).sum(axis=1)) // 2
    limits = None if layer.limits is None else layer.limits - more[:, None]
    return replace(layer, limits=limits, const=layer.const + layer.scale * more)


def _by_class(builder: SumBuilder, parts: list[Number], border_class: Sequence[int],
              limits: np.ndarray) -> list[int]:
    """Compare a sum with limits that depend on the border class.

    The sum is compared with the highest limit of all classes. What the limit of a class is lower is
    added to the sum instead, chosen by the class.
    """
    found = []
    for class_limits in limits.T:
        high = int(class_limits.max())
        more = by_class(builder.netlist, border_class, [high - int(t) for t in class_limits])
        found += builder.at_least([], [*parts, more], [high])
    return found


def by_class(netlist: Netlist, border_class: Sequence[int], values: Sequence[int]) -> Number:
    """Add a number to the netlist that depends on the border class.

    Parameters
    ----------
    netlist : Netlist
    border_class : sequence of int
        Literals of the index of the class, lowest bit first.
    values : sequence of int
        The number for each class.
    """
    max_value = max(values)
    lits = tuple(_chosen(netlist, border_class, [v >> k & 1 for v in values])
                 for k in range(max_value.bit_length()))
    return Number(lits, (1 << len(lits)) - 1)


def _chosen(netlist: Netlist, border_class: Sequence[int], column: list[int]) -> int:
    """Literal of a bit that depends on the border class.

    One lookup table if the class has up to four bits, otherwise a multiplexer of two halves.
    """
    if len(border_class) <= 4:
        known = [*column, *[0] * ((1 << len(border_class)) - len(column))]
        return netlist.lut(border_class, sum(bit << k for k, bit in enumerate(known)))
    half = 1 << (len(border_class) - 1)
    low, high = (_chosen(netlist, border_class[:-1], part or [0])
                 for part in (column[:half], column[half:]))
    return _choose(netlist, low, high, border_class[-1])


def _scaled(builder: SumBuilder, parts: list[Number], scale: int, more: Number, const: int,
            width: int) -> Number:
    """``scale * parts + more + const`` modulo ``2**width``, as shifted copies of the parts."""
    shifted = [Number((0,) * k + part.lits, part.max_value << k) for part in parts
               for k in range(scale.bit_length()) if scale >> k & 1]
    return builder.total([], [*shifted, more], const, width)


def _padded(number: Number, width: int) -> list[int]:
    """Literals of a number, extended with zeros or cut to ``width`` bits."""
    return [*number.lits[:width], *[0] * (width - number.width)]


def _label(builder: SumBuilder, rows: list[list[int]], block: BlockSpec) -> list[int]:
    """Literals of the index of the largest score, by a tree of comparisons.

    The left operand wins a tie, which gives the lowest index.
    """
    width = block.layers[-1].width
    best = []
    for k, row in enumerate(rows):
        value = [*row[:-1], invert(row[-1])] if block.score_signed else row
        best.append((value, [k >> b & 1 for b in range(block.label_width)]))
    while len(best) > 1:
        pairs = []
        for (a, at_a), (b, at_b) in zip(best[::2], best[1::2], strict=False):
            top = (1 << width) - 1
            # b > a exactly if b + (2**width - 1 - a) >= 2**width.
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
