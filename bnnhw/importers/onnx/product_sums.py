"""Finds the attainable sums of products with binary weights, and the floats that they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain

__all__ = ["ProductSums", "binary_weights", "pad_values", "product_sums"]

NEARLY = 1e-5
"""Maximum distance of a pad value from an integer, in steps, that counts as float rounding."""

MANY = 129
"""Number of steps from which weights no longer look quantised; 8 signed bits have 128."""

FLOAT_BITS = 24
"""Bits of the significand of float32."""

MAX_SUM_BITS = 60
"""Maximum width of a sum."""


@dataclass(frozen=True)
class ProductSums:
    """The attainable sums of a layer and their floats, with the attributes of ``Chain``.

    Attributes
    ----------
    bits : uint8 [out, in]
        The weights, 0 for -1; inverted where an input channel falls.
    start, step, count : int64 [out], int, int
    slope, base : float64 [out]
    error : float64 [out] or None
    """

    bits: np.ndarray
    start: np.ndarray
    step: int
    count: int
    slope: np.ndarray
    base: np.ndarray
    error: np.ndarray | None


def binary_weights(weights: np.ndarray, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Split a float32 matrix [out, in] of +s and -s in each row into bits and magnitudes.

    Returns
    -------
    bits : uint8 [out, in]
    magnitudes : float32 [out]

    Raises
    ------
    ModelError
        The weights are not binary; the message describes them.
    """
    if weights.dtype != np.float32:
        raise ModelError(f"has weights of type {weights.dtype}, expected float32", where=label,
                         hint="export the model in float32")
    sizes = np.abs(weights)
    scales = sizes[:, 0]
    if not (sizes == scales[:, None]).all() or not (scales > 0).all():
        raise _not_binary(sizes, label)
    return (weights > 0).astype(np.uint8), scales


def _not_binary(sizes: np.ndarray, label: str) -> ModelError:
    """Describe weights that are not +s and -s in each row."""
    largest = sizes.max(axis=1, keepdims=True)
    zero = sizes == 0
    if (zero | (sizes == largest)).all():
        return ModelError(f"has ternary weights: {int(zero.sum())} of {zero.size} are 0, the "
                          "others +s and -s in each row; ternary weights are not supported yet",
                          where=label, hint="train with binary weights (BipolarQuant, or Quant "
                          "of one signed bit)")
    if (np.abs(sizes - largest) <= largest * 1e-5).all():
        return ModelError("has weights that are +s and -s in each row except for float rounding",
                          where=label, hint="export the sign itself, without a straight-through "
                          "expression such as (sign - w).detach() + w around it")
    largest_step = max(_steps(row) for row in sizes)
    if largest_step < MANY:
        return ModelError(f"has weights of up to {largest_step} equal steps on both sides of 0, "
                          f"as from a quantiser of {int(largest_step).bit_length() + 1} bits; "
                          "expected +s and -s in each row, weights of several bits are not "
                          "supported yet", where=label, hint="train with binary weights "
                          "(BipolarQuant, or Quant of one signed bit)")
    return ModelError("has real weights, expected +s and -s in each row", where=label,
                      hint="train with binary weights (BipolarQuant, or "
                      "torch.where(w >= 0, 1.0, -1.0))")


def _steps(sizes: np.ndarray) -> int:
    """Return the largest magnitude of a row in equal steps; ``MANY`` where there are none."""
    levels = np.unique(np.append(sizes.astype(np.float64), 0.0))
    count = levels / max(float(np.diff(levels).min(initial=np.inf)), 1e-300)
    if count[-1] >= MANY or np.abs(count - np.round(count)).max() > 1e-3 or len(levels) < 2:
        return MANY
    return round(count[-1])


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


def product_sums(chain: Chain, weights: np.ndarray, columns: np.ndarray, label: str,
                 pad: np.ndarray | None, absent: bool) -> ProductSums:
    """Find the attainable sums of products of stored integers, and their floats.

    Parameters
    ----------
    chain : Chain
        Without nodes: its values are linear in the stored integers.
    weights : float32 [out, in]
        Values -s and +s in each row.
    columns : integer array [out or 1, in]
        Input channel of each weight.
    label : str
        Node, for messages.
    pad : int64 [C] or None
        Stored values outside the map; None without any.
    absent : bool
        Whether there are exact zeros outside the map.
    """
    signs_of, scales = binary_weights(weights, label)
    unit = _unit(chain, label)
    falls = (chain.slope < 0)[columns]
    bits = signs_of ^ falls.astype(np.uint8)
    fan_in = bits.shape[1]
    start, step, count = _inputs(chain, pad, absent)
    if (count * step).bit_length() + fan_in.bit_length() > MAX_SUM_BITS:
        raise ModelError(f"sums {fan_in} values of {chain.type}, expected sums of at most "
                         f"{MAX_SUM_BITS} bits", where=label)
    signs = 2 * bits.astype(np.int64) - 1
    low, high = start[columns], start[columns] + step * (count - 1)
    first = np.where(signs > 0, low, -high).sum(axis=1)
    wide = scales.astype(np.float64)
    base = ((2.0 * signs_of - 1) * chain.base[columns]).sum(axis=1) * wide
    largest = np.maximum(np.abs(chain.slope * start + chain.base),
                         np.abs(chain.slope * (start + step * (count - 1)) + chain.base)).max()
    error = None
    if not _exact(chain, unit, scales, fan_in * largest / unit):
        inherited = 0.0 if chain.error is None else float(chain.error.max())
        error = wide * fan_in * (largest * fan_in * 2.0 ** -FLOAT_BITS + inherited)
    return ProductSums(bits, first, step, fan_in * (count - 1) + 1, wide * unit, base, error)


def _unit(chain: Chain, label: str) -> float:
    """Return the float value of one step; all channels need the same one."""
    sizes = np.abs(chain.slope)
    unit = float(sizes.max())
    if unit == 0 or (sizes.max() - sizes.min()) > unit * 2.0 ** -(FLOAT_BITS - 1):
        raise ModelError(f"reads activations in steps of {sizes.min():g} to {sizes.max():g}, one "
                         "for each channel, expected one scale for all of them",
                         where=label, hint="train with one scale for all input channels, or "
                         "with a quantiser before this node")
    return unit


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


def _exact(chain: Chain, unit: float, scales: np.ndarray, units: float) -> bool:
    """Whether float32 sums of these products are exact in any order of addition.

    They are exact if every product is a multiple of one power of two, and the largest sum is less
    than 2**24 times that power.
    """
    halves = chain.base / unit * 2
    return bool(chain.error is None and np.frexp(unit)[0] == 0.5
                and (np.frexp(scales)[0] == 0.5).all() and (halves == np.round(halves)).all()
                and units < 1 << (FLOAT_BITS - 1))
