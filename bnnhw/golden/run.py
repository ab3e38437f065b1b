"""Choose a golden level and run it in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.golden import compiled, fast, packed
from bnnhw.ir import Graph
from bnnhw.ir.layers import Dense

__all__ = ["LEVELS", "run", "run_all"]

DenseKernel = Callable[[Dense, np.ndarray], np.ndarray]

LEVELS: dict[str, DenseKernel] = {
    "reference": Dense.compute,
    "fast": fast.dense,
    "packed": packed.dense,
    "compiled": compiled.dense,
}
"""How each level computes a dense layer; all other layers are a handful of integer operations
and have one implementation, the reference."""

BATCH = 1024


Values = dict[str, np.ndarray]
Progress = Callable[[int], None]


def _batches(graph: Graph, x: np.ndarray, level: str, progress: Progress | None,
             ) -> Iterator[Values]:
    """Every layer's output for ``BATCH`` samples at a time."""
    if level not in LEVELS:
        raise ConfigError(f"golden level '{level}' must be one of {', '.join(LEVELS)}")
    kernel = LEVELS[level]
    x = graph.accept_input(x)
    for first in range(0, max(len(x), 1), BATCH):
        values = {"input": x[first:first + BATCH].astype(np.int64)}
        for layer in graph.layers:
            source = values[layer.source]
            values[layer.name] = (kernel(layer, source) if isinstance(layer, Dense)
                                  else layer.compute(source))
        yield values
        if progress:
            progress(len(values["input"]))


def _join(batches: Iterable[Values]) -> Values:
    parts = list(batches)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def run_all(graph: Graph, x: np.ndarray, level: str = "fast",
            progress: Progress | None = None) -> Values:
    """Compute every layer's output, by name, in batches of ``BATCH`` samples.

    Parameters
    ----------
    graph : Graph
    x : integer array [n, *graph.input.shape]
    level : str
        A key of ``LEVELS``.
    progress : callable or None
        Called with the number of samples of each batch when it is done.
    """
    return _join(_batches(graph, x, level, progress))


def run(graph: Graph, x: np.ndarray, level: str = "fast",
        progress: Progress | None = None) -> Values:
    """Compute the outputs of the network: one int64 array an output, by its name."""
    if level == "compiled" and compiled.Runner.takes(graph) and len(x):
        result = compiled.Runner(graph).run(graph.accept_input(x))
        if progress:
            progress(len(x))
        return result
    return _join(graph.select_outputs(values) for values in _batches(graph, x, level, progress))
