"""Splits the kernel of a transposed convolution into its phases, for an ordinary convolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.ir.spread import Spread
from bnnhw.ir.types import planes_of
from bnnhw.layers.product import Product

__all__ = ["PhaseAxis", "Phases"]


@dataclass(frozen=True)
class PhaseAxis:
    """One axis of the convolution that computes all phases.

    Attributes
    ----------
    stride, taps : int
        Phases, and taps of the convolution.
    before, after : int
        Padding of the convolution.
    first, last : int
        Output pixels to drop at both ends.
    tap : int64 [stride, taps]
        Tap of the kernel for each phase and tap of the convolution; -1 where there is none.
    """

    stride: int
    taps: int
    before: int
    after: int
    first: int
    last: int
    tap: np.ndarray

    @staticmethod
    def of(size: int, kernel: int, stride: int, pad: int, out: int) -> PhaseAxis:
        """Describe an axis of ``size`` input pixels and ``out`` output pixels."""
        taps = -(-kernel // stride)
        skipped = min(pad // stride, taps - 1)  # positions that would be dropped entirely
        first = pad - stride * skipped
        after = max(-(-(first + out) // stride) - size + skipped, 0)
        last = stride * (size - skipped + after) - first - out
        tap = np.arange(stride)[:, None] + stride * np.arange(taps)[::-1]
        return PhaseAxis(stride, taps, taps - 1 - skipped, after, first, last,
                     np.where(tap < kernel, tap, -1))


class Phases:
    """Weights of the convolution that computes all phases of a transposed convolution.

    Attributes
    ----------
    count : int
        Phases.
    weights, mask : uint8 [Q, count * out, in]
    const : int64 [count * out]
    """

    def __init__(self, layer: Product, spread: Spread, rows: PhaseAxis,
                 columns: PhaseAxis) -> None:
        channels = layer.input.channels
        self.count = rows.stride * columns.stride
        down, right = rows.tap[:, None, :, None], columns.tap[None, :, None, :]
        tap = np.where((down < 0) | (right < 0), -1, down * spread.kernel[1] + right)
        self._tap = tap.reshape(self.count, rows.taps * columns.taps)
        shape = (len(layer.weights), layer.outputs, spread.taps, channels)
        weights = layer.weights.reshape(shape)
        used = np.ones(shape, np.uint8) if layer.mask is None else layer.mask.reshape(shape)
        self.mask = self._rows(used, 0)
        self.weights = self._rows(weights, 1) | (1 - self.mask)
        counted = np.array([(phase[None, :] == np.arange(spread.taps)[:, None]).any(axis=1)
                            for phase in self._tap])
        missing = self._zero_sums(layer, weights, used) @ (1 - counted.T.astype(np.int64))
        self.const = (layer.const[:, None] + missing).T.reshape(-1)

    def _rows(self, planes: np.ndarray, absent: int) -> np.ndarray:
        """Pick the taps of each phase; ``[Q, out, taps, C]`` -> ``[Q, phases * out, in]``."""
        picked = np.where(self._tap[:, :, None] < 0, absent, planes[:, :, self._tap])
        count, outputs = len(planes), planes.shape[1]
        return picked.transpose(0, 2, 1, 3, 4).reshape(
            count, self.count * outputs, -1).astype(np.uint8)

    @staticmethod
    def _zero_sums(layer: Product, weights: np.ndarray, used: np.ndarray) -> np.ndarray:
        """Weighted popcounts that zeros at each tap add: int64 ``[out, taps]``.

        An exact zero between -1 and +1 counts as half of an agreeing bit.
        """
        coefficients = np.outer(layer.scales, layer.coefficients).astype(np.int64)
        signs = (2 * weights.astype(np.int64) - 1) * used
        if layer.exact_zeros:
            return np.einsum("q,qotc->ot", coefficients[:, 0] // 2, used.astype(np.int64))
        zero = np.concatenate(planes_of(np.zeros(1, np.int64), layer.input.element))
        agree = np.einsum("qotc,m->qmot", signs, zero) + \
            (used * (1 - weights)).astype(np.int64).sum(axis=3)[:, None]
        return np.einsum("qm,qmot->ot", coefficients, agree)
