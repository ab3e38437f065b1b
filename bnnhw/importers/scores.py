"""Finds integer class scores that have the same order as the float scores of a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError

__all__ = ["IntegerScores", "integer_scores", "linear_scores"]

MAX_FRACTION_BITS = 30


@dataclass(frozen=True)
class IntegerScores:
    """Integer scores ``scale_k * acc_k + offset_k`` of class k, in the framework's order.

    Attributes
    ----------
    scale, offset : int64 [K]
    fraction_bits : int
        ``scale`` and ``offset`` are the framework's numbers times 2**fraction_bits, rounded; -1
        if the accumulators themselves are the scores.
    ties : int
        Number of attainable scores that the framework rounds to the same float, while the
        integers differ.
    exact_sums : bool
        False if weights or activations are scaled by numbers that are not powers of two: the
        rounding of the framework's sums then depends on its order of addition, and scores that are
        equal here can differ there in the last bits.
    float_scale, float_offset : float [K]
        The framework's score is ``float_scale * acc + float_offset``.
    """

    scale: np.ndarray
    offset: np.ndarray
    fraction_bits: int
    ties: int
    float_scale: np.ndarray
    float_offset: np.ndarray
    exact_sums: bool = True

    @property
    def identity(self) -> bool:
        return bool((self.scale == 1).all() and (self.offset == 0).all())

    def to_json(self) -> dict[str, object]:
        return {"fraction_bits": self.fraction_bits, "ties": self.ties,
                "exact_sums": self.exact_sums,
                "scale": self.scale.tolist(), "offset": self.offset.tolist(),
                "float_scale": self.float_scale.tolist(),
                "float_offset": self.float_offset.tolist()}


def integer_scores(acc: np.ndarray, table: np.ndarray, where: str,
                   noise: float = 0.0) -> IntegerScores:
    """Find integers that order every pair of attainable scores as the framework does.

    The accumulators themselves are used if they do. Otherwise scale and offset have the minimum
    number of fraction bits that reproduces the order of all K * (N + 1) values; each candidate is
    checked on all of them, so no error bound is needed.

    Parameters
    ----------
    acc : int64 [N + 1, K]
        Attainable accumulators of each class.
    table : float [N + 1, K]
        The framework's score at each.
    where : str
        Node, for messages.
    noise : float
        Scores that differ by at most this may change their order, since the framework's sums are
        not more exact.
    """
    span = (acc[-1] - acc[0]).astype(np.float64)
    wide = table.astype(np.float64)
    slope = (wide[-1] - wide[0]) / span
    base = wide[0] - slope * acc[0]
    ones, zeros = np.ones(acc.shape[1], np.int64), np.zeros(acc.shape[1], np.int64)
    bits = -1
    scale, offset = ones, zeros
    ties = _order(acc, table, noise)
    unit = np.abs(slope).max()
    best: tuple[int, int, np.ndarray, np.ndarray] | None = None
    while True:
        if ties == 0:
            return IntegerScores(scale, offset, bits, 0, slope, base)
        if ties is not None and (best is None or ties < best[0]):
            best = (ties, bits, scale, offset)
        bits += 1
        if bits > MAX_FRACTION_BITS or unit == 0:
            break
        scale = np.round(slope / unit * 2.0 ** bits).astype(np.int64)
        offset = np.round(base / unit * 2.0 ** bits).astype(np.int64)
        ties = _order(acc * scale + offset, table, noise)
    if best is None:
        raise ModelError("the scores do not follow scale * sum + offset closely enough to keep "
                         f"their order with {MAX_FRACTION_BITS} fraction bits", where=where,
                         hint="train with a matrix and at most a batch-norm at the end")
    return IntegerScores(best[2], best[3], best[1], best[0], slope, base)


def linear_scores(slope: np.ndarray, base: np.ndarray, low: np.ndarray, high: np.ndarray,
                  where: str, noise: float) -> IntegerScores:
    """Find integers that order scores ``slope_k * acc_k + base_k`` without enumerating them.

    Where all slopes are equal, two scores change their order at one difference of the
    accumulators, which is checked for each pair of classes. Otherwise the rounding of scale and
    offset, at the largest accumulators, must not exceed the framework's own.

    Parameters
    ----------
    slope, base : float [K]
        Slopes are not 0.
    low, high : int64 [K]
        Attainable accumulators.
    where : str
        Node, for messages.
    noise : float
        Scores that differ by at most this may change their order.
    """
    unit = float(np.abs(slope).max())
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    equal = bool((slope == slope[0]).all()) and slope[0] > 0
    ones, zeros = np.ones(len(slope), np.int64), np.zeros(len(slope), np.int64)
    if equal and _same_pairs(ones, zeros, base / unit, noise / unit):
        return IntegerScores(ones, zeros, -1, 0, slope, base)
    for bits in range(MAX_FRACTION_BITS + 1):
        exact = [array / unit * 2.0 ** bits for array in (slope, base)]
        scale, offset = (np.round(array).astype(np.int64) for array in exact)
        rounding = np.abs(scale - exact[0]) * largest + np.abs(offset - exact[1])
        if 2 * float(rounding.max()) <= noise / unit * 2.0 ** bits or (
                equal and _same_pairs(scale, offset, base / unit, noise / unit)):
            return IntegerScores(scale, offset, bits, 0, slope, base)
    raise ModelError(f"needs scores of more than {MAX_FRACTION_BITS} fraction bits to keep their "
                     "order", where=where, hint="train with one scale and no bias in the last "
                     "layer, or with a batch-norm after it whose scales are similar")


def _same_pairs(scale: np.ndarray, offset: np.ndarray, base: np.ndarray, noise: float) -> bool:
    """Whether integer scores of one scale order all pairs as ``acc_k + base_k`` are ordered."""
    wanted = base[:, None] - base[None]
    found = (offset[:, None] - offset[None]).astype(np.float64)
    for more in (0, 1, 2):
        difference = np.floor(-wanted) + more - 1  # of the accumulators, where the order changes
        exact = difference + wanted
        kept = np.sign(difference * float(scale[0]) + found) == np.sign(exact)
        if not (kept | (np.abs(exact) <= noise)).all():
            return False
    return True


def _order(scores: np.ndarray, table: np.ndarray, noise: float) -> int | None:
    """Compare two orders: None if a pair is swapped, else the number of values tied in floats only.

    Equal integers for different floats count as swapped, since the label could differ.
    """
    classes = np.broadcast_to(np.arange(table.shape[1]), table.shape).ravel()
    order = np.argsort(table.ravel(), kind="stable")
    floats, integers, classes = table.ravel()[order], scores.ravel()[order], classes[order]
    if noise:
        before = np.searchsorted(floats, floats - noise)  # number of scores that are clearly lower
        highest = np.maximum.accumulate(integers)
        if (highest[before[before > 0] - 1] >= integers[before > 0]).any():
            return None
        near = (np.diff(floats) <= noise) & (np.diff(classes) != 0) & (np.diff(integers) != 0)
        return int(near.sum())
    starts = np.flatnonzero(np.r_[True, floats[1:] != floats[:-1]])
    low = np.minimum.reduceat(integers, starts)
    high = np.maximum.reduceat(integers, starts)
    if (high[:-1] >= low[1:]).any():
        return None
    sizes = np.diff(np.r_[starts, len(floats)])
    mixed = np.minimum.reduceat(classes, starts) != np.maximum.reduceat(classes, starts)
    return int(sizes[mixed & (low != high)].sum())
