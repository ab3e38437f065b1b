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
    coefficients = np.outer(layer.scales, layer.coefficients)
    unit = int(np.gcd.reduce(coefficients, axis=None))
    border, _ = border_classes(layer)
    const = np.atleast_2d(layer.const + (0 if border is None else border))
    limits = None
    if layer.thresholds is not None:
        # unit * count + const >= T, solved for count and clipped to the range of count.
        limits = -((const[:, :, None] - layer.thresholds) // unit)
        limits = np.clip(limits, 0, (layer.top // unit + 1)[:, None])
    return LayerSpec(_signs(layer), coefficients // unit, element.signed, limits, unit, const,
                     out.width)


def _signs(layer: Product) -> np.ndarray:
    """Weights as -1, 0 and +1 over all inputs of a position: int8 ``[Q, rows, columns]``."""
    signs = 2 * layer.weights.astype(np.int8) - 1
    if layer.mask is not None:
        signs *= layer.mask.astype(np.int8)
    if layer.groups == 1:
        return signs
    assert isinstance(layer, Conv)
    channels, taps = layer.input.channels, layer.window.taps
    size, each = channels // layer.groups, layer.outputs // layer.groups
    spread = np.zeros((len(signs), layer.outputs, taps, channels), dtype=np.int8)
    for row in range(layer.outputs):
        first = row // each * size
        spread[:, row, :, first:first + size] = signs[:, row].reshape(-1, taps, size)
    return spread.reshape(len(signs), layer.outputs, -1)


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
        shifted = values + (1 << layer.planes - 1 if layer.signed else 0)
        count = np.zeros((*values.shape[:-1], layer.rows), dtype=np.int64)
        for signs, factors in zip(layer.signs, layer.coefficients.tolist(), strict=True):
            level = sum((shifted >> m & 1) * factor for m, factor in enumerate(factors))
            plus, minus = (np.int64(1) * (signs == sign) for sign in (1, -1))
            count += level @ plus.T + (sum(factors) - level) @ minus.T
        if layer.limits is None:
            values = layer.scale * count + layer.const[classes]
        else:
            values = (count[..., None] >= layer.limits[classes]).sum(axis=-1)
        classes = np.zeros_like(classes)  # only the first layer has several classes
    return values
