"""Replaces layers of a Graph, and gives the layers after them their new input types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer

__all__ = ["rebuild"]


def rebuild(graph: Graph, change: Callable[[Layer], Layer]) -> Graph:
    """Apply ``change`` to each layer, in order.

    ``change`` may alter everything but the name, the sources and the input types. Parameters that
    depend on a changed input type must already fit the new one.
    """
    types = {"input": graph.input}
    layers = []
    for layer in graph.layers:
        changed = change(layer).with_inputs(types)
        types[layer.name] = changed.out_type()
        layers.append(changed)
    return replace(graph, layers=tuple(layers))
