"""Describes a stream between two units: its width, and the position of values in its words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.golden.layout import beats, pack_integers, word_bytes

__all__ = ["StreamPlan"]


@dataclass(frozen=True)
class StreamPlan:
    """A stream between two units: how many elements per frame has, and how words carry them.

    Parameters
    ----------
    elements : int
        Elements of a group: the channels of a pixel (or of a group of channels), or an entire
        vector. The last word of a group carries what remains of it.
    lanes, width : int
        Elements per word, and bits per element.
    signed : bool
        Elements are in two's complement.
    groups : int
        Groups per frame.
    """

    elements: int
    lanes: int
    width: int = 1
    signed: bool = False
    groups: int = 1

    @property
    def group_words(self) -> int:
        """Words per group."""
        return beats(self.elements, self.lanes)

    @property
    def last_lanes(self) -> int:
        """Elements in the last word of a group; inside a core, the lanes above them are 0."""
        return (self.elements - 1) % self.lanes + 1

    @property
    def words(self) -> int:
        """Words per frame."""
        return self.groups * self.group_words

    @property
    def size(self) -> int:
        """Elements per frame."""
        return self.groups * self.elements

    @property
    def bits(self) -> int:
        """Bits per word."""
        return self.lanes * self.width

    @property
    def bytes(self) -> int:
        """Bytes per word at the edge of the core."""
        return word_bytes(self.bits)

    def same_words(self, other: StreamPlan) -> bool:
        """Whether both streams carry the same words in the same order, however they are grouped."""
        full = all(s.elements % s.lanes == 0 for s in (self, other))
        return (self.lanes, self.width, self.size) == (other.lanes, other.width, other.size) and \
            (full or self.elements == other.elements)

    def to_words(self, values: np.ndarray) -> np.ndarray:
        """Arrange elements ``[frames, size]`` (any shape) as words ``[frames, words, lanes]``.

        Lanes above the last element of a group are 0.
        """
        groups = np.asarray(values).reshape(-1, self.groups, self.elements)
        padded = np.zeros((len(groups), self.groups, self.group_words * self.lanes),
                          dtype=groups.dtype)
        padded[..., :self.elements] = groups
        return padded.reshape(len(groups), self.words, self.lanes)

    def from_words(self, words: np.ndarray) -> np.ndarray:
        """Return elements ``[frames, groups, elements]`` of words ``[frames, words, lanes]``."""
        padded = words.reshape(-1, self.groups, self.group_words * self.lanes)
        return padded[..., :self.elements]

    def pack(self, words: np.ndarray) -> list[int]:
        """Return each word of ``[frames, words, lanes]`` as one integer, lane 0 lowest."""
        return pack_integers(words.reshape(-1, self.lanes), self.width)

    def unpack(self, packed: list[int]) -> np.ndarray:
        """Invert ``pack``; the elements are objects where 63 bits are too few."""
        mask, sign = (1 << self.width) - 1, 1 << (self.width - 1)
        lanes = [[word >> (k * self.width) & mask for k in range(self.lanes)] for word in packed]
        if self.signed:
            lanes = [[(x ^ sign) - sign for x in word] for word in lanes]
        kind = np.int64 if self.width < 64 else object
        return np.array(lanes, dtype=kind).reshape(-1, self.words, self.lanes)
