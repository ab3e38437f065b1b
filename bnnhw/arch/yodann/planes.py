"""Weights of several bits on a core of one-bit filters: planes of weights with their own pixels.

The core multiplies pixels by -1 or +1. A layer with several planes of weights becomes a layer whose
input channels occur once for each plane: the channels of a plane are pixels that are already
multiplied by its coefficient, and are filtered with its bits. A plane with a mask has weights of 0,
which are half the sum of two planes: ``(+1 +1) / 2``, ``(-1 -1) / 2`` and ``(+1 -1) / 2``. Where a
coefficient would make pixels too large for the core, the host multiplies the results instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import PlanError
from bnnhw.ir.types import planes_of
from bnnhw.layers import Product

__all__ = ["ChannelPlanes", "channel_planes", "unsupported"]


def unsupported(layer: Product, message: str, hint: str) -> PlanError:
    """The error for a layer that the core cannot run."""
    return PlanError(f"'yodann' cannot run it: {message}", where=f"layer '{layer.name}'",
                     hint=hint)


@dataclass(frozen=True, eq=False)
class ChannelPlanes:
    """The planes of a layer's weights, each with separate input channels.

    The layer's sum is ``unit * total // divisor + const``, where ``total`` is the sum over planes
    ``v`` of ``factors[v]`` times the products of ``weights[v]`` and ``pixels(x, v)``.

    Parameters
    ----------
    layer : Product
    coefficients : int64 [V, M]
        What bit ``m`` of an input element adds to a pixel of plane ``v``.
    weights : uint8 [V, out, in]
        0 stands for -1.
    factors : tuple of int
        What the host multiplies the results of each plane by; equal factors are neighbours.
    unit, divisor : int
    """

    layer: Product
    coefficients: np.ndarray
    weights: np.ndarray
    factors: tuple[int, ...]
    unit: int
    divisor: int

    @property
    def count(self) -> int:
        """Number of planes."""
        return len(self.factors)

    @property
    def shifts(self) -> np.ndarray:
        """What is subtracted from a pixel of each plane, so that an input of 0 gives 0."""
        signed = int(self.layer.input.element.signed)
        return np.asarray(signed * self.coefficients[:, -1])

    def runs(self, channels: int) -> Iterator[tuple[int, int]]:
        """Ranges of channels with the same factor, as (first, count), for ``channels`` a plane."""
        first = 0
        for _, run in itertools.groupby(self.factors):
            count = channels * len(list(run))
            yield first, count
            first += count

    def pixels(self, x: np.ndarray) -> np.ndarray:
        """Inputs ``[...]`` as pixels of all planes, int64 ``[V, ...]``."""
        bits = np.stack(planes_of(x, self.layer.input.element))
        pixels = np.tensordot(self.coefficients, bits, axes=1)
        return np.asarray(pixels - self.shifts.reshape(-1, *[1] * x.ndim))

    def const(self) -> np.ndarray:
        """Constant of each row of the layer: int64 ``[out]``."""
        weights, layer = self.weights.astype(np.int64), self.layer
        # Two agreeing bits of -1 count, but the product of -1 and a pixel of 0 is 0.
        more = (1 - weights).sum(axis=2) * self.coefficients.sum(axis=1)[:, None]
        more += (2 * weights - 1).sum(axis=2) * self.shifts[:, None]
        total = self.unit * np.array(self.factors) @ more
        if layer.mask is not None:  # one of the two planes of a weight of 0 is -1
            zeros = (layer.mask == 0).sum(axis=2, dtype=np.int64)
            total -= sum(layer.coefficients) * np.array(layer.scales) @ zeros
        return np.asarray(layer.const + total // self.divisor)


def channel_planes(layer: Product, bits: int) -> ChannelPlanes:
    """Make the planes of a layer for a core with pixels of ``bits`` bits.

    Raises
    ------
    PlanError
        Pixels do not fit the core, whatever the host multiplies.
    """
    coefficients = np.outer(layer.scales, layer.coefficients)
    unit = int(np.gcd.reduce(coefficients, axis=None))
    masked = [layer.mask is not None and not layer.mask[q].all()
              for q in range(len(coefficients))]
    divisor = 1 + any(masked)
    planes: list[tuple[int, np.ndarray, np.ndarray]] = []
    for q, weights in enumerate(layer.weights):
        c = coefficients[q] // unit * (1 if masked[q] else divisor)
        factor = _host_factor(layer, c, bits)
        for zero in (1, 0) if masked[q] else (1,):
            bits_of = weights if layer.mask is None else np.where(layer.mask[q], weights, zero)
            planes.append((factor, c // factor, bits_of))
    planes.sort(key=lambda plane: plane[0])
    factors, found, weights = zip(*planes, strict=True)
    return ChannelPlanes(layer, np.stack(found), np.stack(weights).astype(np.uint8), factors, unit,
                         divisor)


def _host_factor(layer: Product, coefficients: np.ndarray, bits: int) -> int:
    """The smallest divisor of a plane's coefficients that leaves pixels of ``bits`` bits."""
    element = layer.input.element
    values = np.stack([(np.arange(element.lo, element.hi + 1) +
                        (1 << element.width - 1 if element.signed else 0)) >> m & 1
                       for m in range(element.planes)])
    pixels = coefficients @ values - int(element.signed) * coefficients[-1]
    largest = max(-int(pixels.min()), int(pixels.max()) + 1)
    common = int(np.gcd.reduce(coefficients))
    for factor in range(1, common + 1):
        if common % factor == 0 and largest <= factor << (bits - 1):
            return factor
    needed = (-(-largest // common) - 1).bit_length() + 1
    more = f"give the core more with `core=bits={needed}`, or " if needed <= 16 else ""
    raise unsupported(layer, f"its pixels, the bits of an input times {coefficients.tolist()}, "
                      f"reach {largest - 1}, which exceeds signed {bits}-bit numbers",
                      f"{more}use `arch=unrolled`")
