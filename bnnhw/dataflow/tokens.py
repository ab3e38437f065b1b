"""Token models: the exact cycle in which a unit can accept each word and show each result.

A token model is the timing rule of one component. ``Params.token_model`` makes it from the same
numbers as the component, so that latency, depth and capacity are stated once.
"""

from __future__ import annotations

import abc

import numpy as np

__all__ = ["Block", "Bounds", "PipelineBlock", "ReduceBlock", "Times", "WindowBlock", "after",
           "lag", "needed_depth", "one_a_cycle", "tile"]

Times = np.ndarray
"""Cycles, int64, one for each word in order."""

Bounds = tuple[list[Times], list[Times]]
"""Earliest cycles of the words at each input, and of those at each output."""


def lag(times: Times, distance: int, delay: int) -> Times:
    """``times[k - distance] + delay``, and 0 for the first ``distance`` words."""
    out = np.zeros_like(times)
    if distance < len(times):
        out[distance:] = times[:len(times) - distance] + delay
    return out


def tile(index: np.ndarray, words: int, frames: int) -> np.ndarray:
    """Repeat the word indices of one frame for all frames; -1 remains -1."""
    offsets = np.arange(frames, dtype=np.int64)[:, None] * words
    return np.asarray(np.where(index < 0, -1, index + offsets)).ravel()


def after(times: Times, index: np.ndarray, delay: int) -> Times:
    """``times[index] + delay``, and 0 where the index is -1."""
    return np.where(index < 0, 0, times[np.maximum(index, 0)] + delay)


def one_a_cycle(bounds: Times) -> Times:
    """Earliest cycles of events that are bounded below and happen at most once per cycle."""
    k = np.arange(len(bounds), dtype=np.int64)
    return np.maximum.accumulate(bounds - k) + k


def needed_depth(accepted: Times, freed: Times) -> int:
    """Words that a buffer must store: word k is accepted after word ``k - depth`` was freed."""
    free = np.searchsorted(freed + 1, accepted, side="right")
    return int((np.arange(1, len(accepted) + 1) - free).max())


class Block(abc.ABC):
    """The token model of one unit."""

    serial_cycles: int
    """Upper bound of the cycles per frame, as if nothing in the unit overlapped."""

    @abc.abstractmethod
    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        """Earliest cycles in which each input word can be accepted and each output word is valid.

        Parameters
        ----------
        frames : int
        taken, given : lists of int64 arrays
            Current cycles in which the words at each input and output are transferred.
        """

    def freed(self, frames: int, taken: Times, given: Times) -> Times:
        """Cycle in which the buffer space of each input word becomes free again."""
        return given


class PipelineBlock(Block):
    """A free-running pipeline that accepts ``group`` words for each word that it emits.

    Parameters
    ----------
    in_words, group, latency : int
        Words per frame; words per output word; cycles from the last word of the group to its
        output.
    depth : int or None
        Depth of the output queue; None for no limit.
    """

    def __init__(self, in_words: int, group: int, latency: int, depth: int | None) -> None:
        self.in_words, self.group, self.latency, self.depth = in_words, group, latency, depth
        self.serial_cycles = in_words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        ready = np.zeros_like(taken[0])
        if self.depth is not None:
            ready[self.group - 1::self.group] = lag(given[0], self.depth, 1)
        return [ready], [taken[0][self.group - 1::self.group] + self.latency]


class ReduceBlock(Block):
    """Accepts all taps of a pixel, word by word, and shows each result in a register.

    Parameters
    ----------
    pixels, taps, words : int
        Output pixels per frame, taps of each, words per pixel.
    latency : int
        Cycles from the last tap of a word to the result.
    """

    def __init__(self, pixels: int, taps: int, words: int, latency: int) -> None:
        self.in_words, self.latency = pixels * taps * words, latency
        first = np.arange(pixels, dtype=np.int64)[:, None] * (taps * words) + (taps - 1) * words
        self.last = (first + np.arange(words)).ravel()
        self.serial_cycles = self.in_words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        last = tile(self.last, self.in_words, frames)
        ready = np.zeros_like(taken[0])
        ready[last] = lag(given[0], 1, 0)
        return [ready], [taken[0][last] + self.latency]


class WindowBlock(Block):
    """A buffer that is written once and read in another order.

    Parameters
    ----------
    need : int64 [output words]
        For each output word, the input word of the frame that it shows; -1 for padding.
    freed_by : int64 [input words]
        Output word with which the buffer space of each input word becomes free.
    write_latency, read_latency : int
        Cycles from accepting a word until it can be read, and from reading it until it is valid.
    depth : int or None
        Words that the buffer stores; None for no limit.
    shown_by : int64 [output words] or None
        For units of which some steps show no word: the step that shows each output word.
        ``need`` and ``freed_by`` then refer to steps instead of output words.
    """

    def __init__(self, need: np.ndarray, freed_by: np.ndarray, write_latency: int,
                 read_latency: int, depth: int | None,
                 shown_by: np.ndarray | None = None) -> None:
        self.need, self.freed_by, self.shown_by = need, freed_by, shown_by
        self.write_latency, self.read_latency, self.depth = write_latency, read_latency, depth
        self.serial_cycles = len(need) + len(freed_by) + read_latency

    def _steps(self, frames: int, taken: Times, given: Times) -> Times:
        there = after(taken, tile(self.need, len(self.freed_by), frames), self.write_latency)
        if self.shown_by is None:
            return one_a_cycle(np.maximum(there, lag(given, 1, 0)))
        # The step after one that shows a word waits until that word is transferred.
        following = tile(self.shown_by, len(self.need), frames) + 1
        inner = following < len(there)
        there[following[inner]] = np.maximum(there[following[inner]], given[inner])
        return one_a_cycle(there)

    def freed(self, frames: int, taken: Times, given: Times) -> Times:
        steps = self._steps(frames, taken, given)
        return steps[tile(self.freed_by, len(self.need), frames)]

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        steps = self._steps(frames, taken[0], given[0])
        ready = np.zeros_like(taken[0])
        if self.depth is not None:
            ready = lag(steps[tile(self.freed_by, len(self.need), frames)], self.depth, 1)
        shown = steps if self.shown_by is None else \
            steps[tile(self.shown_by, len(self.need), frames)]
        return [ready], [shown + self.read_latency]
