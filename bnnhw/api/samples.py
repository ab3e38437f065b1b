"""Chooses samples for a network: held-out data of a trained design, or else random values."""

from __future__ import annotations

from dataclasses import replace

from bnnhw.designs.samples import Samples, random_samples, real_samples
from bnnhw.errors import ConfigError, option
from bnnhw.ir import Graph

__all__ = ["RANDOM_COUNT", "choose_samples"]

RANDOM_COUNT = 100
"""Default number of random samples."""


def choose_samples(name: str, graph: Graph, count: int | None = None, *, random: bool = False,
                   seed: int = 1, labels: bool = False) -> Samples:
    """Choose samples that a network accepts.

    Parameters
    ----------
    name : str
        Name of the network; a shipped design has held-out data.
    graph : Graph
    count : int or None
        Number of samples; None for all held-out ones, or ``RANDOM_COUNT`` random ones.
    random : bool
        Draw random samples even if there is held-out data.
    seed : int
        Seed of the random samples.
    labels : bool
        The samples must have true labels.

    Raises
    ------
    ConfigError
        True labels are required, and the samples are random.
    ToolError
        The package with the held-out data is not installed.
    """
    found = None if random else real_samples(name, count)
    if found is None:
        found = random_samples(graph, count or RANDOM_COUNT, seed)
    if labels and found.labels is None:
        raise ConfigError("random samples have no true labels",
                          hint=f"leave out {option('labels')}")
    # Held-out data has a row for each sample; networks of maps read it as one.
    return replace(found, x=graph.accept_input(found.x.reshape(-1, *graph.input.shape)))
