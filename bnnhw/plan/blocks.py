"""The token models of the units: when they take words and when they show them.

Each model is the timing rule of one component in ``rtl``, whose constants it is given.
"""

from __future__ import annotations

import abc

import numpy as np

__all__ = ["Block", "ConverterBlock", "ForkBlock", "JoinBlock", "MvtuBlock", "PipelineBlock",
           "ReduceBlock", "SequenceBlock", "Times", "WindowBlock", "needed_depth",
           "one_a_cycle"]

Times = np.ndarray
"""Cycles, int64, one for each word in order."""

Bounds = tuple[list[Times], list[Times]]


def lag(times: Times, distance: int, delay: int) -> Times:
    """``times[k - distance] + delay``, and 0 for the first ``distance`` words."""
    out = np.zeros_like(times)
    if distance < len(times):
        out[distance:] = times[:len(times) - distance] + delay
    return out


def tile(index: np.ndarray, words: int, frames: int) -> np.ndarray:
    """Repeat the word indices of a frame for all frames; -1 stays."""
    offsets = np.arange(frames, dtype=np.int64)[:, None] * words
    return np.asarray(np.where(index < 0, -1, index + offsets)).ravel()


def after(times: Times, index: np.ndarray, delay: int) -> Times:
    """``times[index] + delay``, and 0 where the index is -1."""
    return np.where(index < 0, 0, times[np.maximum(index, 0)] + delay)


def one_a_cycle(bounds: Times) -> Times:
    """The earliest cycles of steps, or of words on a stream, that go one at a time."""
    k = np.arange(len(bounds), dtype=np.int64)
    return np.maximum.accumulate(bounds - k) + k


def needed_depth(taken: Times, freed: Times) -> int:
    """Places that a buffer needs: word k is taken when word ``k - depth`` was freed before."""
    free = np.searchsorted(freed + 1, taken, side="right")
    return int((np.arange(1, len(taken) + 1) - free).max())


class Block(abc.ABC):
    """One unit."""

    serial_cycles: int
    """Cycles a frame if nothing in it overlapped, at most."""

    @abc.abstractmethod
    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        """Earliest cycles in which each input word can be taken and each output word is shown.

        Parameters
        ----------
        frames : int
        taken, given : lists of int64 arrays
            The cycles so far of the words at each input and output.
        """


class PipelineBlock(Block):
    """A free-running pipeline that takes ``group`` words for each word that it gives.

    Parameters
    ----------
    in_words, group, latency : int
        Words a frame; words of each output word; cycles from the last word of the group to its
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
    """Takes all taps of a pixel, word by word, and shows each result in a register.

    Parameters
    ----------
    pixels, taps, words : int
        Output pixels a frame, taps of each, words of a pixel.
    latency : int
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


class ForkBlock(Block):
    """Takes a word when both readers have taken, or take, the one before it."""

    def __init__(self, words: int, latency: int) -> None:
        self.latency = latency
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        ready = np.maximum(lag(given[0], 1, 0), lag(given[1], 1, 0))
        shown = taken[0] + self.latency
        return [ready], [shown, shown]


class JoinBlock(Block):
    """Takes one word of each of two streams in the same cycle."""

    def __init__(self, words: int, latency: int) -> None:
        self.latency = latency
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        both = np.maximum(np.maximum(taken[0], taken[1]), lag(given[0], 1, 0))
        return [both, both], [both + self.latency]


class SequenceBlock(Block):
    """Passes a frame of the first stream, then a frame of the second."""

    def __init__(self, words: tuple[int, int], latency: int) -> None:
        self.words, self.latency = words, latency
        self.serial_cycles = sum(words) + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        first, second = (t.reshape(frames, n) for t, n in zip(taken, self.words, strict=True))
        merged = np.concatenate([first, second], axis=1).ravel()
        step = one_a_cycle(np.maximum(merged, lag(given[0], 1, 0)))
        split = step.reshape(frames, -1)
        return [split[:, :self.words[0]].ravel(), split[:, self.words[0]:].ravel()], \
            [step + self.latency]


class ConverterBlock(Block):
    """A width converter with a shift register of ``capacity`` lanes.

    Parameters
    ----------
    in_lanes, out_lanes : int
    in_group, out_group : int
        Elements of a group at each side; the last word of a group may be shorter.
    elements : int
        Elements a frame.
    capacity, latency : int
    """

    def __init__(self, in_lanes: int, out_lanes: int, in_group: int, out_group: int,
                 elements: int, capacity: int, latency: int) -> None:
        self.latency = latency
        before = _ends(in_lanes, in_group, elements)
        behind = _ends(out_lanes, out_group, elements)
        self.in_words, self.out_words = len(before), len(behind)
        self.last = np.searchsorted(before, behind, side="left")
        # Elements stored when word k comes must leave ``in_lanes`` of the capacity free.
        self.in_ends, self.out_ends, self.elements = before, behind, elements
        self.room = capacity - in_lanes
        self.serial_cycles = self.in_words + self.out_words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        frame = np.arange(frames, dtype=np.int64)[:, None] * self.elements
        stored = np.concatenate([[0], (self.in_ends + frame).ravel()[:-1]])
        gone = (self.out_ends + frame).ravel()
        # The first output word behind which few enough elements are left.
        index = np.searchsorted(gone, stored - self.room, side="left")
        ready = np.where(stored > self.room, given[0][np.minimum(index, len(gone) - 1)] + 1, 0)
        return [ready], [taken[0][tile(self.last, self.in_words, frames)] + self.latency]


def _ends(lanes: int, group: int, elements: int) -> np.ndarray:
    """Elements up to the end of each word of a frame."""
    words = -(-group // lanes)
    within = np.minimum((np.arange(words, dtype=np.int64) + 1) * lanes, group)
    return (np.arange(elements // group, dtype=np.int64)[:, None] * group + within).ravel()


class MvtuBlock(Block):
    """A pipeline that takes vectors and reads each of them several times.

    Parameters
    ----------
    vectors, sf, nf, planes : int
        Vectors a frame, words of a vector, readings of it (each gives a word), steps a word.
    issue : int or None
        Cycles from taking a word to the first step that can use it; None where words are used in
        the cycle that takes them.
    capacity : int
        Words that the buffer in front holds.
    latency, depth : int
        As in ``PipelineBlock``.
    """

    def __init__(self, vectors: int, sf: int, nf: int, planes: int, issue: int | None,
                 capacity: int, latency: int, depth: int) -> None:
        self.vectors, self.sf, self.nf, self.planes = vectors, sf, nf, planes
        self.issue, self.capacity = issue, capacity
        self.latency, self.depth = latency, depth
        self.serial_cycles = vectors * sf * (nf * planes + 1) + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        if self.issue is None:
            return PipelineBlock(self.sf, self.sf, self.latency, self.depth).bounds(
                frames, taken, given)
        count, sf, nf, planes = frames * self.vectors, self.sf, self.nf, self.planes
        # Steps that can be held up, in order: the first reading of each word, and the last step
        # of each reading. All steps between follow one a cycle.
        at = np.concatenate([np.arange(sf) * planes, np.arange(1, nf + 1) * sf * planes - 1])
        at = np.arange(count, dtype=np.int64)[:, None] * (sf * nf * planes) + at
        bound = np.concatenate([taken[0].reshape(count, sf) + self.issue,
                                lag(given[0], self.depth, 1).reshape(count, nf)], axis=1)
        slack = np.maximum.accumulate((bound - at).ravel()).reshape(count, sf + nf)
        ends = slack[:, sf:] + at[:, sf:]
        # Word j leaves the buffer at its last reading.
        base = slack[:, :sf] if nf == 1 else np.repeat(slack[:, -2:-1], sf, axis=1)
        if planes == 1:
            base = np.concatenate([base[:, :-1], slack[:, -1:]], axis=1)
        first = np.arange(count, dtype=np.int64)[:, None] * (sf * nf * planes)
        freed = base + first + (nf - 1) * sf * planes + np.arange(sf) * planes
        return [lag(freed.ravel(), self.capacity, 1)], [ends.ravel() + self.latency]


class WindowBlock(Block):
    """A buffer that is written once and read in another order.

    Parameters
    ----------
    need : int64 [output words]
        Input word that each output word is, in the frame; -1 for padding.
    freed_by : int64 [input words]
        Output word with which each input word's place is given back.
    write_latency, read_latency : int
    depth : int or None
        Words that it holds; None for no limit.
    shown_by : int64 [output words] or None
        Step that gives each output word, where some steps give none; ``need`` and ``freed_by``
        are about steps then.
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
        # The step behind one that shows a word waits until that word goes.
        behind = tile(self.shown_by, len(self.need), frames) + 1
        inner = behind < len(there)
        there[behind[inner]] = np.maximum(there[behind[inner]], given[inner])
        return one_a_cycle(there)

    def freed(self, frames: int, taken: Times, given: Times) -> Times:
        """Cycle in which the place of each input word is given back."""
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
