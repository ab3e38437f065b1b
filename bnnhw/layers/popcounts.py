"""Sums of products of bits, written as weighted popcounts plus a constant."""

from __future__ import annotations

import math

import numpy as np

from bnnhw.ir.types import Bits, Element, plane_offset
from bnnhw.layers.weight_planes import WeightPlanes

__all__ = ["compares_popcounts", "count_agreeing", "default_sum", "exact_product", "planes_sum",
           "product_sum"]

MAX_SUM_BITS = 60
"""Bits of the largest sum of a layer."""


def count_agreeing(bits: np.ndarray, weights: np.ndarray,
                   mask: np.ndarray | None = None) -> np.ndarray:
    """Count agreeing bits in the mask: ``[N, in]``, ``[rows, in]`` -> int64 ``[N, rows]``.

    This is the readable reference: a dot product of -1/+1 is agreeing minus differing bits.
    """
    used = np.ones_like(weights) if mask is None else mask
    signs = (2 * weights.astype(np.int64) - 1) * used
    dot = (2 * bits.astype(np.int64) - 1) @ signs.T
    return np.asarray((dot + used.sum(axis=1, dtype=np.int64)) // 2)


def exact_product(numbers: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Multiply integers: int64 ``[N, in]``, ``[rows, in]`` -> int64 ``[N, rows]``.

    Below 2**53 float64 represents every partial sum exactly, in any order of addition, and its
    matrix product is much faster.
    """
    largest = max(-int(numbers.min(initial=0)), int(numbers.max(initial=0)))
    if largest * int(np.abs(values).sum(axis=1).max(initial=0)) >= 1 << 53:
        return np.asarray(numbers @ values.T)
    return (numbers.astype(np.float64) @ values.T.astype(np.float64)).astype(np.int64)


def planes_sum(planes: WeightPlanes, element: Element) -> tuple[tuple[int, ...], tuple[int, ...],
                                                                np.ndarray]:
    """Write sums of products as ``sum_q s_q sum_m c_m popcount_qm + const``.

    Parameters
    ----------
    planes : WeightPlanes
    element : Bits or Int
        What is multiplied. With n weights other than 0 of which z are -1, a plane of scale 1 gives
        ``2p - n`` for -1/+1 bits, ``p - z`` for 0/1 bits, and for an integer of B bits
        ``sum_m 2**m p_m - (2**B - 1) z``, less its plane offset times ``n - 2 z``.

    Returns
    -------
    scales : tuple of Q int
        Without a common factor.
    coefficients : tuple of M int
        One for each bit plane of the element.
    const : int64 [out]

    Raises
    ------
    ValueError
        The sums do not fit 60 bits.
    """
    unit = math.gcd(*planes.scales)
    scales = tuple(s // unit for s in planes.scales)
    s = np.array(planes.scales, dtype=np.int64)
    if element.planes + (planes.bits.shape[2] * sum(planes.scales)).bit_length() > MAX_SUM_BITS:
        raise ValueError(f"sums of {planes.bits.shape[2]} products of {element.planes} bits with "
                         f"weights up to {sum(planes.scales)} do not fit {MAX_SUM_BITS} bits")
    if element.bipolar:
        return scales, (2 * unit,), -(s @ planes.used)
    coefficients = tuple(unit << m for m in range(element.planes))
    const = -((1 << element.planes) - 1) * (s @ planes.negative)
    return scales, coefficients, const - plane_offset(element) * (
        s @ (planes.used - 2 * planes.negative))


def product_sum(weights: np.ndarray, element: Element) -> tuple[tuple[int, ...], np.ndarray]:
    """Write the sums of products of one-bit weights as ``sum_m c_m * popcount_m + const``.

    Parameters
    ----------
    weights : uint8 [out, in]
        0 stands for -1 and 1 for +1.
    element : Bits or Int
        See ``planes_sum``.

    Returns
    -------
    coefficients : tuple of int
        One for each bit plane.
    const : int64 [out]

    Raises
    ------
    ValueError
        The sums do not fit 60 bits.
    """
    return planes_sum(WeightPlanes.of_bits(weights), element)[1:]


def compares_popcounts(element: Element, absent: bool, raw: bool) -> bool:
    """Whether the thresholds of a layer apply to popcounts; others apply to sums of products.

    ``absent``: pixels outside the map are exact zeros. ``raw``: the layer has no thresholds.
    """
    return isinstance(element, Bits) and not absent and not raw


def default_sum(planes: WeightPlanes, element: Element, absent: bool,
                raw: bool) -> tuple[tuple[int, ...], tuple[int, ...], np.ndarray]:
    """Scales, coefficients and constants of planes for which the weight file gives none."""
    if planes.one_bit and compares_popcounts(element, absent, raw):
        return (1,), (1,), np.zeros(planes.bits.shape[1], dtype=np.int64)
    return planes_sum(planes, element)
