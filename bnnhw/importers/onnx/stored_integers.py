"""Turns the value of a chain into integers that a layer stores, and their scale in the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.config.names import PIXELS
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.input_quantiser import quantised_input
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.levels import Levels, find_levels
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.threshold_search import searchable
from bnnhw.ir import Bits, Int, TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import Affine, Binarize, Layer, Threshold

__all__ = ["as_integers", "as_stored"]

UNIT = 2.0 ** -24
"""Largest relative error of a correctly rounded float32 operation."""

OPERATIONS = 6
"""Maximum number of operations of a linear node, which is that of a batch normalisation."""

NEARLY = 1e-4
"""Maximum distance of a float32 value from a straight line, in steps."""


def as_stored(layers: LayerList, chain: Chain, label: str) -> Chain:
    """Return an equal chain without nodes, whose values are ``slope_c * v + base_c``.

    A chain that only scales and shifts keeps its integers. For a chain that quantises, a layer of
    thresholds is added.

    Raises
    ------
    ModelError
        The chain does neither.
    """
    if not chain.nodes:
        return chain
    if chain.linear:
        return _as_linear(chain)
    if chain.source == "input" or isinstance(chain.type.element, Bits):
        straight = _straight_by_ends(chain)
        if straight is not None:
            return straight
    key = ("as_stored", chain.source, *(s.node.output[0] for s in chain.nodes
                                     if s.node.op_type not in ("Identity", "Dropout")))
    if key not in layers.known:
        layers.known[key] = _thresholded(layers, chain, label)
    return replace(layers.known[key], index=chain.index)


def _thresholded(layers: LayerList, chain: Chain, label: str) -> Chain:
    integers = quantised_input(layers, chain)
    if integers is not None:
        return integers
    levels = find_levels(chain, label)
    layer, falling = _layer(layers, chain, levels)
    type_ = layers.add(layer)
    last = next((s.node for s in reversed(chain.nodes) if s.quantised), None)
    if last is not None and last.op_type == "Sign" and levels.thresholds.shape[1] == 2:
        layers.notes.append(
            f"{node_label(last)} is 0 at some attainable values, so that layer '{layer.name}' "
            "has three levels, which take 2 bits; torch.where(x >= 0, 1.0, -1.0) instead of "
            "torch.sign trains and exports one bit, without Brevitas")
    if isinstance(layer, Binarize):
        method = "the model's own nodes, at all pixels"
        layers.certificates.append(Certificate(layer.name, method, 1, chain.count, int(falling)))
    else:
        layers.certificates.append(Certificate(
            layer.name, levels.method + chain.note, chain.channels, chain.count,
            int(levels.falling.sum()), int(levels.constant.sum()), levels.ties,
            int(levels.rounding.sum()), int(levels.order.sum())))
    return _of_levels(chain, layer.name, type_, levels, falling)


def _as_linear(chain: Chain) -> Chain:
    """Combine the linear nodes of a chain into its slope and base, and measure float rounding."""
    zero = np.zeros(chain.channels, dtype=np.int64)
    probe = replace(chain, start=zero, step=1, count=2, exact_points=None)
    ends = np.concatenate([probe.evaluate(np.float64, part)[0] for part in probe.parts()], axis=1)
    return _measured(chain, ends[1] - ends[0], ends[0])


def _measured(chain: Chain, slope: np.ndarray, base: np.ndarray) -> Chain:
    worst = np.zeros(chain.channels)
    if searchable(chain):
        worst = _rounding_bound(chain)
    else:
        for part in chain.parts():
            line = slope[part] * chain.integers(part) + base[part]
            worst[part] = np.abs(chain.evaluate(np.float32, part)[0] - line).max(axis=0)
    error: np.ndarray | None = None
    if chain.error is not None:
        gain = np.abs(slope) / np.where(chain.slope == 0, 1.0, np.abs(chain.slope))
        error = chain.error * gain
    if worst.any():
        error = 2 * worst + (0 if error is None else error)
    return replace(chain, slope=slope, base=base, nodes=(), error=error, exact_points=None)


def _rounding_bound(chain: Chain) -> np.ndarray:
    """Bound the rounding of linear nodes, float64 [C], without evaluating all integers.

    Each node computes ``a * x + b`` in at most ``OPERATIONS`` roundings of numbers that are no
    larger than ``|a * x| + |b|``, and multiplies the error before it by ``a``.
    """
    every = np.arange(chain.channels)
    size = np.maximum(*(np.abs(chain.slope * end + chain.base)
                        for end in (chain.start, chain.stop)))
    error = size * UNIT
    for k in range(len(chain.nodes)):
        one = replace(chain, start=every * 0, step=1, count=2, slope=np.ones(chain.channels),
                      base=np.zeros(chain.channels), nodes=chain.nodes[k:k + 1])
        shift, end = (one.at(every, every * 0 + x, np.float64)[0] for x in (0, 1))
        size = np.abs(end - shift) * size + np.abs(shift)
        error = np.abs(end - shift) * error + OPERATIONS * UNIT * size
    return np.asarray(error)


def _straight_by_ends(chain: Chain) -> Chain | None:
    """Return the line through the first and last value if all others are on it, else None."""
    if chain.uniform and chain.channels > 1:
        one = _straight_by_ends(chain.single())
        if one is None:
            return None
        rows = np.zeros(chain.channels, dtype=np.int64)
        return replace(chain, slope=one.slope[rows], base=one.base[rows], nodes=(),
                       error=None if one.error is None else one.error[rows], exact_points=None)
    slope, base = np.zeros(chain.channels), np.zeros(chain.channels)
    for part in chain.parts():
        table = chain.evaluate(np.float32, part)[0].astype(np.float64)
        v = chain.integers(part)
        slope[part] = (table[-1] - table[0]) / (v[-1] - v[0])
        base[part] = table[0] - slope[part] * v[0]
        if (np.abs(slope[part] * v + base[part] - table) > NEARLY * np.abs(slope[part])).any():
            return None
    if not slope.all() or (np.abs(slope) != np.abs(slope[0])).any():
        return None
    return _measured(chain, slope, base)


def _layer(layers: LayerList, chain: Chain, levels: Levels) -> tuple[Layer, bool]:
    """Make the layer that computes the levels; also return whether it inverts all of them."""
    thresholds, falling = levels.thresholds, levels.falling
    if chain.source == "input" and thresholds.shape[1] == 1 and isinstance(
            chain.type.element, Int) and (thresholds == thresholds[0]).all() and \
            (falling == falling[0]).all() and not layers.layers:
        return Binarize(PIXELS, "input", chain.type, int(thresholds[0, 0]),
                        not _symmetric(levels)), bool(falling[0])
    if isinstance(chain.type.element, Bits):
        chain = as_integers(layers, chain)
    layer = Threshold(layers.node_name(chain.nodes[-1].node), chain.source, chain.type, thresholds,
                      falling.astype(np.uint8),
                      thresholds.shape[1] == 1 and not _symmetric(levels))
    return layer, False


def as_integers(layers: LayerList, chain: Chain) -> Chain:
    """Convert bits to integers by a layer: to -1 and +1 if they mean that, else to 0 and 1."""
    if isinstance(chain.type.element, Int):
        return chain
    key = ("integers", chain.source)
    if key not in layers.known:
        n, scale = chain.channels, 2 if chain.bipolar else 1
        layer = Affine(layers.name(f"{chain.source}_int", "affine"), chain.source, chain.type,
                       np.full(n, scale, dtype=np.int64), np.full(n, 1 - scale, dtype=np.int64))
        layers.known[key] = replace(chain, source=layer.name, type=layers.add(layer))
    made = layers.known[key]
    return replace(chain, source=made.source, type=made.type)


def _symmetric(levels: Levels) -> bool:
    """Whether each channel has the two levels -s and +s."""
    return levels.thresholds.shape[1] == 1 and bool((levels.low == -(levels.low + levels.step))
                                                    .all())


def _of_levels(chain: Chain, name: str, type_: TensorType, levels: Levels,
               falling: bool) -> Chain:
    low, step, count = levels.low, levels.step, levels.thresholds.shape[1]
    values = low + step * np.arange(count + 1)[:, None]
    inexact = np.abs(values.astype(np.float32) - values).max(axis=0) > 0
    error = np.abs(values).max(axis=0) * 2.0 ** -23 if inexact.any() else None
    if falling:
        low, step = low + count * step, -step
    bipolar = _symmetric(levels)
    start = np.full(chain.channels, -1 if bipolar else 0, dtype=np.int64)
    return replace(chain, source=name, type=type_, start=start, step=2 if bipolar else 1,
                   count=count + 1, slope=step / 2 if bipolar else step,
                   base=low + step / 2 if bipolar else low, nodes=(), error=error,
                   exact_points=None, note="")
