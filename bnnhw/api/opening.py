"""Opens a network, or a generated design by its manifest, without conversion of trained models."""

from __future__ import annotations

from pathlib import Path

from bnnhw.api.generation import generate
from bnnhw.api.loading import network_path
from bnnhw.emit.design import Design, load_design
from bnnhw.importers.network import Network
from bnnhw.importers.registry import load_native
from bnnhw.ir import Graph

__all__ = ["open_design", "open_graph", "open_network"]


def open_network(name: str) -> Network:
    """Load a network by folder, layers.yaml, or name of a shipped design or example."""
    return load_native(network_path(name))


def open_design(name: str, device: str = "generic") -> Design:
    """Load a design by its manifest, or generate a network's with the default options."""
    if name.endswith(".json"):
        return load_design(Path(name))
    return generate(open_network(name), device=device)


def open_graph(name: str) -> Graph:
    """Load the Graph of a network, or of a generated design by its manifest."""
    if name.endswith(".json"):
        return load_design(Path(name)).graph
    return open_network(name).graph
