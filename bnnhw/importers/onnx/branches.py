"""Translates Add, Sub and Concat of two branches, after bringing both to a common scale."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import as_map, flattened, in_order, is_map
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.stored_integers import as_integers
from bnnhw.ir import Bits
from bnnhw.ir.certificate import Certificate
from bnnhw.ir.types import MAX_ELEMENTS
from bnnhw.layers import Add, Affine, Concat

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["add", "concat"]

MAX_FACTOR = 256
"""Largest integer factor that brings two branches to a common scale exactly."""

FRACTION_BITS = 13
"""A branch in fixed point is rounded to its range times ``2**-FRACTION_BITS``, or finer."""


def add(layers: LayerList, node: NodeProto, one: Chain, other: Chain) -> Chain:
    """Translate Add or Sub of two chains without nodes, such as a residual connection."""
    label = node_label(node)
    if one.shape != other.shape:
        raise ModelError(f"adds activations of the shapes {list(one.shape)} and "
                         f"{list(other.shape)}, expected equal ones", where=label)
    if node.op_type == "Sub":
        other = replace(other, slope=-other.slope, base=-other.base)
    one, other = _aligned(layers, one, other, label)
    factors = _factors(one, other)
    note, bound = "", None
    if factors is None:
        one, other, unit, bound = _fixed_point(layers, one, other)
        note = f"; fixed point in steps of 2**{int(np.log2(unit.min()))}"
    else:
        first, second, unit = factors
        one, other = _scaled(layers, one, first), _scaled(layers, other, second)
    layer = Add(layers.node_name(node), one.source, one.type, other.source, other.type)
    type_ = layers.add(layer)
    step = int(np.gcd(one.step, other.step))
    span = one.stop - one.start + other.stop - other.start
    errors = [e for e in (one.error, other.error, bound) if e is not None]
    made = Chain(layer.name, type_, one.index, one.start + other.start, step,
                 int(span.max()) // step + 1, unit, one.base + other.base, layers.opset,
                 error=sum(errors[1:], errors[0]) if errors else None, note=note or one.note
                 or other.note)
    if bound is not None:
        layers.certificates.append(Certificate(
            layer.name, f"sum of two branches{note}, error at most {bound.max():.3g}",
            made.channels, made.count))
        layers.notes.append(
            f"layer '{layer.name}' ({label}) adds two branches whose scales have no common unit, "
            f"in fixed point: its sums differ from the model's by at most {bound.max():.3g}, "
            f"{(bound / np.maximum(made.slope * (made.count - 1), 1e-300)).max():.2g} of their "
            "range, so that outputs can differ where a sum is closer than that to a decision")
    return made


def _aligned(layers: LayerList, one: Chain, other: Chain, label: str) -> tuple[Chain, Chain]:
    """Convert both tensors to maps or vectors of one shape and one order of elements."""
    if one.type.shape == other.type.shape and np.array_equal(one.index, other.index):
        return one, other
    for axis in (1, -1):
        if is_map(one, axis) and is_map(other, axis):
            one, other = (as_map(layers, c, label, axis) for c in (one, other))
            break
    if one.type.shape != other.type.shape:
        one, other = flattened(layers, one), flattened(layers, other)
    if one.type.shape != other.type.shape or not np.array_equal(one.index, other.index):
        raise ModelError(f"adds elements of '{one.source}' ({one.type}) and '{other.source}' "
                         f"({other.type}) that are in different positions", where=label)
    return one, other


def _factors(one: Chain, other: Chain) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Find integer factors and the common scale of each channel; None if not exact or too large."""
    first, second = (np.ones(one.channels, dtype=np.int64) for _ in range(2))
    unit = np.ones(one.channels)
    for c, (a, b) in enumerate(zip(one.slope.tolist(), other.slope.tolist(), strict=True)):
        if a == 0 or b == 0:
            first[c], second[c], unit[c] = int(a != 0), int(b != 0), a or b or 1.0
            continue
        ratio = Fraction(a) / Fraction(b)
        if max(abs(ratio.numerator), ratio.denominator) > MAX_FACTOR:
            return None
        first[c], second[c] = ratio.numerator, ratio.denominator
        unit[c] = b / ratio.denominator
    span = np.abs(first) * (one.stop - one.start) + np.abs(second) * (other.stop - other.start)
    return None if int(span.max()) * one.channels > MAX_ELEMENTS else (first, second, unit)


def _scaled(layers: LayerList, chain: Chain, factor: np.ndarray) -> Chain:
    """Multiply a branch by integers, one per channel."""
    if (factor == 1).all():
        return as_integers(layers, chain) if chain.bipolar else chain
    scale, offset = _of_bits(chain, factor)
    layer = Affine(layers.name(f"{chain.source}_scaled", "affine"), chain.source, chain.type,
                   scale, offset)
    type_ = layers.add(layer)
    if (factor == factor[0]).all() and factor[0] > 0:
        return replace(chain, source=layer.name, type=type_, start=chain.start * factor,
                       step=chain.step * int(factor[0]), slope=chain.slope / factor)
    low = np.minimum(chain.start * factor, chain.stop * factor)
    high = np.maximum(chain.start * factor, chain.stop * factor)
    return replace(chain, source=layer.name, type=type_, start=low, step=1,
                   count=int((high - low).max()) + 1,
                   slope=chain.slope / np.where(factor == 0, 1, factor))


def _of_bits(chain: Chain, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and offset of an Affine that multiplies the values of a layer by a factor."""
    return (2 * factor, -factor) if chain.bipolar else (factor, np.zeros_like(factor))


def _fixed_point(layers: LayerList, one: Chain,
                 other: Chain) -> tuple[Chain, Chain, np.ndarray, np.ndarray]:
    """Round both branches to multiples of one power of two for each channel.

    Returns
    -------
    one, other : Chain
    unit : float64 [C]
    bound : float64 [C]
        Bound of the error of the sum, in the model's units.
    """
    reach = [np.abs(c.slope) * np.maximum(c.stop - c.start, 1) for c in (one, other)]
    total = reach[0] + reach[1]
    exponents = np.floor(np.log2(np.where(total > 0, total, 1.0))).astype(np.int64)
    unit = 2.0 ** (exponents - FRACTION_BITS)
    (first, error), (second, more) = (_rounded(layers, chain, unit) for chain in (one, other))
    return first, second, unit, error + more


def _rounded(layers: LayerList, chain: Chain, unit: np.ndarray) -> tuple[Chain, np.ndarray]:
    """Round a branch to multiples of ``unit``; also return the error bound of each channel."""
    largest = int(np.maximum(np.abs(chain.start), np.abs(chain.stop)).max())
    shift = max(largest, 1).bit_length() + 3
    exact = chain.slope / unit * 2.0 ** shift
    factor = np.round(exact).astype(np.int64)
    scale, offset = _of_bits(chain, factor)
    layer = Affine(layers.name(f"{chain.source}_fixed", "affine"), chain.source, chain.type, scale,
                   offset, shift)
    type_ = layers.add(layer)
    half = (1 << shift) >> 1
    ends = [(v * factor + half) >> shift for v in (chain.start, chain.stop)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    made = replace(chain, source=layer.name, type=type_, start=low, step=1,
                   count=int((high - low).max()) + 1, slope=unit)
    # The shift rounds by at most half a unit, and the factor by half of 2**-shift.
    return made, unit * (0.5 + largest * np.abs(factor - exact) * 2.0 ** -shift)


def concat(layers: LayerList, node: NodeProto, chains: list[Chain], axis: int) -> Chain:
    """Translate Concat of chains without nodes along their channels."""
    label = node_label(node)
    ranks = {len(c.shape) for c in chains}
    if len(ranks) != 1:
        raise ModelError("concatenates tensors of different ranks", where=label)
    axis %= ranks.pop()
    last = axis == len(chains[0].shape) - 1 and axis != 1
    if axis != 1 and not last:
        raise ModelError(f"concatenates along axis {axis}, expected the channels", where=label)
    if len(chains[0].shape) == 2:
        chains = [in_order(layers, c, label) for c in chains]
    else:
        chains = [as_map(layers, c, label, -1 if last else 1) for c in chains]
    if len({c.type.shape[:-1] for c in chains}) != 1:
        raise ModelError(f"concatenates {', '.join(str(c.type) for c in chains)}, expected equal "
                         "rows and columns", where=label)
    made = chains[0]
    for chain in chains[1:]:
        made = _pair(layers, node, made, chain, axis)
    return made


def _pair(layers: LayerList, node: NodeProto, one: Chain, other: Chain, axis: int) -> Chain:
    one, other = _common(layers, one, other)
    if one.type.element != other.type.element and (isinstance(one.type.element, Bits)
                                                   or isinstance(other.type.element, Bits)):
        one, other = as_integers(layers, one), as_integers(layers, other)
    layer = Concat(layers.node_name(node), one.source, one.type, other.source, other.type)
    type_ = layers.add(layer)
    if (one.step, one.count) == (other.step, other.count):
        step, count = one.step, one.count
    else:
        step = 1
        count = int(max((one.stop - one.start).max(), (other.stop - other.start).max())) + 1
    index = np.concatenate([c.index // c.channels * type_.channels + c.index % c.channels + shift
                            for c, shift in ((one, 0), (other, one.channels))], axis=axis)
    start = np.concatenate([one.start, other.start])
    return Chain(layer.name, type_, index, start, step, count,
                 np.concatenate([one.slope, other.slope]), np.concatenate([one.base, other.base]),
                 layers.opset, error=_errors(one, other), note=one.note or other.note)


def _common(layers: LayerList, one: Chain, other: Chain) -> tuple[Chain, Chain]:
    """Multiply two branches so that their steps are equal, if small integers can do that."""
    sizes = [np.abs(chain.slope) for chain in (one, other)]
    if any((s != s[0]).any() or s[0] == 0 for s in sizes) or sizes[0][0] == sizes[1][0]:
        return one, other
    ratio = Fraction(float(sizes[0][0])) / Fraction(float(sizes[1][0]))
    if max(ratio.numerator, ratio.denominator) > MAX_FACTOR:
        return one, other
    return (_scaled(layers, one, np.full(one.channels, ratio.numerator)),
            _scaled(layers, other, np.full(other.channels, ratio.denominator)))


def _errors(one: Chain, other: Chain) -> np.ndarray | None:
    if one.error is None and other.error is None:
        return None
    return np.concatenate([np.zeros(c.channels) if c.error is None else c.error
                           for c in (one, other)])
