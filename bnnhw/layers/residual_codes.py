"""Residual binarisation: codes of several bits whose bits have falling scales (ReBNet).

An activation x becomes M bits by ``r_0 = x``, ``b_l = [r_(l-1) >= 0]`` and ``r_l = r_(l-1) - g_l (2
b_l - 1)``, with scales ``g_1 > g_2 > ... > 0`` (Ghasemzadeh et al., FCCM 2018). It stands for the
number ``sum_l g_l (2 b_l - 1)``. The code with level 1 as its highest bit rises with x, so that it
is the number of thresholds that x reaches: a layer with ``levels`` gives it, and ``coefficients``
of the next layer weight the planes. Where every scale is at least the sum of those after it, the
numbers rise with their codes too, and ``max_pool`` compares codes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

__all__ = ["code_coefficients", "code_thresholds", "code_values", "residual_code"]


def residual_code(x: np.ndarray, scales: Sequence[int]) -> np.ndarray:
    """Encode integers level by level, as the definition says; level 1 is the highest bit."""
    left, code = np.asarray(x, dtype=np.int64), np.zeros(np.shape(x), dtype=np.int64)
    for g in scales:
        bit = left >= 0
        code = 2 * code + bit
        left = left - np.where(bit, g, -g)
    return code


def code_thresholds(scales: Sequence[int]) -> np.ndarray:
    """Thresholds whose count is the code: int64 ``[2**M - 1]``, ascending.

    Parameters
    ----------
    scales : sequence of M int
        Positive.

    Raises
    ------
    ValueError
        A scale is not positive.
    """
    if not scales or min(scales) < 1:
        raise ValueError(f"the scales {tuple(scales)} of a residual code must be positive")
    thresholds = np.zeros(1, dtype=np.int64)
    for g in reversed(scales[:-1]):
        # Level by level from the last one: x >= 0 has the upper half of the codes.
        thresholds = np.concatenate([np.minimum(thresholds - g, 0), [0],
                                     np.maximum(thresholds + g, 0)])
    return thresholds


def code_values(scales: Sequence[int]) -> np.ndarray:
    """The number that each code stands for: int64 ``[2**M]``, ascending."""
    return np.array([sum(signs[k] * g for k, g in enumerate(scales))
                     for signs in itertools.product((-1, 1), repeat=len(scales))], dtype=np.int64)


def code_coefficients(scales: Sequence[int]) -> tuple[int, ...]:
    """Weight of the popcount of each bit plane of a code, lowest plane first.

    The sum of products of N values and weights -1/+1 is the weighted popcounts minus
    ``N * sum(scales)``.
    """
    return tuple(2 * g for g in reversed(scales))
