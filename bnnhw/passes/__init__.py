"""Transformations of a Graph that keep every output equal; ``PASSES`` is their order."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.ir import Graph
from bnnhw.passes.constants import drop_constant_channels
from bnnhw.passes.shuffles import reorder_shuffles
from bnnhw.passes.thresholds import clip_thresholds, count_units
from bnnhw.passes.transposed import expand_transposed

__all__ = ["PASSES", "run_passes"]

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    expand_transposed, reorder_shuffles, count_units, clip_thresholds, drop_constant_channels)


def run_passes(graph: Graph) -> Graph:
    """Apply all passes in order."""
    for transform in PASSES:
        graph = transform(graph)
    return graph
