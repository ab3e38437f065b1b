"""Replaces transposed convolutions by ordinary ones, whose channels become pixels."""

from __future__ import annotations

from dataclasses import replace

from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer
from bnnhw.layers import ConvTranspose

__all__ = ["expand_transposed"]


def expand_transposed(graph: Graph) -> Graph:
    """Replace every ``ConvTranspose`` by the layers of ``ConvTranspose.expanded``.

    The convolution keeps the name of the layer; those that read the layer read the last of the new
    layers instead.
    """
    names = {layer.name for layer in graph.layers}
    last: dict[str, str] = {}
    layers: list[Layer] = []
    for layer in graph.layers:
        for old, new in last.items():
            layer = layer.with_source(old, new)
        if not isinstance(layer, ConvTranspose):
            layers.append(layer)
            continue
        source = layer.source
        for part in layer.expanded:
            if part is None:
                continue
            name = layer.name if part.name == layer.name else _free(part.name, names)
            layers.append(replace(part, name=name, source=source))
            source = name
        last[layer.name] = source
    outputs = tuple((output, last.get(source, source)) for output, source in graph.outputs)
    return replace(graph, layers=tuple(layers), outputs=outputs) if last else graph


def _free(name: str, used: set[str]) -> str:
    """Return a name that no layer has, and mark it as used."""
    while name in used:
        name += "_"
    used.add(name)
    return name
