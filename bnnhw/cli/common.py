"""Functions that several verbs share: help texts, tables of predictions, progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from bnnhw.cli.tables import print_table
from bnnhw.errors import ConfigError
from bnnhw.golden.predictions import COLUMNS, Prediction

__all__ = ["LAYOUT_HELP", "SHOW_HELP", "one_network", "print_predictions", "progress"]

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
