"""Sources of a layer's arrays: what all of them provide, and random weights."""

from __future__ import annotations

from typing import Protocol

import numpy as np

__all__ = ["Arrays", "RandomArrays"]


class Arrays(Protocol):
    """Arrays by name: a ``WeightFile``, or random ones."""

    def __contains__(self, key: str) -> bool: ...

    def shape(self, key: str) -> tuple[int, ...]: ...

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...


class RandomArrays:
    """Weights for a look at sizes before training: the same arrays for the same seed."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def __contains__(self, key: str) -> bool:
        return key.endswith((".smallest", ".falling"))

    def shape(self, key: str) -> tuple[int, ...]:
        raise AssertionError(f"'{key}' has no shape of its own")

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        if key.endswith(".var"):
            return np.ones(shapes[0])
        return self._generator.standard_normal(shapes[0])

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(0, 2, shapes[0], dtype=np.uint8)

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(1, 16, shapes[0])

    def within(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Integers of a range, both ends included."""
        return self._generator.integers(low, high + 1, shape)

    def order(self, count: int) -> np.ndarray:
        """The numbers 0 to ``count - 1`` in some order."""
        return self._generator.permutation(count)

    def thresholds(self, low: np.ndarray, high: np.ndarray, spread: float,
                   levels: int) -> np.ndarray:
        """Thresholds around the middle of each channel's range, so that all levels occur.

        Parameters
        ----------
        low, high : int64 [C]
        spread : float
            About the standard deviation of what is compared.
        levels : int
            Thresholds a channel.
        """
        middle = (low + high + 1) / 2 + spread / 4 * self._generator.standard_normal(low.shape)
        steps = spread * np.linspace(-1, 1, levels) if levels > 1 else np.zeros(1)
        return np.rint(middle[:, None] + steps).astype(np.int64)
