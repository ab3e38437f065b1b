"""Supplies the arrays of a layer: checked arrays in memory, or random weights for estimates."""

from __future__ import annotations

import abc
import math
from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from bnnhw.errors import ConfigError

__all__ = ["Arrays", "CheckedArrays", "MemoryArrays", "RandomArrays"]

AXES = ((1, 0), (0, 2, 1), (2, 0, 1), (0, 2, 3, 1), (3, 0, 1, 2))
"""Orders of axes that turn the weights of PyTorch and Keras into rows with channels last."""

SHOWN_KEYS = 6
"""Names of arrays that an error message lists."""


class Arrays(Protocol):
    """Arrays by name, ``LAYER.PARAMETER``, from a file, from memory, or drawn at random.

    The methods raise ``ConfigError`` if an array is missing, has another shape or has wrong values.
    """

    def __contains__(self, key: str) -> bool: ...

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array, without reading its values."""

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Finite numbers in one of the given shapes."""

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Weights that are stored as 0/1 or as -1/+1, as uint8 0/1."""

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Values that are integers, as int64."""

    def signed(self, key: str, bits: int, *shapes: tuple[int, ...]) -> np.ndarray:
        """Weights that fit ``bits`` bits of two's complement, as int64."""


class CheckedArrays(abc.ABC):
    """Arrays from a user, whose shapes and values are checked.

    Parameters
    ----------
    name : str
        What error messages name as the source of the arrays, such as the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._read: set[str] = set()

    @abc.abstractmethod
    def keys(self) -> Collection[str]:
        """Names of all arrays."""

    @abc.abstractmethod
    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array, without reading its values."""

    @abc.abstractmethod
    def load(self, key: str, limit: int) -> np.ndarray:
        """Load an array of at most ``limit`` bytes; a larger one is an error."""

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def check_known(self, key: str) -> None:
        """Raise ``ConfigError`` if there is no such array."""
        if key not in self.keys():
            some = ", ".join(sorted(self.keys())[:SHOWN_KEYS]) or "no arrays"
            raise ConfigError(f"has no array '{key}'", where=self.name, hint=f"it has {some}")

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read one array that has one of the given shapes; finite numbers only.

        Raises
        ------
        ConfigError
            It is missing, has another shape, is not numeric, or has NaN or infinite values.
        """
        self.check_known(key)
        self._read.add(key)
        expected = " or ".join(map(str, shapes))
        limit = 8 * max(math.prod(shape) for shape in shapes) + 4096
        array = self.load(key, limit)
        if array.dtype.kind not in "biuf":
            raise ConfigError(f"array '{key}' has type {array.dtype}, expected numbers",
                              where=self.name)
        if array.shape not in shapes:
            raise ConfigError(f"array '{key}' has shape {array.shape}, expected {expected}",
                              where=self.name, hint=_transposition(array.shape, shapes))
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            raise ConfigError(f"array '{key}' has {count} values that are NaN or infinite",
                              where=self.name)
        return array

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read an array whose values must be integers, as int64."""
        array = self.array(key, *shapes)
        if array.dtype.kind == "f" and (array != np.round(array)).any():
            raise ConfigError(f"array '{key}' has fractions, expected integers", where=self.name)
        bits = 53 if array.dtype.kind == "f" else 62
        if array.size and max(-int(array.min()), int(array.max())) > 1 << bits:
            raise ConfigError(f"array '{key}' has values beyond 2**{bits}", where=self.name)
        return array.astype(np.int64)

    def signed(self, key: str, bits: int, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read integer weights that must fit ``bits`` bits of two's complement, as int64."""
        array = self.integers(key, *shapes)
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        if array.size and (array.min() < low or array.max() > high):
            raise ConfigError(f"array '{key}' has values from {array.min()} to {array.max()}, "
                              f"but weight_bits: {bits} means {low} to {high}", where=self.name,
                              hint="give weight_bits the number of bits of the integers")
        return array

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        """Read weights given as 0/1 or as -1/+1, as uint8 0/1."""
        array = self.array(key, *shapes)
        values = np.unique(array)
        if np.isin(values, (0, 1)).all():
            return array.astype(np.uint8)
        if np.isin(values, (-1, 1)).all():
            return (array > 0).astype(np.uint8)
        raise ConfigError(f"array '{key}' has {len(values)} different values from "
                          f"{values[0]:g} to {values[-1]:g}, expected 0/1 or -1/+1",
                          where=self.name, hint="binarise the weights first, or write "
                          "'weight_bits' where they are integers of several bits")

    def check_all_read(self, *known: str) -> None:
        """Raise ``ConfigError`` for arrays that no layer has read, except ``known``."""
        unread = sorted(set(self.keys()) - self._read - set(known))
        if unread:
            norm = any(k.endswith((".gamma", ".beta", ".mean", ".var")) for k in unread)
            raise ConfigError(f"has arrays that no layer reads: {', '.join(unread[:SHOWN_KEYS])}",
                              where=self.name, hint="add 'batch_norm: true' to the layer" if norm
                              else "remove them, or correct their names")


def _transposition(given: tuple[int, ...], shapes: tuple[tuple[int, ...], ...]) -> str | None:
    """Name the transposition that gives an array one of the shapes, where there is one."""
    for axes in AXES:
        if len(axes) == len(given) and tuple(given[axis] for axis in axes) in shapes:
            return (f"the expected order is [outputs, rows, columns, channels]: write "
                    f"w.transpose({', '.join(map(str, axes))})")
    return None


class MemoryArrays(CheckedArrays):
    """Arrays of a Python program.

    Parameters
    ----------
    arrays : mapping of str to array
        By their names, ``LAYER.PARAMETER``; they are copied.
    name : str
        What error messages name as the source of the arrays, such as the network.
    """

    def __init__(self, arrays: Mapping[str, ArrayLike], name: str) -> None:
        super().__init__(name)
        self._arrays = {key: np.array(value) for key, value in arrays.items()}

    def keys(self) -> Collection[str]:
        return self._arrays.keys()

    def shape(self, key: str) -> tuple[int, ...]:
        self.check_known(key)
        return self._arrays[key].shape

    def load(self, key: str, limit: int) -> np.ndarray:
        return self._arrays[key]


class RandomArrays:
    """Random weights, for size estimates before training: equal seeds give equal arrays.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)

    def __contains__(self, key: str) -> bool:
        return key.endswith((".smallest", ".falling"))

    def shape(self, key: str) -> tuple[int, ...]:
        raise AssertionError(f"the random array '{key}' has no shape until it is drawn")

    def array(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        if key.endswith(".var"):
            return np.ones(shapes[0])
        return self._generator.standard_normal(shapes[0])

    def bits(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(0, 2, shapes[0], dtype=np.uint8)

    def integers(self, key: str, *shapes: tuple[int, ...]) -> np.ndarray:
        return self._generator.integers(1, 16, shapes[0])

    def signed(self, key: str, bits: int, *shapes: tuple[int, ...]) -> np.ndarray:
        high = (1 << bits - 1) - 1
        return self._generator.integers(-high, high + 1, shapes[0])

    def within(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Integers of a range, both ends included."""
        return self._generator.integers(low, high + 1, shape)

    def order(self, count: int) -> np.ndarray:
        """The numbers 0 to ``count - 1`` in random order."""
        return self._generator.permutation(count)

    def thresholds(self, low: np.ndarray, high: np.ndarray, spread: float,
                   levels: int) -> np.ndarray:
        """Thresholds around the middle of each channel's range, so that all levels occur.

        Parameters
        ----------
        low, high : int64 [C]
            Range of the compared values.
        spread : float
            About the standard deviation of the compared values.
        levels : int
            Thresholds per channel.
        """
        middle = (low + high + 1) / 2 + spread / 4 * self._generator.standard_normal(low.shape)
        offsets = spread * np.linspace(-1, 1, levels) if levels > 1 else np.zeros(1)
        return np.rint(middle[:, None] + offsets).astype(np.int64)
