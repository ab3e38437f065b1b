"""Sources of the choices that make a test network: a seed, or hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from hypothesis import strategies as st

__all__ = ["Choices", "DrawnChoices", "SeededChoices"]


class Choices(Protocol):
    """Numbers and arrays of a network under construction; ranges include both ends."""

    def integer(self, low: int, high: int) -> int: ...

    def chance(self, probability: float) -> bool: ...

    def integers(self, low: int, high: int, shape: tuple[int, ...] | int) -> np.ndarray:
        """Independent int64 numbers."""

    def bits(self, shape: tuple[int, ...] | int) -> np.ndarray:
        """Independent bits, as uint8."""

    def chances(self, probability: float, shape: tuple[int, ...] | int) -> np.ndarray:
        """Independent booleans."""

    def pick(self, options: Sequence[int], shape: tuple[int, ...] | int = ()) -> np.ndarray:
        """Independent elements of a sequence."""


class SeededChoices:
    """Choices that follow from a seed, for examples that a test names."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return bool(self._random.random() < probability)

    def integers(self, low: int, high: int, shape: tuple[int, ...] | int) -> np.ndarray:
        return self._random.integers(low, high + 1, shape)

    def bits(self, shape: tuple[int, ...] | int) -> np.ndarray:
        return self._random.integers(0, 2, shape, dtype=np.uint8)

    def chances(self, probability: float, shape: tuple[int, ...] | int) -> np.ndarray:
        return self._random.random(shape) < probability

    def pick(self, options: Sequence[int], shape: tuple[int, ...] | int = ()) -> np.ndarray:
        return np.asarray(self._random.choice(list(options), shape))


class DrawnChoices:
    """Choices that hypothesis draws, so that a failing network shrinks.

    Numbers shrink towards 0 or the lower end, booleans towards False, arrays towards their lower
    end. An array is one draw of bytes, because one draw per element would be slow.
    """

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(int(low), int(high)))

    def chance(self, probability: float) -> bool:
        return self._draw(st.integers(0, 99)) >= 100 - round(100 * probability)

    def integers(self, low: int, high: int, shape: tuple[int, ...] | int) -> np.ndarray:
        span = high - low + 1
        width = next(w for w in (1, 2, 4, 8) if span <= 1 << 8 * w)
        raw = np.frombuffer(self._bytes(width * _size(shape)), f"<u{width}")
        return low + (raw % np.uint64(span)).astype(np.int64).reshape(shape)

    def bits(self, shape: tuple[int, ...] | int) -> np.ndarray:
        count = _size(shape)
        packed = np.frombuffer(self._bytes(-(-count // 8)), np.uint8)
        return np.unpackbits(packed, count=count).reshape(shape)

    def chances(self, probability: float, shape: tuple[int, ...] | int) -> np.ndarray:
        return self.integers(0, 99, shape) >= 100 - round(100 * probability)

    def pick(self, options: Sequence[int], shape: tuple[int, ...] | int = ()) -> np.ndarray:
        return np.array(list(options))[self.integers(0, len(options) - 1, shape)]

    def _bytes(self, count: int) -> bytes:
        return self._draw(st.binary(min_size=count, max_size=count))


def _size(shape: tuple[int, ...] | int) -> int:
    return int(np.prod(shape, dtype=np.int64))
