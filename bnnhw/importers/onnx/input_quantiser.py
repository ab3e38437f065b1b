"""Implements input quantisers of many levels by an integer scale, offset and shift.

A quantiser turns a pixel p into the integer ``q = clip(round(a * p + b))``. The search finds
integers for which ``clip((scale * p + offset + half) >> shift)`` equals q for every possible p;
equality is checked at all of them, so no error bound is needed. If there are none (rounding half
to even can be the reason), each integer gets a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.levels import MAX_LEVELS, grid
from bnnhw.ir import Int
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import Affine, Layer, Threshold

__all__ = ["quantised_input"]

MAX_SHIFT = 16

FEW = 16
"""Number of levels up to which thresholds are the simpler layer."""

METHOD = "the model's own nodes, at all pixels"


@dataclass(frozen=True)
class Codes:
    """The levels ``value = low + step * q`` of a quantiser, with one grid for all channels.

    Attributes
    ----------
    q : int64 [points, C]
        The integer at each attainable pixel.
    low, step : float
    """

    q: np.ndarray
    low: float
    step: float


def quantised_input(layers: LayerList, chain: Chain) -> Chain | None:
    """Add a layer for an input quantiser with more than ``FEW`` levels.

    Returns
    -------
    Chain or None
        The integers of the quantiser. None where the chain does not begin at integer samples,
        where it has few levels, or where they are not on a grid.
    """
    if chain.source != "input" or not isinstance(chain.type.element, Int) or not chain.quantised:
        return None
    codes = _codes(chain)
    if codes is None:
        return None
    name = layers.node_name(chain.nodes[-1].node)
    layer = _affine(name, chain, codes)
    if layer is None:
        codes = _from_zero(codes)
        layer = _thresholds(name, chain, codes)
    if layer is None:
        return None
    type_ = layers.add(layer)
    layers.certificates.append(Certificate(layer.name, METHOD, chain.channels, chain.count))
    n = chain.channels
    first, last = int(codes.q.min()), int(codes.q.max())
    values = codes.low + codes.step * np.arange(first, last + 1)
    rounded = (values.astype(np.float32) != values).any()
    return replace(chain, source=layer.name, type=type_, nodes=(), exact_points=None, note="",
                   start=np.full(n, first, dtype=np.int64), step=1, count=last - first + 1,
                   slope=np.full(n, codes.step), base=np.full(n, codes.low),
                   error=np.full(n, np.abs(values).max() * 2.0 ** -23) if rounded else None)


def _codes(chain: Chain) -> Codes | None:
    """Return the integers at all pixels; the model's zero is the integer 0 if it is on the grid."""
    one = chain.single() if chain.uniform else chain
    table = np.concatenate([one.evaluate(np.float32, part)[0] for part in one.parts()], axis=1)
    levels = np.unique(table)
    if not FEW < len(levels) <= MAX_LEVELS:
        return None
    found = grid(levels)
    if found is None:
        return None
    low, step, _ = found
    zero = round(low / step)
    if abs(low / step - zero) > 1e-3:
        zero = 0
    q = np.rint((table - low) / step).astype(np.int64) + zero
    if one is not chain:
        q = np.repeat(q, chain.channels, axis=1)
    return Codes(q, low - step * zero, step)


def _affine(name: str, chain: Chain, codes: Codes) -> Layer | None:
    """Search scale, offset and shift that give the codes at all pixels, with the clip limits."""
    limits = int(codes.q.min()), int(codes.q.max())
    pixels = chain.integers()
    columns, which = np.unique(np.concatenate([codes.q, pixels]), axis=1, return_inverse=True)
    distinct = columns[:len(codes.q)], columns[len(codes.q):]
    for shift in range(MAX_SHIFT + 1):
        found = [_line(p, q, shift, limits) for q, p in zip(*(a.T for a in distinct), strict=True)]
        if any(pair is None for pair in found):
            continue
        scale, offset = (np.array([pair[k] for pair in found if pair], dtype=np.int64)[
            which.reshape(-1)] for k in (0, 1))
        layer = Affine(name, chain.source, chain.type, scale, offset, shift)
        element = layer.out_type().element
        if (element.lo, element.hi) != limits:
            layer = replace(layer, limits=limits)
        if np.array_equal(layer.compute(pixels), codes.q):
            return layer
    return None


def _line(p: np.ndarray, q: np.ndarray, shift: int,
          limits: tuple[int, int]) -> tuple[int, int] | None:
    """Find the smallest scale that fits one channel, and the middle of its possible offsets."""
    low, high = limits
    inner = np.flatnonzero((q > q.min()) & (q < q.max()))
    a, b = (int(inner[0]), int(inner[-1])) if len(inner) > 1 else (0, len(p) - 1)
    span, rise = int(p[b] - p[a]), int(q[b] - q[a])
    half = (1 << shift) >> 1
    above, below = q > low, q < high
    first, last = ((rise + more) * (1 << shift) // span for more in (-1, 1))
    for scale in range(first, last + 2):
        # (scale * p + total) >> shift has to be >= q unless q is the lower limit, and < q + 1
        # unless it is the upper limit.
        least = ((q << shift) - scale * p)[above]
        most = (((q + 1) << shift) - scale * p)[below]
        lowest = int(least.max()) if len(least) else int(most.min()) - 1
        highest = int(most.min()) - 1 if len(most) else lowest
        if lowest <= highest:
            return scale, (lowest + highest) // 2 - half
    return None


def _from_zero(codes: Codes) -> Codes:
    """Return the same values, with integers that begin at 0."""
    first = int(codes.q.min())
    return Codes(codes.q - first, codes.low + codes.step * first, codes.step)


def _thresholds(name: str, chain: Chain, codes: Codes) -> Layer | None:
    """Make one threshold per integer if the codes of each channel only rise or only fall."""
    count = int(codes.q.max())
    change = np.diff(codes.q, axis=0)
    falling = (change < 0).any(axis=0)
    if (falling & (change > 0).any(axis=0)).any():
        return None
    passed = np.where(falling, count - codes.q, codes.q)
    positions = np.stack([(passed < j + 1).sum(axis=0) for j in range(count)], axis=1)
    return Threshold(name, chain.source, chain.type, chain.start[:, None] + chain.step * positions,
                     np.asarray(falling, dtype=np.uint8))
