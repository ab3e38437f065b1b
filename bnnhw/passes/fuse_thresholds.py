"""Moves thresholds into the products that compute their input, and removes unread layers.

Importers turn each node of a model into a separate layer; this pass brings such a raw graph into
the form that the hardware has: one unit for a product and its thresholds.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.ir import Graph
from bnnhw.layers import Layer, Product, Threshold
from bnnhw.layers.popcounts import compares_popcounts

__all__ = ["fuse_thresholds"]


def fuse_thresholds(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """Fuse every threshold that alone reads a product into it; no output changes.

    A ``Threshold`` first moves before the layers that allow it (``Layer.after_thresholds``), such
    as max-pools, absorbs those that are functions of its channels (``Layer.input_thresholds``),
    such as a PReLU or a scale, and then moves into the product: the weight rows of channels that
    fall are complemented. Sums of -1/+1 products are rewritten as popcounts. Layers that no output
    needs are removed.

    Returns
    -------
    graph : Graph
    fused : dict of str to str
        The name of each threshold that is gone, and of the product that now contains it.
    """
    fusion = _Fusion(graph)
    fusion.drop_unread()
    while fusion.change_one():
        pass
    return Graph(graph.name, graph.input, tuple(fusion.layers), tuple(fusion.outputs)), fusion.fused


class _Fusion:
    """The layers and outputs while they change."""

    def __init__(self, graph: Graph) -> None:
        self.input = graph.input
        self.layers: list[Layer] = list(graph.layers)
        self.outputs: list[tuple[str, str]] = list(graph.outputs)
        self.fused: dict[str, str] = {}

    def drop_unread(self) -> None:
        needed = {source for _, source in self.outputs}
        for layer in reversed(self.layers):
            if layer.name in needed:
                needed.update(layer.sources)
        self.layers = [layer for layer in self.layers if layer.name in needed]

    def change_one(self) -> bool:
        """Fuse or move the first threshold that allows it; False where none is left."""
        positions = {layer.name: k for k, layer in enumerate(self.layers)}
        for k, layer in enumerate(self.layers):
            before = positions.get(layer.source)
            if not isinstance(layer, Threshold) or before is None:
                continue
            source = self.layers[before]
            if self._count_readers(source.name) != 1:
                continue
            if isinstance(source, Product) and source.thresholds is None:
                self._fuse(before, k, source, layer)
                return True
            moved = source.after_thresholds(layer.falling)
            if moved is not None:
                self._swap(before, k, moved, layer)
                return True
            found = source.input_thresholds(layer.thresholds, layer.falling)
            if found is not None:
                self._absorb(before, k, replace(
                    layer, source=source.source, input=source.input, thresholds=found[0],
                    falling=found[1]))
                return True
        return False

    def _count_readers(self, name: str) -> int:
        return sum(layer.sources.count(name) for layer in self.layers) + \
            sum(source == name for _, source in self.outputs)

    def _fuse(self, before: int, position: int, product: Product, threshold: Threshold) -> None:
        self.layers[before] = _with_thresholds(product, threshold)
        del self.layers[position]
        self._rename(threshold.name, product.name)
        self.fused[threshold.name] = product.name

    def _swap(self, before: int, position: int, mover: Layer, threshold: Threshold) -> None:
        """``mover -> threshold`` becomes ``threshold -> mover``."""
        first = replace(threshold, source=mover.source, input=mover.input)
        second = replace(mover, source=first.name, input=first.out_type())
        del self.layers[position]
        self.layers[before:before + 1] = [first, second]
        self._rename(threshold.name, mover.name, except_in=mover.name)

    def _absorb(self, before: int, position: int, threshold: Threshold) -> None:
        """Replace the thresholds at ``position`` and the layer before them by other thresholds."""
        self.layers[position] = threshold
        del self.layers[before]

    def _rename(self, old: str, new: str, except_in: str = "") -> None:
        """Let all readers of ``old`` read ``new``, and give every layer its new input type."""
        types = {"input": self.input}
        for k, layer in enumerate(self.layers):
            reader = layer if layer.name == except_in else layer.with_source(old, new)
            self.layers[k] = reader.with_inputs(types)
            types[layer.name] = self.layers[k].out_type()
        self.outputs = [(o, new if s == old else s) for o, s in self.outputs]


def _with_thresholds(product: Product, threshold: Threshold) -> Product:
    """Return the product with these thresholds, on popcounts where its input is bits."""
    falling = threshold.falling.astype(np.bool_)
    planes = product.weight_planes.complemented(falling)
    # #{x < T_j} = #{-x >= 1 - T_j}, and complemented rows give -x.
    complemented = 1 - threshold.thresholds[:, ::-1]
    thresholds = np.where(falling[:, None], complemented, threshold.thresholds)
    element = product.input.element
    coefficients = product.coefficients
    const = np.where(falling, -product.top - product.const, product.const)
    if product.one_bit and compares_popcounts(element, product.exact_zeros, raw=False):
        need = -((const[:, None] - thresholds) // coefficients[0])
        thresholds = np.clip(need, 0, product.fan_in + 1)
        coefficients, const = (1,), np.zeros_like(const)
    return replace(product, weights=planes.bits, coefficients=coefficients, const=const,
                   thresholds=thresholds, unipolar=threshold.unipolar)
