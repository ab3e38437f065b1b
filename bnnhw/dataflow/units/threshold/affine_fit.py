"""Finds multiplications and shifts that equal thresholds at all values that a channel reaches.

On a rising channel with ascending thresholds ``T_1 .. T_J``, ``(m * x + b) >> s``, clipped to 0..J,
equals the number of reached thresholds at all x if and only if it is at least j at the lowest x
with ``x >= T_j``, and below j at the highest x with ``x < T_j``, for every j: both sides rise with
x, since ``m >= 0``. These are linear conditions on m and b.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.dataflow.units.threshold.constants import Reach, ThresholdConstants

__all__ = ["AffineForm", "common_affine", "fit_affine", "is_exact"]

MAX_SHIFT = 48
"""Largest shift that is tried."""

MAX_PRODUCT = 1 << 59
"""Larger products of a scale and a value are not tried, so that all sums fit 64 bits."""

CANDIDATES = 1024
"""Scales that are compared when one for all channels is chosen."""

NEVER = np.int64(1) << 61


@dataclass(frozen=True, eq=False)
class AffineForm:
    """``clip((scale * u + offset) >> shift, 0, J)``, ``u = x``, or ``~x`` on falling channels.

    Attributes
    ----------
    scale, offset : int64 [channels]
        Scales are not negative.
    shift : int
    """

    scale: np.ndarray
    offset: np.ndarray
    shift: int

    def count(self, values: np.ndarray, falling: np.ndarray, levels: int) -> np.ndarray:
        """Compute the output of ``values`` ``[..., channels]``."""
        turned = np.where(falling, ~values, values)
        return np.clip(turned * self.scale + self.offset >> self.shift, 0, levels)


@dataclass(frozen=True, eq=False)
class _Corners:
    """The values at which the output of each channel changes, on rising channels.

    Attributes
    ----------
    reached : int64 [channels, levels]
        Lowest value at which the level is reached, where ``has_reached``.
    missed : int64 [channels, levels]
        Highest value at which it is not reached, where ``has_missed``.
    """

    reached: np.ndarray
    missed: np.ndarray
    has_reached: np.ndarray
    has_missed: np.ndarray

    @classmethod
    def of(cls, constants: ThresholdConstants, reach: Reach) -> _Corners:
        falling = constants.falling.astype(np.bool_)
        # #{x < T_j} = #{~x >= -T_j}
        low = np.where(falling, ~reach.high, reach.low)[:, None]
        high = np.where(falling, ~reach.low, reach.high)[:, None]
        limits = np.where(falling[:, None], -constants.thresholds[:, ::-1], constants.thresholds)
        return cls(np.maximum(limits, low), np.minimum(limits - 1, high), limits <= high,
                   limits > low)

    def offsets(self, scale: np.ndarray, shift: int) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest offset of each channel for its scale; none if the first is higher."""
        steps = np.arange(1, self.reached.shape[1] + 1, dtype=np.int64) << shift
        m = scale[:, None]
        lowest = np.where(self.has_reached, steps - m * self.reached, -NEVER).max(axis=1)
        highest = np.where(self.has_missed, steps - 1 - m * self.missed, NEVER).min(axis=1)
        return lowest, highest

    def room(self, scale: np.ndarray, shift: int) -> np.ndarray:
        """Number of possible offsets of each channel, less one: a concave function of its scale."""
        lowest, highest = self.offsets(scale, shift)
        return np.asarray(highest - lowest)

    def highest_scales(self, shift: int) -> np.ndarray:
        """A scale for each channel that no right one exceeds."""
        least = np.where(self.has_reached, self.reached, NEVER).min(axis=1)
        most = np.where(self.has_missed, self.missed, -NEVER).max(axis=1)
        # From the first reached value to the last missed one it rises by less than all levels.
        return (self.reached.shape[1] << shift) // np.maximum(most - least, 1)

    @property
    def largest_shift(self) -> int:
        """Largest shift to try, so that all products fit 64 bits; -1 if there is none."""
        largest = np.maximum(np.abs(self.reached), np.abs(self.missed)).max(axis=1) + 1
        for shift in range(MAX_SHIFT, -1, -1):
            if ((self.highest_scales(shift) + 1) <= MAX_PRODUCT // largest).all():
                return shift
        return -1

    def scales(self, shift: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Lowest and highest scale of each channel; None if some channel has none."""
        zero, top = np.zeros(len(self.reached), dtype=np.int64), self.highest_scales(shift)
        best = _first(zero, top, lambda m: self.room(m + 1, shift) <= self.room(m, shift))
        if (self.room(best, shift) < 0).any():
            return None
        least = _first(zero, best, lambda m: self.room(m, shift) >= 0)
        return least, _first(best, top, lambda m: self.room(m + 1, shift) < 0)

    def common_scale(self, shift: int) -> int | None:
        """The scale with the minimum of additions that is right for all channels, or None."""
        found = self.scales(shift)
        if found is None:
            return None
        least, most = int(found[0].max()), int(found[1].min())
        return _shortest(least, most) if least <= most else None


def _first(low: np.ndarray, high: np.ndarray,
           reached: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """For each channel, the first number from ``low`` on that has reached a point, or ``high``."""
    while (low < high).any():
        middle = (low + high) // 2
        there, active = reached(middle), low < high
        high = np.where(active & there, middle, high)
        low = np.where(active & ~there, middle + 1, low)
    return low


Fit = Callable[[_Corners, int], np.ndarray | None]


def fit_affine(constants: ThresholdConstants, reach: Reach) -> AffineForm | None:
    """Find a form with a scale for each channel, of the smallest shift; None where none exists."""
    def scale(corners: _Corners, s: int) -> np.ndarray | None:
        found = corners.scales(s)
        return None if found is None else found[0]
    return _fit(_Corners.of(constants, reach), scale)


def common_affine(constants: ThresholdConstants, reach: Reach) -> AffineForm | None:
    """Find a form with one scale for all channels, which is a constant of few additions."""
    def scale(corners: _Corners, s: int) -> np.ndarray | None:
        found = corners.common_scale(s)
        return None if found is None else np.full(len(corners.reached), found, dtype=np.int64)
    return _fit(_Corners.of(constants, reach), scale)


def _fit(corners: _Corners, scale: Fit) -> AffineForm | None:
    low, high = 0, corners.largest_shift
    best = None if high < 0 else scale(corners, high)
    if best is None:
        return None
    # Twice the scale at one more shift is right too, so that the smallest shift can be bisected.
    while low < high:
        middle = (low + high) // 2
        found = scale(corners, middle)
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    lowest, highest = corners.offsets(best, high)
    return AffineForm(best, np.where(lowest > -NEVER, lowest, highest), high)


def _shortest(least: int, most: int) -> int:
    """The number of a range that needs the minimum of additions of shifted values."""
    powers = [1 << k for k in range(most.bit_length() + 1)]
    near = {a + sign * b for a in powers for b in powers for sign in (-1, 1)}
    chosen = [*powers, *sorted(near), *range(least, min(most, least + CANDIDATES) + 1)]
    return min((m for m in chosen if least <= m <= most),
               key=lambda m: ((m ^ 3 * m).bit_count(), m))


def is_exact(form: AffineForm, constants: ThresholdConstants, reach: Reach) -> bool:
    """Whether a form equals the thresholds at all values that the channels reach.

    Both are evaluated on both sides of every threshold and at the ends of the range: between two
    of these values the thresholds do not change, and a monotone function that equals them at both
    equals them there.
    """
    edges = np.concatenate([constants.thresholds, constants.thresholds - 1,
                            reach.low[:, None], reach.high[:, None]], axis=1)
    values = np.clip(edges, reach.low[:, None], reach.high[:, None]).T
    found = form.count(values, constants.falling, constants.levels)
    return bool((form.scale >= 0).all()) and bool((found == constants.count(values)).all())
