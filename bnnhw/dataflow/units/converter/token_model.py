"""Token model of the width converter: the exact cycle of each word, without data."""

from __future__ import annotations

import numpy as np

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block, Bounds, Times, tile

__all__ = ["ConverterBlock"]


class ConverterBlock(Block):
    """A width converter with a shift register of ``capacity`` lanes.

    Parameters
    ----------
    i, o : StreamPlan
        The last word of a group may be shorter than the others.
    capacity : int
        Lanes of the shift register.
    latency : int
        Cycles from accepting the last element of an output word until the word is valid.
    """

    def __init__(self, i: StreamPlan, o: StreamPlan, capacity: int, latency: int) -> None:
        self.latency = latency
        self.in_ends, self.out_ends, self.elements = _ends(i), _ends(o), i.size
        self.in_words, self.out_words = len(self.in_ends), len(self.out_ends)
        self.last = np.searchsorted(self.in_ends, self.out_ends, side="left")
        # A word is accepted while the stored elements leave its lanes of the capacity free.
        self.room = capacity - i.lanes
        self.serial_cycles = self.in_words + self.out_words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        frame = np.arange(frames, dtype=np.int64)[:, None] * self.elements
        stored = np.concatenate([[0], (self.in_ends + frame).ravel()[:-1]])
        emitted = (self.out_ends + frame).ravel()
        # The first output word after which few enough elements are left.
        index = np.searchsorted(emitted, stored - self.room, side="left")
        ready = np.where(stored > self.room, given[0][np.minimum(index, len(emitted) - 1)] + 1, 0)
        return [ready], [taken[0][tile(self.last, self.in_words, frames)] + self.latency]


def _ends(stream: StreamPlan) -> np.ndarray:
    """Elements up to the end of each word of a frame."""
    within = np.minimum((np.arange(stream.group_words, dtype=np.int64) + 1) * stream.lanes,
                        stream.elements)
    return (np.arange(stream.groups, dtype=np.int64)[:, None] * stream.elements + within).ravel()
