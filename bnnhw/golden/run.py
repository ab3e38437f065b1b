"""Runs a Graph at a golden level, in batches of samples that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.golden import compiled, fast, packed
from bnnhw.ir import Graph
from bnnhw.layers import Counter

__all__ = ["LEVELS", "run", "run_all"]

LEVELS: dict[str, Counter | None] = {
    "reference": None,
    "fast": fast.count,
    "packed": packed.count,
    "compiled": compiled.count,
}
"""How each level counts agreeing bits. The level ``reference`` multiplies with integer weights;
everything else is a few integer operations with a single implementation."""

BATCH = 1024
"""Maximum number of samples in a batch."""

MAX_GATHERED = 1 << 24
"""Elements that one layer may gather for a batch, such as the windows of a convolution."""


def _batch(graph: Graph) -> int:
    """Samples in a batch, so that what the largest layer gathers fits into memory."""
    largest = max(layer.gathered_elements for layer in graph.layers)
    return max(1, min(BATCH, MAX_GATHERED // largest))


Values = dict[str, np.ndarray]
Progress = Callable[[int], None]


def _batches(graph: Graph, x: np.ndarray, level: str, progress: Progress | None,
             layout: str | None) -> Iterator[Values]:
    """Yield every layer's output, for one batch after the other."""
    if level not in LEVELS:
        raise ConfigError(f"golden level '{level}' must be one of {', '.join(LEVELS)}")
    count = LEVELS[level]
    x = graph.accept_input(x, layout)
    batch = _batch(graph)
    for first in range(0, max(len(x), 1), batch):
        values = {"input": x[first:first + batch].astype(np.int64)}
        for layer in graph.layers:
            sources = [values[s] for s in layer.sources]
            values[layer.name] = layer.compute(*sources) if count is None else \
                layer.compute_counting(count, *sources)
        yield values
        if progress:
            progress(len(values["input"]))


def _join(batches: Iterable[Values]) -> Values:
    parts = list(batches)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def run_all(graph: Graph, x: np.ndarray, level: str = "fast",
            progress: Progress | None = None, *, layout: str | None = None) -> Values:
    """Compute every layer's output, by name, in batches of ``BATCH`` samples.

    Parameters
    ----------
    graph : Graph
    x : integer array [n, *graph.input.shape]
    level : str
        A key of ``LEVELS``.
    progress : callable or None
        Called with the number of samples of each batch after it is computed.
    layout : str or None
        ``NCHW`` for ``x [n, C, H, W]``; see ``bnnhw.ir.samples.arrange_samples``.
    """
    return _join(_batches(graph, x, level, progress, layout))


def run(graph: Graph, x: np.ndarray, level: str = "fast",
        progress: Progress | None = None, *, layout: str | None = None) -> Values:
    """Compute the outputs of the network: one int64 array for each, by name (see ``run_all``)."""
    runner = compiled.Runner.of(graph) if level == "compiled" and len(x) else None
    if runner:
        result = runner.run(graph.accept_input(x, layout))
        if progress:
            progress(len(x))
        return result
    batches = _batches(graph, x, level, progress, layout)
    return _join(graph.select_outputs(values) for values in batches)
