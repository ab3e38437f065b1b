"""Moves the channel order of pixel shuffles into the weights of the products next to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer
from bnnhw.layers import Conv, DepthToSpace, Product, SpaceToDepth

__all__ = ["reorder_shuffles"]

def reorder_shuffles(graph: Graph) -> Graph:
    """Give pixel shuffles the channel order ``dcr`` where a product can adapt to it.

    PyTorch's order ``crd`` needs wires that reorder entire pixels. Permuted rows of the product
    before a ``DepthToSpace``, and permuted columns of the convolution after a ``SpaceToDepth``, do
    the same without hardware. The product and the shuffle must have no other reader.
    """
    outputs = {source for _, source in graph.outputs}
    changed: dict[str, Layer] = {}
    for layer in graph.layers:
        if isinstance(layer, DepthToSpace) and layer.reorders and layer.source != "input":
            before = graph.layer(layer.source)
            if isinstance(before, Product) and before.groups == 1 and \
                    len(graph.readers(before.name)) == 1 and before.name not in outputs:
                before = changed.get(before.name, before)
                assert isinstance(before, Product)
                changed[before.name] = _with_rows(before, np.array(layer.wires))
                changed[layer.name] = replace(layer, order="dcr")
        if isinstance(layer, SpaceToDepth) and layer.reorders and layer.name not in outputs:
            readers = graph.readers(layer.name)
            if len(readers) == 1 and isinstance(readers[0], Conv) and _takes_any_order(readers[0]):
                changed[readers[0].name] = _with_columns(readers[0], np.argsort(layer.wires))
                changed[layer.name] = replace(layer, order="dcr")
    layers = tuple(changed.get(layer.name, layer) for layer in graph.layers)
    return replace(graph, layers=layers) if changed else graph


def _takes_any_order(conv: Conv) -> bool:
    """Whether the channels of a convolution's input can be in any order."""
    return conv.groups == 1 and (conv.pad.shape[2] == 1 or not conv.window.padded)


def _with_rows(product: Product, order: np.ndarray) -> Product:
    """Return a product whose row k is the row ``order[k]`` of another one."""
    return replace(product, weights=product.weights[:, order], const=product.const[order],
                   mask=None if product.mask is None else product.mask[:, order],
                   thresholds=None if product.thresholds is None else product.thresholds[order])


def _with_columns(conv: Conv, order: np.ndarray) -> Conv:
    """Return a convolution whose input channel k is the channel ``order[k]`` of another one."""
    def columns(array: np.ndarray) -> np.ndarray:
        taps = array.reshape(*array.shape[:2], conv.window.taps, len(order))
        return taps[..., order].reshape(array.shape)
    return replace(conv, weights=columns(conv.weights),
                   mask=None if conv.mask is None else columns(conv.mask))
