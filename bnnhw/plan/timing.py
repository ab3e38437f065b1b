"""Exact cycles without simulation: a token model of chained units.

Each edge of the chain has a list of cycles, one for each word that was transferred. A word moves
in the first cycle in which its producer shows it, its consumer takes it, and the word before it
is gone. Both sides depend on earlier words only, so the lists grow until every word has its
cycle. All blocks here stay ready until a word comes and valid until it goes, which is what makes
"the first cycle in which both hold" the maximum of two numbers.

The components in ``rtl`` name the constants (latency, depth, capacity); nothing is counted twice.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass

from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats

__all__ = ["Block", "ConverterBlock", "PipelineBlock", "ReplayBlock", "Timing", "measure"]


class Block(abc.ABC):
    """One unit: when it takes word k of its input and when it shows word k of its output.

    Parameters
    ----------
    in_words, out_words : int
        Words a frame.
    """

    def __init__(self, in_words: int, out_words: int) -> None:
        self.in_words = in_words
        self.out_words = out_words
        self.taken: list[int] = []
        """Cycle of each input word; shared with the edge in front."""
        self.given: list[int] = []
        """Cycle of each output word; shared with the edge behind."""

    @abc.abstractmethod
    def ready(self, k: int) -> int | None:
        """First cycle in which input word k can be taken, or None if that is not known yet."""

    @abc.abstractmethod
    def valid(self, k: int) -> int | None:
        """First cycle in which output word k is shown, or None if that is not known yet."""

    def _credit(self, k: int, depth: int) -> int | None:
        """First cycle in which a queue of ``depth`` has a place for output word k."""
        if k < depth:
            return 0
        return self.given[k - depth] + 1 if k - depth < len(self.given) else None


class PipelineBlock(Block):
    """A free-running pipeline that takes ``group`` words for each word that it gives.

    Parameters
    ----------
    in_words, group, latency, depth : int
        Words a frame; words of each output word (the last group may be shorter); cycles from the
        last word of the group to its output; depth of the output queue.
    """

    def __init__(self, in_words: int, group: int, latency: int, depth: int) -> None:
        super().__init__(in_words, beats(in_words, group))
        self.group, self.latency, self.depth = group, latency, depth

    def _last_of(self, k: int) -> int:
        frame, n = divmod(k, self.out_words)
        return frame * self.in_words + min((n + 1) * self.group, self.in_words) - 1

    def ready(self, k: int) -> int | None:
        frame, n = divmod(k, self.in_words)
        output = frame * self.out_words + n // self.group
        return self._credit(output, self.depth) if k == self._last_of(output) else 0

    def valid(self, k: int) -> int | None:
        last = self._last_of(k)
        return self.taken[last] + self.latency if last < len(self.taken) else None


class ReplayBlock(Block):
    """A pipeline behind a buffer that reads each frame ``repeats`` times.

    Parameters
    ----------
    words, repeats : int
        Words a frame (SF) and readings of it (NF), each of which gives one output word.
    write_latency : int
        Cycles from taking a word to its first possible reading.
    capacity : int
        Words that the buffer holds.
    latency, depth : int
        As in ``PipelineBlock``.
    """

    def __init__(self, words: int, repeats: int, write_latency: int, capacity: int,
                 latency: int, depth: int) -> None:
        super().__init__(words, repeats)
        self.words, self.repeats = words, repeats
        self.write_latency, self.capacity = write_latency, capacity
        self.latency, self.depth = latency, depth
        self._ends: list[int] = []  # last step of each reading
        self._released: list[int] = []  # last reading of each word
        self._clock = -1  # the step before the next one
        self._word = 0  # word of the current reading

    def ready(self, k: int) -> int | None:
        if k < self.capacity:
            return 0
        self._advance()
        freed = k - self.capacity
        return self._released[freed] + 1 if freed < len(self._released) else None

    def valid(self, k: int) -> int | None:
        self._advance()
        return self._ends[k] + self.latency if k < len(self._ends) else None

    def _advance(self) -> None:
        while self._read_group():
            pass

    def _read_group(self) -> bool:
        """Step through one reading as far as it is known; say whether it ended."""
        k = len(self._ends)
        frame, n = divmod(k, self.repeats)
        if n and self._word == 0 and self.words > 1:
            # All words are there: only the last step can be held up, by the output queue.
            if n == self.repeats - 1:
                self._released.extend(range(self._clock + 1, self._clock + self.words))
            self._clock += self.words - 1
            self._word = self.words - 1
        while self._word < self.words:
            step = self._clock + 1
            if n == 0:
                index = frame * self.words + self._word
                if index >= len(self.taken):
                    return False
                step = max(step, self.taken[index] + self.write_latency)
            if self._word == self.words - 1:
                credit = self._credit(k, self.depth)
                if credit is None:
                    return False
                step = max(step, credit)
            self._clock = step
            self._word += 1
            if n == self.repeats - 1:
                self._released.append(step)
        self._ends.append(self._clock)
        self._word = 0
        return True


class ConverterBlock(Block):
    """A width converter with a shift register of ``capacity`` lanes.

    Parameters
    ----------
    in_lanes, out_lanes, elements, capacity, latency : int
    """

    def __init__(self, in_lanes: int, out_lanes: int, elements: int, capacity: int,
                 latency: int) -> None:
        super().__init__(beats(elements, in_lanes), beats(elements, out_lanes))
        self.in_lanes, self.out_lanes, self.elements = in_lanes, out_lanes, elements
        self.capacity, self.latency = capacity, latency
        self._freeing = 0  # output words that have to be gone for the next input word

    def _count(self, k: int, lanes: int, words: int) -> int:
        """Elements in the words before word k."""
        frame, n = divmod(k, words)
        return frame * self.elements + min(n * lanes, self.elements)

    def ready(self, k: int) -> int | None:
        stored = self._count(k, self.in_lanes, self.in_words)
        while stored - self._count(self._freeing, self.out_lanes, self.out_words) \
                > self.capacity - self.in_lanes:
            self._freeing += 1
        if self._freeing == 0:
            return 0
        gone = self._freeing - 1
        return self.given[gone] + 1 if gone < len(self.given) else None

    def valid(self, k: int) -> int | None:
        frame, n = divmod(k, self.out_words)
        needed = min((n + 1) * self.out_lanes, self.elements)
        last = frame * self.in_words + beats(needed, self.in_lanes) - 1
        return self.taken[last] + self.latency if last < len(self.taken) else None


@dataclass(frozen=True)
class Timing:
    """Exact figures of a chain: cycles a frame, and of the first frame from end to end."""

    ii: int
    latency: int


def measure(blocks: list[Block], words: int) -> Timing:
    """Run the token model until the frames come at a constant distance.

    Parameters
    ----------
    blocks : list of Block
        In the order of the data. Empty: input and output are one wire.
    words : int
        Words of an input frame, for the case of no blocks.

    Raises
    ------
    PlanError
        The chain never settles, or it locks up; neither can happen with units of this package.
    """
    if not blocks:
        return Timing(words, words - 1)
    edges: list[list[int]] = [[] for _ in range(len(blocks) + 1)]
    for k, block in enumerate(blocks):
        block.taken, block.given = edges[k], edges[k + 1]
    frames = len(blocks) + 6
    while frames <= 4096:
        _run(blocks, edges, frames)
        per_frame = blocks[-1].out_words
        ends = edges[-1][per_frame - 1::per_frame]
        gaps = {b - a for a, b in zip(ends[-5:], ends[-4:], strict=False)}
        if len(gaps) == 1:
            return Timing(gaps.pop(), ends[0] - edges[0][0])
        frames *= 2
    raise PlanError("the units never settle to a constant number of cycles a frame")


def _run(blocks: list[Block], edges: list[list[int]], frames: int) -> None:
    totals = [frames * blocks[0].in_words] + [frames * b.out_words for b in blocks]
    while any(len(edge) < total for edge, total in zip(edges, totals, strict=True)):
        progress = False
        for e, edge in enumerate(edges):
            while len(edge) < totals[e]:
                k = len(edge)
                shown = blocks[e - 1].valid(k) if e else 0
                taken = blocks[e].ready(k) if e < len(blocks) else 0
                if shown is None or taken is None:
                    break
                edge.append(max(shown, taken, edge[-1] + 1 if edge else 0))
                progress = True
        if not progress:
            raise PlanError("the units lock each other up; this is a defect, please report it")
