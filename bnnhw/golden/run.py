"""Choose a golden level and run it in batches."""

from __future__ import annotations

from collections.abc import Callable

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


def run_all(graph: Graph, x: np.ndarray, level: str = "fast",
            progress: Callable[[int], None] | None = None) -> dict[str, np.ndarray]:
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
    if level not in LEVELS:
        raise ConfigError(f"golden level '{level}' must be one of {', '.join(LEVELS)}")
    kernel = LEVELS[level]
    x = graph.check_input(x)
    batches = []
    for first in range(0, max(len(x), 1), BATCH):
        values = {"input": x[first:first + BATCH]}
        for layer in graph.layers:
            source = values[layer.source]
            compute = kernel if isinstance(layer, Dense) else type(layer).compute
            values[layer.name] = compute(layer, source)  # type: ignore[arg-type]
        batches.append(values)
        if progress:
            progress(len(values["input"]))
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def run(graph: Graph, x: np.ndarray, level: str = "fast",
        progress: Callable[[int], None] | None = None) -> dict[str, np.ndarray]:
    """Compute the outputs of the network: one int64 array an output, by its name."""
    return graph.select_outputs(run_all(graph, x, level, progress))
