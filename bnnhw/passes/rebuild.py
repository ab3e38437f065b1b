"""Replace layers of a Graph; layers behind them get their new input types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnhw.ir import Graph
from bnnhw.layers import Join, Layer

__all__ = ["rebuild"]


def rebuild(graph: Graph, change: Callable[[Layer], Layer]) -> Graph:
    """Apply ``change`` to each layer, in order.

    ``change`` may alter anything but the name, the source and the input type; parameters that
    depend on a changed input have to be right already for the new one.
    """
    types = {"input": graph.input}
    layers = []
    for layer in graph.layers:
        changed = change(layer)
        if changed.input != types[layer.source]:
            changed = replace(changed, input=types[layer.source])
        if isinstance(changed, Join) and changed.second_input != types[changed.second]:
            changed = replace(changed, second_input=types[changed.second])
        types[layer.name] = changed.out_type()
        layers.append(changed)
    return replace(graph, layers=tuple(layers))
