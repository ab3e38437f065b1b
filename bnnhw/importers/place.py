"""Where a layer of layers.yaml stands, and where its arrays come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.ir import TensorType
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["Arrays", "Place", "RandomArrays"]


class Arrays(Protocol):
    """Arrays by name: a ``WeightFile``, or random ones."""

    def __contains__(self, key: str) -> bool: ...

    def shape(self, key: str) -> tuple[int, ...]: ...

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray: ...


@dataclass(frozen=True)
class Place:
    """A layer's name and what it reads; ``second`` is the other input of a join."""

    name: str
    source: str
    type: TensorType
    second: str = ""
    second_type: TensorType | None = None

    def refuse(self, message: str, hint: str | None = None) -> ConfigError:
        """Make the error that names this layer."""
        return ConfigError(message, where=f"layer '{self.name}'", hint=hint)

    def limit(self, what: str, *sizes: int) -> None:
        """Refuse arrays and tensors that are larger than bnnhw takes, before they are made."""
        if math.prod(sizes) > MAX_ELEMENTS:
            raise self.refuse(f"{' x '.join(map(str, sizes))} {what}, at most {MAX_ELEMENTS} are "
                              "taken")


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
