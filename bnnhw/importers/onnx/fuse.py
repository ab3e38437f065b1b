"""Thresholds into the products in front of them, and layers away that nothing reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bnnhw.ir import Bits, TensorType
from bnnhw.ir.certificate import Certificate
from bnnhw.layers import (
    Conv,
    Flatten,
    Join,
    Layer,
    MaxPool,
    Product,
    Threshold,
    Upsample,
    product_sum,
)

__all__ = ["fuse"]


def fuse(layers: Sequence[Layer], certificates: Sequence[Certificate],
         outputs: Sequence[tuple[str, str]]) -> tuple[list[Layer], list[Certificate],
                                                      list[tuple[str, str]]]:
    """Bring the layers of an import into their shortest form; every output stays equal.

    A ``Threshold`` moves in front of pools and upsampling, and into the product that it alone
    reads: rows of falling channels are complemented. LayerList that no output needs go.

    Returns
    -------
    layers, certificates, outputs : list
        Certificates carry the name of the layer that has the thresholds now.
    """
    work = _Work(list(layers), list(certificates), list(outputs))
    work.drop_unread()
    while work.step():
        pass
    return work.layers, work.certificates, work.outputs


class _Work:
    """The lists while they change."""

    def __init__(self, layers: list[Layer], certificates: list[Certificate],
                 outputs: list[tuple[str, str]]) -> None:
        self.layers, self.certificates, self.outputs = layers, certificates, outputs

    def drop_unread(self) -> None:
        needed = {source for _, source in self.outputs}
        for layer in reversed(self.layers):
            if layer.name in needed:
                needed.update(layer.sources)
        self.layers = [layer for layer in self.layers if layer.name in needed]
        self.certificates = [c for c in self.certificates if c.layer in needed]

    def step(self) -> bool:
        """Change one thing; False where nothing is left."""
        places = {layer.name: k for k, layer in enumerate(self.layers)}
        for k, layer in enumerate(self.layers):
            before = places.get(layer.source)
            if not isinstance(layer, Threshold) or before is None:
                continue
            source = self.layers[before]
            if self._readers(source.name) != 1:
                continue
            if isinstance(source, Product) and source.thresholds is None:
                self._absorb(before, k, source, layer)
                return True
            if isinstance(source, (MaxPool, Upsample)) or (
                    isinstance(source, Flatten) and source.input.size == source.input.channels):
                self._swap(before, k, source, layer)
                return True
        return False

    def _readers(self, name: str) -> int:
        return sum(layer.sources.count(name) for layer in self.layers) + \
            sum(source == name for _, source in self.outputs)

    def _absorb(self, before: int, place: int, product: Product, threshold: Threshold) -> None:
        self.layers[before] = _with_thresholds(product, threshold)
        del self.layers[place]
        self._rename(threshold.name, product.name)
        self.certificates = [replace(c, layer=product.name) if c.layer == threshold.name else c
                             for c in self.certificates]

    def _swap(self, before: int, place: int, mover: Layer, threshold: Threshold) -> None:
        """``mover -> threshold`` becomes ``threshold -> mover``."""
        first = replace(threshold, source=mover.source, input=mover.input)
        second = replace(mover, source=first.name, input=first.out_type())
        if isinstance(mover, MaxPool):
            second = replace(mover, source=first.name, input=first.out_type(),
                             smallest=mover.smallest ^ threshold.falling)
        del self.layers[place]
        self.layers[before:before + 1] = [first, second]
        self._rename(threshold.name, mover.name, besides=mover.name)

    def _rename(self, old: str, new: str, besides: str = "") -> None:
        """Let all readers of ``old`` read ``new``, and give every layer its new input type."""
        types: dict[str, TensorType] = {}
        for k, layer in enumerate(self.layers):
            if layer.name != besides:
                if layer.source == old:
                    layer = replace(layer, source=new)
                if isinstance(layer, Join) and layer.second == old:
                    layer = replace(layer, second=new)
            changes: dict[str, Any] = {
                key: types[name]
                for key, name in zip(("input", "second_input"), layer.sources, strict=False)
                if name in types and types[name] != getattr(layer, key)}
            self.layers[k] = replace(layer, **changes) if changes else layer
            types[layer.name] = self.layers[k].out_type()
        self.outputs = [(o, new if s == old else s) for o, s in self.outputs]


def _with_thresholds(product: Product, threshold: Threshold) -> Product:
    """A product that compares its sums itself, in popcounts where one plane allows it."""
    falling = threshold.falling.astype(np.bool_)
    weights = product.weights ^ threshold.falling[:, None]
    # #{x < T_j} = #{-x >= 1 - T_j}, and complemented rows give -x.
    turned = 1 - threshold.thresholds[:, ::-1]
    thresholds = np.where(falling[:, None], turned, threshold.thresholds)
    element = product.input.element
    coefficients, const = product_sum(weights[0], element)
    if isinstance(element, Bits) and not (isinstance(product, Conv) and product.absent):
        unit = coefficients[0]
        thresholds = np.clip(-((const[:, None] - thresholds) // unit), 0, product.fan_in + 1)
        coefficients, const = (1,), np.zeros_like(const)
    return replace(product, weights=weights, coefficients=coefficients, const=const,
                   thresholds=thresholds, unipolar=threshold.unipolar)
