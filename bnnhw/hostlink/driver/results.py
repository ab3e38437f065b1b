"""What runs on a board give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Inference", "Mismatch", "Throughput", "Validation", "first_mismatch"]


@dataclass(frozen=True, repr=False)
class Inference:
    """Outputs of samples, and what they took.

    Attributes
    ----------
    outputs : dict of int64 arrays
        As the golden model gives them.
    cycles : int64 [n]
        Clock cycles of each sample, from its first word in to its last word out.
    stalls : int64 [n]
        Clock cycles in which a word of it waited for the accelerator.
    seconds : float
        All samples, over the line, with requests one behind the other. Seconds of the board: on a
        simulated one those that its clock has counted.
    clock_hz : int
    """

    outputs: dict[str, np.ndarray]
    cycles: np.ndarray
    stalls: np.ndarray
    seconds: float
    clock_hz: int

    @property
    def compute_seconds(self) -> float:
        """Time in which the accelerator worked."""
        return float(self.cycles.sum()) / self.clock_hz

    def __repr__(self) -> str:
        return f"<Inference: {len(self.cycles):,} frames, {int(self.cycles.sum()):,} cycles at " \
               f"{self.clock_hz / 1e6:g} MHz, {self.seconds:.3f} s with the line>"


@dataclass(frozen=True)
class Mismatch:
    """Where a board first leaves the golden model."""

    frame: int
    output: str
    place: tuple[int, ...]
    golden: int
    board: int

    def __str__(self) -> str:
        place = f"{list(self.place)}" if self.place else ""
        return (f"frame {self.frame}, output '{self.output}'{place}: golden {self.golden}, "
                f"board {self.board}")


@dataclass(frozen=True)
class Validation:
    """A board against the golden model.

    Attributes
    ----------
    inference : Inference
    mismatches : int
        Samples of which any output differs.
    first : Mismatch or None
    accuracy : float or None
        Share of samples whose label is the true one; None without true labels.
    """

    inference: Inference
    mismatches: int
    first: Mismatch | None
    accuracy: float | None


@dataclass(frozen=True)
class Throughput:
    """What a board reaches, the accelerator and the line apart.

    Attributes
    ----------
    clock_hz : int
    repeats : int
        Frames that ran one behind the other, on the board alone.
    latency_cycles : int
        First word in to last word out of one frame.
    cycles_a_frame : float
        Counted by the board over ``repeats`` frames.
    stall_cycles : int
        In these, cycles in which a word waited for the accelerator.
    round_trip_seconds : float
        One sample there and its outputs back, with nothing else under way: the median.
    line_frames_per_second : float
        Samples over the line, with requests one behind the other.
    """

    clock_hz: int
    repeats: int
    latency_cycles: int
    cycles_a_frame: float
    stall_cycles: int
    round_trip_seconds: float
    line_frames_per_second: float

    @property
    def compute_seconds(self) -> float:
        """Of a round trip, the time that the accelerator takes."""
        return self.latency_cycles / self.clock_hz

    @property
    def link_seconds(self) -> float:
        """Of a round trip, the time that all else takes."""
        return self.round_trip_seconds - self.compute_seconds

    @property
    def frames_per_second(self) -> float:
        """What the accelerator could do on a faster line."""
        return self.clock_hz / self.cycles_a_frame


def first_mismatch(expected: dict[str, np.ndarray],
                   found: dict[str, np.ndarray]) -> tuple[int, Mismatch | None]:
    """Count the samples that differ, and name the first, at the first output that does."""
    count = len(next(iter(expected.values())))
    wrong = {name: (expected[name] != found[name]).reshape(count, -1) for name in expected}
    frames = np.any([w.any(axis=1) for w in wrong.values()], axis=0)
    if not frames.any():
        return 0, None
    frame = int(frames.argmax())
    name = next(name for name in expected if wrong[name][frame].any())
    place = tuple(int(k) for k in np.unravel_index(int(wrong[name][frame].argmax()),
                                                   expected[name].shape[1:]))
    return int(frames.sum()), Mismatch(frame, name, place, int(expected[name][(frame, *place)]),
                                       int(found[name][(frame, *place)]))
