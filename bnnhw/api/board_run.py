"""Runs samples on a board, compares every output with the golden model, and measures its speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.golden.predictions import Prediction, predictions
from bnnhw.hostlink.driver import Accelerator, Throughput, Validation

__all__ = ["BoardRun", "run_on_board"]


@dataclass(frozen=True)
class BoardRun:
    """A run of a board.

    Attributes
    ----------
    validation : Validation
    speed : Throughput
    predictions : list of Prediction
        Outputs of the first samples.
    faults : tuple of str
        Transfers that were repeated.
    """

    validation: Validation
    speed: Throughput
    predictions: list[Prediction]
    faults: tuple[str, ...]


def run_on_board(board: Accelerator, x: np.ndarray, labels: np.ndarray | None = None, *,
                 repeats: int = 1000, show: int = 0,
                 progress: Callable[[int], None] | None = None) -> BoardRun:
    """Run samples on a board and measure its speed.

    Parameters
    ----------
    board : Accelerator
    x : integer array [n, *graph.input.shape]
    labels : integer array [n] or None
        True labels.
    repeats : int
        Frames that run on the board back to back, to count cycles per frame.
    show : int
        Number of samples whose predictions are returned.
    progress : callable or None
        Receives the number of further samples that are finished.

    Raises
    ------
    ConfigError
        The labels do not match the samples or the network.
    LinkError
        The board does not answer.
    """
    validation = board.validate(x, labels, progress)
    speed = board.throughput(repeats, x)
    shown = predictions(validation.expected, validation.inference.outputs, labels, show)
    return BoardRun(validation, speed, shown, tuple(board.link.faults))
