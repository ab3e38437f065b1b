"""Functions that several verbs share: opening networks, reading arrays, showing progress."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from bnnhw.api.generation import generate
from bnnhw.api.loading import network_path
from bnnhw.cli.tables import print_table
from bnnhw.emit.design import Design, load_design
from bnnhw.errors import ConfigError
from bnnhw.golden.predictions import COLUMNS, Prediction
from bnnhw.importers.network import Network
from bnnhw.importers.registry import load_native
from bnnhw.ir import Graph

__all__ = ["LAYOUT_HELP", "SHOW_HELP", "load_graph", "one_network", "open_design",
           "open_network", "print_predictions", "progress", "read_array", "read_samples"]

MAX_SAMPLES = 1 << 33

SHOW_HELP = "Show the first N predictions: sample, label, expected, got; wrong ones are marked."

LAYOUT_HELP = ("Order of the axes of the samples: NHWC (default; [n, T, C] of signals) or NCHW "
               "([n, C, T]), which is transposed.")


def one_network(network: str | None, layers: str | None) -> str:
    """Return the network of a verb that takes it as first argument or as ``--layers``.

    Raises
    ------
    ConfigError
        Both or none are given.
    """
    name = network if layers is None else layers
    if network is not None and layers is not None:
        raise ConfigError(f"two networks are given: '{network}' and --layers {layers}",
                          hint="give one of them")
    if name is None:
        raise ConfigError("no network is given", hint="name a folder, a layers.yaml, or a shipped "
                          "design such as mnist_tfc as the first argument")
    return name


def open_network(name: str) -> Network:
    """Load a network by folder, layers.yaml, or name of a shipped design or example."""
    return load_native(network_path(name))


def open_design(name: str, device: str = "generic") -> Design:
    """Load a design by its manifest, or generate a network's with the default options."""
    if name.endswith(".json"):
        return load_design(Path(name))
    return generate(open_network(name), device=device)


def load_graph(name: str) -> Graph:
    """Load the Graph of a network, or of a generated design by its manifest."""
    if name.endswith(".json"):
        return load_design(Path(name)).graph
    return open_network(name).graph


def read_array(path: Path) -> np.ndarray:
    """Read an ``.npy`` file, and check its header before memory is allocated."""
    try:
        with path.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
                    else np.lib.format.read_array_header_2_0)
            shape, _, dtype = read(stream)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize > MAX_SAMPLES:
            raise ConfigError(f"has an array of shape {shape} and type {dtype}; expected numbers "
                              f"of at most {MAX_SAMPLES:,} bytes", where=path.name)
        return np.atleast_1d(np.load(path, allow_pickle=False))
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    except Exception as error:  # a broken header raises many kinds of errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"is not a numpy .npy file: {reason}", where=path.name) from None


def read_samples(path: Path, graph: Graph, layout: str | None = None) -> np.ndarray:
    """Read input samples from an ``.npy`` file, and bring them into the network's layout.

    Raises
    ------
    ConfigError
        Their shape or their values are not those of the network.
    """
    return graph.accept_input(read_array(path), layout)


def print_predictions(rows: Sequence[Prediction]) -> None:
    """Print predictions as a table; wrong ones have a remark."""
    if rows:
        print_table("predictions", COLUMNS, [row.row() for row in rows])


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal (standard error); elsewhere nothing.

    Without a ``total``, a spinner and the elapsed time show that the work continues. With one, the
    bar pulses until the first part is reported.
    """
    console = Console(stderr=True)
    counted = () if total is None else (BarColumn(), MofNCompleteColumn())
    bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), *counted,
                   TimeElapsedColumn(), console=console, transient=True,
                   disable=not console.is_terminal)
    with bar:
        task = bar.add_task(title, total=None)

        def done(n: int) -> None:
            bar.update(task, total=total, advance=n)

        yield done
