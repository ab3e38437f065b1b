"""Token model of the MVTU: the exact cycle of each word, without data."""

from __future__ import annotations

import numpy as np

from bnnhw.dataflow.tokens import Block, Bounds, PipelineBlock, Times, lag

__all__ = ["MvtuBlock", "Readings"]


class Readings:
    """How often an MVTU reads the words of its vectors.

    Parameters
    ----------
    vectors, sf, nf, planes : int
        Vectors per frame, words per vector, readings of a vector (each gives a word), steps per
        word.
    """

    def __init__(self, vectors: int, sf: int, nf: int, planes: int) -> None:
        self.vectors, self.sf, self.nf, self.planes = vectors, sf, nf, planes

    @property
    def steps(self) -> int:
        """Steps per vector."""
        return self.sf * self.nf * self.planes


class MvtuBlock(Block):
    """A pipeline that accepts vectors and reads each of them several times.

    Parameters
    ----------
    readings : Readings
    issue : int or None
        Cycles from accepting a word to the first step that can use it; None where words are used
        in the cycle that accepts them.
    capacity : int
        Words that the input buffer stores.
    latency, depth : int
        As in ``PipelineBlock``.
    reuse : int
        Cycles from the last reading of a word until another one can take its place.
    """

    def __init__(self, readings: Readings, issue: int | None, capacity: int, latency: int,
                 depth: int, reuse: int = 1) -> None:
        self.readings = r = readings
        self.issue, self.capacity, self.reuse = issue, capacity, reuse
        self.latency, self.depth = latency, depth
        self.serial_cycles = r.vectors * r.sf * (r.nf * r.planes + 1) + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        sf, nf, planes, steps = (self.readings.sf, self.readings.nf, self.readings.planes,
                                 self.readings.steps)
        if self.issue is None:
            return PipelineBlock(sf, sf, self.latency, self.depth).bounds(frames, taken, given)
        count = frames * self.readings.vectors
        # Steps that can stall, in order: the first reading of each word, and the last step of
        # each reading. All steps between them follow one per cycle.
        at = np.concatenate([np.arange(sf) * planes, np.arange(1, nf + 1) * sf * planes - 1])
        at = np.arange(count, dtype=np.int64)[:, None] * steps + at
        bound = np.concatenate([taken[0].reshape(count, sf) + self.issue,
                                lag(given[0], self.depth, 1).reshape(count, nf)], axis=1)
        slack = np.maximum.accumulate((bound - at).ravel()).reshape(count, sf + nf)
        ends = slack[:, sf:] + at[:, sf:]
        # Word j leaves the buffer at its last reading.
        base = slack[:, :sf] if nf == 1 else np.repeat(slack[:, -2:-1], sf, axis=1)
        if planes == 1:
            base = np.concatenate([base[:, :-1], slack[:, -1:]], axis=1)
        first = np.arange(count, dtype=np.int64)[:, None] * steps
        freed = base + first + (nf - 1) * sf * planes + np.arange(sf) * planes
        return [lag(freed.ravel(), self.capacity, self.reuse)], [ends.ravel() + self.latency]
