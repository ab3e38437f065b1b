"""Input words for netlist simulations, with the outputs that are expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.arch.simulation import StreamCore

__all__ = ["Workload"]


@dataclass(frozen=True)
class Workload:
    """Words that a simulator of a netlist sends through a core without a pause.

    A network that the core computes in several passes has one workload for each. The words form
    periods of equal length; in the steady state a period repeats every ``period_cycles`` cycles.

    Parameters
    ----------
    layer : str
        Layer that the core computes; empty if it computes the entire network.
    core : StreamCore
        The core; ``core.o.words`` are the output words of a period.
    words : uint8 [n, core.i.bytes]
        Input words of all periods.
    cycles : (int, int)
        Cycles before the first period can end, and cycles of a period.
    frames : int
        Frames of a period.
    products : int
        Products of a weight and an input in a frame.
    differing : callable
        Returns for the output words (uint8 ``[n, core.o.bytes]``) a boolean array ``[samples]``:
        whether the outputs of a sample differ from the golden model.
    """

    layer: str
    core: StreamCore
    words: np.ndarray
    cycles: tuple[int, int]
    frames: int
    products: int
    differing: Callable[[np.ndarray], np.ndarray]
