"""Splits integer weights into planes of -1/+1 with masks, which hardware multiplies by XNOR."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["WeightPlanes", "split_values", "weight_bits"]

MAX_BASES = 3
"""Planes of the most general form, whose scales are no powers of two."""


@dataclass(frozen=True, eq=False)
class WeightPlanes:
    """Weights ``w = sum_q scale_q * mask_q * (2 bit_q - 1)`` of Q planes.

    Attributes
    ----------
    bits : uint8 [Q, out, in]
        0 stands for -1 and 1 for +1. Bits outside the mask have no effect.
    mask : uint8 [Q, out, in] or None
        0 where the weight of the plane is 0; None where no weight of any plane is 0.
    scales : tuple of Q int
        Positive.
    """

    bits: np.ndarray
    mask: np.ndarray | None
    scales: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.mask is not None and self.mask.all():
            object.__setattr__(self, "mask", None)

    @property
    def one_bit(self) -> bool:
        """Whether all weights are -1 or +1."""
        return self.scales == (1,) and self.mask is None

    @property
    def signs(self) -> np.ndarray:
        """Weights of each plane without its scale: int64 ``[Q, out, in]`` of -1, 0 and +1."""
        signs = 2 * self.bits.astype(np.int64) - 1
        return signs if self.mask is None else signs * self.mask

    @property
    def used(self) -> np.ndarray:
        """Weights other than 0 of each plane and row: int64 ``[Q, out]``."""
        if self.mask is None:
            return np.full(self.bits.shape[:2], self.bits.shape[2], dtype=np.int64)
        return self.mask.sum(axis=2, dtype=np.int64)

    @property
    def negative(self) -> np.ndarray:
        """Weights of -1 in each plane and row: int64 ``[Q, out]``."""
        zeros = self.bits == 0
        return (zeros if self.mask is None else zeros & (self.mask == 1)).sum(
            axis=2, dtype=np.int64)

    def values(self) -> np.ndarray:
        """Return the integer weights, int64 ``[out, in]``."""
        return np.einsum("q,qoi->oi", np.array(self.scales, dtype=np.int64), self.signs)

    def complemented(self, rows: np.ndarray) -> WeightPlanes:
        """Return the weights whose ``rows`` (bool ``[out]``) have the opposite sign."""
        flipped = self.bits ^ np.asarray(rows, dtype=np.uint8)[:, None]
        return WeightPlanes(flipped, self.mask, self.scales)

    def equals(self, other: WeightPlanes) -> bool:
        """Whether all bits, masks and scales are equal."""
        ours, theirs = (np.ones_like(p.bits) if p.mask is None else p.mask for p in (self, other))
        return self.scales == other.scales and np.array_equal(self.bits, other.bits) and \
            np.array_equal(ours, theirs)

    @staticmethod
    def of_bits(weights: np.ndarray) -> WeightPlanes:
        """Weights of one bit, uint8 ``[out, in]``."""
        return WeightPlanes(weights[None], None, (1,))


def weight_bits(values: np.ndarray) -> int:
    """Bits of two's complement that contain all of these integers, at least 2."""
    return max((-int(values.min()) - 1).bit_length(), int(values.max()).bit_length(), 1) + 1


def split_values(values: np.ndarray) -> WeightPlanes:
    """Split integer weights into few planes.

    The form with the minimum of planes is chosen, and of those the one with the minimum of stored
    bits:

    * odd weights, such as the levels -3, -1, 1, 3 of DoReFa-Net: planes of -1/+1, scales 1, 2, 4;
    * a sign and the bits of the magnitude: ternary weights are one plane, and signed weights of
      k bits without the lowest value are ``k - 1`` planes with equal sign bits;
    * two's complement, where the lowest value occurs: planes of 0/1 with constant bits;
    * one plane per magnitude: two scales as in trained ternary quantisation (TTQ);
    * up to three planes of -1/+1 with any scales: several bases as in ABC-Net.

    Parameters
    ----------
    values : int64 [out, in]
        At least one of them is not 0.

    Raises
    ------
    ValueError
        All weights are 0.
    """
    unit = int(np.gcd.reduce(np.abs(values), axis=None))
    if unit == 0:
        raise ValueError("all weights are 0")
    forms = [WeightPlanes(form.bits, form.mask, tuple(unit * scale for scale in form.scales))
             for form in _forms(values // unit)]
    # Without their common factor, sums of several bases may have scales of half an integer.
    return min([*forms, *_bases(values)], key=lambda planes: (len(planes.bits), _stored(planes)))


def _stored(planes: WeightPlanes) -> int:
    """Different matrices of bits that are not constant."""
    matrices = [*planes.bits, *(() if planes.mask is None else planes.mask)]
    return len({matrix.tobytes() for matrix in matrices if matrix.min() != matrix.max()})


def _forms(values: np.ndarray) -> Iterator[WeightPlanes]:
    levels = [int(v) for v in np.unique(values)]
    top = max(-levels[0], levels[-1])
    bits = top.bit_length()
    if all(v % 2 for v in levels):
        powers = tuple(1 << q for q in range(bits))
        yield WeightPlanes(_bits_of((values + (1 << bits) - 1) // 2, bits), None, powers)
    magnitude = np.abs(values)
    yield _masked(values, [magnitude >> q & 1 for q in range(bits)],
                  [1 << q for q in range(bits)])
    low = bits - 1
    if low and -levels[0] == 1 << low and levels[-1] < 1 << low:
        mask = _bits_of(values & ((1 << bits) - 1), bits)  # of two's complement
        sign = np.ones_like(mask)
        sign[low] = 0
        used = [q for q in range(bits) if mask[q].any()]
        yield WeightPlanes(sign[used], mask[used], tuple(1 << q for q in used))
    magnitudes = sorted({abs(v) for v in levels} - {0})
    if len(magnitudes) <= MAX_BASES:
        yield _masked(values, [np.asarray(magnitude == m) for m in magnitudes], magnitudes)


def _bits_of(values: np.ndarray, count: int) -> np.ndarray:
    """Bits of non-negative integers, lowest first: uint8 ``[count, *shape]``."""
    return np.stack([(values >> q & 1).astype(np.uint8) for q in range(count)])


def _masked(values: np.ndarray, masks: Sequence[np.ndarray],
            scales: Sequence[int]) -> WeightPlanes:
    """Planes with the signs of the values; a plane with one sign has constant bits."""
    kept = [q for q, mask in enumerate(masks) if mask.any()]
    mask = np.stack([masks[q].astype(np.uint8) for q in kept])
    bits = np.broadcast_to((values >= 0).astype(np.uint8), mask.shape).copy()
    for plane, used in zip(bits, mask, strict=True):
        signs = plane[used == 1]
        if signs.min() == signs.max():
            plane[:] = signs[0]
    return WeightPlanes(bits, mask, tuple(int(scales[q]) for q in kept))


def _bases(values: np.ndarray) -> Iterator[WeightPlanes]:
    """Planes of -1/+1 with any scales, where few different weights are all sums of few scales."""
    levels = [int(v) for v in np.unique(values)]
    if len(levels) > 1 << MAX_BASES:
        return
    differences = {b - a for a, b in itertools.combinations(levels, 2)}
    scales = sorted({d // 2 for d in differences if d % 2 == 0} | {abs(v) for v in levels} - {0})
    for count in range(2, MAX_BASES + 1):
        for chosen in itertools.combinations_with_replacement(scales, count):
            sums = {sum(s * c for s, c in zip(signs, chosen, strict=True)): signs
                    for signs in itertools.product((-1, 1), repeat=count)}
            if all(v in sums for v in levels):
                bits = np.zeros((count, *values.shape), dtype=np.uint8)
                for v in levels:
                    signs = np.array(sums[v])[:, None, None]
                    bits |= np.logical_and(signs > 0, np.equal(values, v))
                yield WeightPlanes(bits, None, chosen)
                return
