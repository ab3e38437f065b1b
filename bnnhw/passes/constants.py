"""Removes channels whose bit never changes, and moves their effect into the next layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.layers import Dense
from bnnhw.passes.rebuild import rebuild

__all__ = ["drop_constant_channels"]


def drop_constant_channels(graph: Graph) -> Graph:
    """Drop constant channels of dense layers whose only reader is another dense layer.

    A constant bit agrees or disagrees with each weight of the next layer for every sample, so its
    popcount is added to that layer's constants. One channel always remains, since a layer cannot
    be empty. The next layer may thereby become constant itself; because layers are visited in
    order, its channels are dropped in the same run.
    """
    for index in range(len(graph.layers)):
        layer = graph.layers[index]
        readers = graph.readers(layer.name)
        if not isinstance(layer, Dense) or len(readers) != 1 or not isinstance(readers[0], Dense) \
                or layer.name in [source for _, source in graph.outputs]:
            continue
        values = _constant_bits(layer)
        if values is not None and (values >= 0).any():
            graph = _drop(graph, layer, readers[0], values)
    return graph


def _constant_bits(layer: Dense) -> np.ndarray | None:
    """Return the constant bit of each channel, or -1; None if the outputs are not bits."""
    if layer.thresholds is None or layer.levels != 1:
        return None
    t = layer.thresholds[:, 0]
    top = layer.const + layer.top
    return np.where(t <= layer.const, 1, np.where(t > top, 0, -1))


def _drop(graph: Graph, layer: Dense, reader: Dense, values: np.ndarray) -> Graph:
    dropped = values >= 0
    if dropped.all():
        dropped[0] = False
    keep = ~dropped
    bits = values[dropped].astype(np.uint8)
    agreeing = reader.weights[:, :, dropped] == bits
    if reader.mask is not None:
        agreeing &= reader.mask[:, :, dropped] == 1
    const = reader.const + reader.coefficients[0] * (
        np.array(reader.scales) @ agreeing.sum(axis=2, dtype=np.int64))
    assert layer.thresholds is not None
    smaller = replace(layer, weights=layer.weights[:, keep], const=layer.const[keep],
                      thresholds=layer.thresholds[keep],
                      mask=None if layer.mask is None else layer.mask[:, keep])
    fitted = replace(reader, input=smaller.out_type(), weights=reader.weights[:, :, keep],
                     const=const, mask=None if reader.mask is None else reader.mask[:, :, keep])
    if fitted.thresholds is not None:
        # Subtract the constant from the thresholds, so that they compare plain popcounts.
        fitted = replace(fitted, thresholds=fitted.thresholds - const[:, None],
                         const=np.zeros_like(const))
        assert fitted.thresholds is not None
        top = fitted.top[:, None]
        fitted = replace(fitted, thresholds=np.clip(fitted.thresholds, 0, top + 1))
    changed = {layer.name: smaller, reader.name: fitted}
    return rebuild(graph, lambda old: changed.get(old.name, old))
