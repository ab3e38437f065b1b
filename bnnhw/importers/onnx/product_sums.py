"""Finds the attainable sums of products with integer weights, and the floats they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.integer_weights import IntegerWeights

__all__ = ["ProductSums", "pad_values", "product_sums"]

NEARLY = 1e-5
"""Maximum distance of a pad value from an integer, in steps, that counts as float rounding."""

FLOAT_BITS = 24
"""Bits of the significand of float32."""

MAX_SUM_BITS = 60
"""Maximum width of a sum."""

MAX_RATIO = 255
"""Largest integer ratio of the scales of two input channels that becomes part of the weights."""


@dataclass(frozen=True)
class ProductSums:
    """The attainable sums of a layer and their floats, with the attributes of ``Chain``.

    Attributes
    ----------
    values : int64 [out, in]
        The weights; negated where an input channel falls, and multiplied where it has larger
        steps than others.
    start, step, count : int64 [out], int, int
        Rows of smaller weights have fewer sums than ``count``.
    slope, base : float64 [out]
    error : float64 [out] or None
    """

    values: np.ndarray
    start: np.ndarray
    step: int
    count: int
    slope: np.ndarray
    base: np.ndarray
    error: np.ndarray | None


def pad_values(chain: Chain, value: np.ndarray, label: str) -> np.ndarray | None:
    """Find the stored integers outside the map for which the model sees ``value`` [C] there.

    Returns
    -------
    int64 [C] or None
        One per channel, as stored; None for exact zeros between -1 and +1.
    """
    element = chain.type.element
    exact = (value - chain.base) / np.where(chain.slope == 0, 1.0, chain.slope)
    v = np.round(exact).astype(np.int64)
    fits = (np.abs(exact - v) <= NEARLY) & (chain.slope != 0)
    if chain.bipolar:
        if (exact == 0).all() and chain.slope.all():
            return None
        fits &= np.abs(v) == 1
        v = (v + 1) // 2
    if not (fits & (v >= element.lo) & (v <= element.hi)).all():
        channel = int(np.argmin(fits & (v >= element.lo) & (v <= element.hi)))
        ends = [float((chain.slope * end + chain.base)[channel])
                for end in (chain.start, chain.stop)]
        raise ModelError(f"pads with {value[channel]:g}, expected one of the {chain.count} values "
                         f"between {min(ends):g} and {max(ends):g} of its input", where=label,
                         hint="train without padding here, or with a pad value that the input can "
                         "have")
    return v


def product_sums(chain: Chain, weights: IntegerWeights, columns: np.ndarray, label: str,
                 pad: np.ndarray | None, absent: bool) -> ProductSums:
    """Find the attainable sums of products of stored integers, and their floats.

    Parameters
    ----------
    chain : Chain
        Without nodes: its values are linear in the stored integers.
    weights : IntegerWeights
    columns : integer array [out or 1, in]
        Input channel of each weight.
    label : str
        Node, for messages.
    pad : int64 [C] or None
        Stored values outside the map; None without any.
    absent : bool
        Whether there are exact zeros outside the map.
    """
    factors, unit = _unit(chain, label)
    sizes = np.abs(weights.values)
    values = weights.values * factors[columns]
    start, step, count = _inputs(chain, pad, absent)
    largest = int(np.abs(start).max()) + count * step
    if largest.bit_length() + int(np.abs(values).sum(axis=1).max()).bit_length() > MAX_SUM_BITS:
        raise ModelError(f"sums {values.shape[1]} values of {chain.type} with weights up to "
                         f"{int(np.abs(values).max())}, expected sums of at most {MAX_SUM_BITS} "
                         "bits", where=label)
    low, high = start[columns], start[columns] + step * (count - 1)
    first = np.where(values > 0, values * low, values * high).sum(axis=1)
    together = step * int(np.gcd.reduce(np.abs(values), axis=None))
    span = int(np.abs(values).sum(axis=1).max()) * step * (count - 1)
    base = (weights.values * chain.base[columns]).sum(axis=1) * weights.scales
    ends = [np.abs(chain.slope * end + chain.base) for end in (start, start + step * (count - 1))]
    reach = np.maximum(*ends)
    terms = (sizes * reach[columns]).sum(axis=1)
    error = None
    if not _exact(chain, unit, weights, float(terms.max()) / unit):
        inherited = 0.0 if chain.error is None else float(chain.error.max())
        added = (sizes != 0).sum(axis=1)
        error = weights.scales * (terms * added * 2.0 ** -FLOAT_BITS
                                  + sizes.sum(axis=1) * inherited) + \
            weights.residual * float(reach.max())
    return ProductSums(values, first, together, span // together + 1, weights.scales * unit, base,
                       error)


def _unit(chain: Chain, label: str) -> tuple[np.ndarray, float]:
    """Return the integer factor of each channel, and the float value of one step.

    Channels may have the same scale, negated, or integer multiples of one.
    """
    sizes, signs = np.abs(chain.slope), np.sign(chain.slope).astype(np.int64)
    largest = float(sizes.max())
    if largest and (largest - sizes.min()) <= largest * 2.0 ** -(FLOAT_BITS - 1):
        return signs, largest
    unit = float(sizes[sizes > 0].min(initial=np.inf))
    ratios = np.rint(sizes / unit)
    if not largest or ratios.max() > MAX_RATIO or \
            (np.abs(ratios * unit - sizes) > largest * 2.0 ** -(FLOAT_BITS - 1)).any():
        raise ModelError(f"reads activations in steps of {sizes.min():g} to {largest:g}, one "
                         "for each channel, expected one scale for all of them, or integer "
                         f"multiples up to {MAX_RATIO} of one", where=label,
                         hint="train with one scale for all input channels, or "
                         "with a quantiser before this node")
    return signs * ratios.astype(np.int64), unit


def _inputs(chain: Chain, pad: np.ndarray | None, absent: bool) -> tuple[np.ndarray, int, int]:
    """Return start, step and count of the integers of each input channel, padding included."""
    if absent:  # 0 lies between -1 and +1
        return chain.start, 1, 3
    if pad is None or chain.bipolar:
        return chain.start, chain.step, chain.count
    steps = (pad - chain.start) // chain.step
    inside = ((pad - chain.start) % chain.step == 0) & (steps >= 0) & (steps < chain.count)
    if inside.all():
        return chain.start, chain.step, chain.count
    low = min(int(chain.start.min()), int(pad.min()))
    high = max(int(chain.stop.max()), int(pad.max()))
    return np.full(chain.channels, low, dtype=np.int64), 1, high - low + 1


def _exact(chain: Chain, unit: float, weights: IntegerWeights, units: float) -> bool:
    """Whether float32 sums of these products are exact in any order of addition.

    They are exact if every product is a multiple of one power of two, and the largest sum is less
    than 2**24 times that power.
    """
    halves = chain.base / unit * 2
    return bool(chain.error is None and np.frexp(unit)[0] == 0.5 and not weights.residual.any()
                and (np.frexp(weights.scales)[0] == 0.5).all()
                and (halves == np.round(halves)).all() and units < 1 << (FLOAT_BITS - 1))
