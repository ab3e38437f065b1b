"""Results of running a board: outputs, cycle counts, mismatches and throughput."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.golden.comparison import Mismatch, outputs_error
from bnnhw.ir import Graph

__all__ = ["Inference", "Throughput", "Validation"]


@dataclass(frozen=True, repr=False)
class Inference:
    """Outputs of samples, and the cycles and time that they took.

    Attributes
    ----------
    outputs : dict of str to int64 array
        In the form of the golden model.
    cycles : int64 [n]
        Clock cycles of each sample, from its first input word to its last output word.
    stalls : int64 [n]
        Clock cycles in which an input word waited for the accelerator.
    seconds : float
        Time of all samples including the transfer, with requests sent back to back. For a simulated
        board, this is simulated time.
    clock_hz : int
        Clock frequency of the board.
    """

    outputs: dict[str, np.ndarray]
    cycles: np.ndarray
    stalls: np.ndarray
    seconds: float
    clock_hz: int

    @property
    def compute_seconds(self) -> float:
        """Seconds in which the accelerator was busy."""
        return float(self.cycles.sum()) / self.clock_hz

    def __repr__(self) -> str:
        return f"<Inference: {len(self.cycles):,} frames, {int(self.cycles.sum()):,} cycles at " \
               f"{self.clock_hz / 1e6:g} MHz, {self.seconds:.3f} s with the line>"


@dataclass(frozen=True)
class Validation:
    """Comparison of a board with the golden model.

    Attributes
    ----------
    inference : Inference
    expected : dict of str to int64 array
        Outputs of the golden model.
    mismatches : int
        Samples with at least one output that differs.
    first : Mismatch or None
    accuracy : float or None
        Fraction of samples whose label is the true one; None without true labels.
    """

    inference: Inference
    expected: dict[str, np.ndarray]
    mismatches: int
    first: Mismatch | None
    accuracy: float | None

    def check(self, graph: Graph) -> None:
        """Check that every output is that of the golden model.

        Parameters
        ----------
        graph : Graph
            The network that the board computes.

        Raises
        ------
        MismatchError
            An output differs; ``error.result`` is the inference.
        """
        if self.first is not None:
            raise outputs_error(graph, self.first, self.mismatches, len(self.inference.cycles),
                                result=self.inference)


@dataclass(frozen=True)
class Throughput:
    """Speed of a board, separately for the accelerator and the link.

    Attributes
    ----------
    clock_hz : int
    repeats : int
        Frames that ran back to back on the board, without the link.
    latency_cycles : int
        Cycles from the first input word to the last output word of one frame.
    cycles_per_frame : float
        Mean number of cycles per frame over ``repeats`` frames, counted by the board.
    stall_cycles : int
        Cycles of these frames in which an input word waited for the accelerator.
    round_trip_seconds : float
        Median time to send one sample and receive its outputs, without other requests.
    link_frames_per_second : float
        Rate of samples over the link, with requests sent back to back.
    """

    clock_hz: int
    repeats: int
    latency_cycles: int
    cycles_per_frame: float
    stall_cycles: int
    round_trip_seconds: float
    link_frames_per_second: float

    @property
    def compute_seconds(self) -> float:
        """Seconds of a round trip that the accelerator takes."""
        return self.latency_cycles / self.clock_hz

    @property
    def link_seconds(self) -> float:
        """Seconds of a round trip that everything else takes."""
        return self.round_trip_seconds - self.compute_seconds

    @property
    def frames_per_second(self) -> float:
        """Rate of the accelerator without the link."""
        return self.clock_hz / self.cycles_per_frame
