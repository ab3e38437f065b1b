"""Groups the layers of a graph into blocks of logic, and translates them for ``bnnhw.logic``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnhw.dataflow.units.mvtu import border_classes
from bnnhw.ir import Graph
from bnnhw.layers import ArgMax, Conv, Dense, Layer, Product
from bnnhw.logic.block_spec import BlockSpec, LayerSpec

__all__ = ["count_block", "evaluate", "gather"]


def gather(graph: Graph, resolve: dict[str, str], forwarding: dict[str, str]) -> list[list[Layer]]:
    """Group the layers that become one block: consecutive dense layers and a label after them.

    Parameters
    ----------
    graph : Graph
    resolve : dict
        For a layer without hardware, the layer whose stream carries its output.
    forwarding : dict
        For a label that also outputs its scores, the layer that computes the scores.
    """
    outputs = {resolve.get(name, name) for _, name in graph.outputs}
    groups: list[list[Layer]] = []
    for layer in graph.layers:
        source = resolve.get(layer.source, layer.source)
        before = groups[-1] if groups and groups[-1][-1].name == source else None
        if before is not None and isinstance(before[-1], Dense):
            alone = len(graph.readers(before[-1].name)) == 1 and source not in outputs
            bits = before[-1].thresholds is not None
            if isinstance(layer, Dense) and alone and bits:
                before.append(layer)
                continue
            if isinstance(layer, ArgMax) and not bits and \
                    (alone or forwarding.get(layer.name) == source):
                before.append(layer)
                continue
        if isinstance(layer, Product):
            groups.append([layer])
    return groups


def count_block(layers: Sequence[Layer], forward: bool) -> BlockSpec:
    """Describe a group of layers as a block; with ``forward`` its scores are outputs too."""
    products = [layer for layer in layers if isinstance(layer, Product)]
    label = isinstance(layers[-1], ArgMax)
    signed = products[-1].out_type().element.signed
    return BlockSpec(tuple(_count_layer(layer) for layer in products), label, forward, signed)


def _count_layer(layer: Product) -> LayerSpec:
    element, out = layer.input.element, layer.out_type().element
    unit = layer.coefficients[0]
    border, _ = border_classes(layer)
    const = np.atleast_2d(layer.const + (0 if border is None else border))
    limits = None
    if layer.thresholds is not None:
        top = layer.fan_in * ((1 << element.planes) - 1) + 1
        # unit * count + const >= T, solved for count and clipped to the range of count.
        limits = np.clip(-((const[:, :, None] - layer.thresholds) // unit), 0, top)
    weights, used = layer.weights[0], None
    if layer.groups > 1:
        weights, used = _spread(layer)
    return LayerSpec(weights, element.planes, element.signed, limits, unit, const, out.width,
                      used)


def _spread(layer: Product) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a grouped convolution as rows over all channels, and a mask of the used ones."""
    assert isinstance(layer, Conv)
    channels, taps = layer.input.channels, layer.window.taps
    size = channels // layer.groups
    weights = np.zeros((layer.outputs, taps, channels), dtype=np.uint8)
    used = np.zeros_like(weights)
    each = layer.outputs // layer.groups
    for row in range(layer.outputs):
        first = row // each * size
        weights[row, :, first:first + size] = layer.weights[0][row].reshape(taps, size)
        used[row, :, first:first + size] = 1
    return weights.reshape(layer.outputs, -1), used.reshape(layer.outputs, -1)


def evaluate(block: BlockSpec, values: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Evaluate the layers of a block, without its label, in integer arithmetic.

    Parameters
    ----------
    block : BlockSpec
    values : int64 [frames, positions, columns]
        Input elements.
    classes : int64 [positions]
        Border class of each position.

    Returns
    -------
    int64 [frames, positions, rows]
    """
    for layer in block.layers:
        top = (1 << layer.planes) - 1
        counted = values + (1 << layer.planes - 1) if layer.signed else values & top
        used = np.ones_like(layer.weights) if layer.used is None else layer.used
        plus, minus = (np.int64(1) * w * used for w in (layer.weights, 1 - layer.weights))
        count = counted @ plus.T + (top - counted) @ minus.T
        if layer.limits is None:
            values = layer.scale * count + layer.const[classes]
        else:
            values = (count[..., None] >= layer.limits[classes]).sum(axis=-1)
        classes = np.zeros_like(classes)  # only the first layer has several classes
    return values
