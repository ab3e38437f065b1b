"""Tensor types: the range of an element, and its width on a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bnnhw.json_types import Json

__all__ = ["MAX_ELEMENTS", "MAX_WINDOW_ELEMENTS", "NAMED_INTEGERS", "Bits", "Element", "Int",
           "TensorType", "plane_offset", "planes_of"]

MAX_ELEMENTS = 1 << 26
"""Elements of the largest tensor of a network; checked before anything is allocated."""

MAX_WINDOW_ELEMENTS = 64 * MAX_ELEMENTS
"""Elements of all windows of one layer together, which overlap."""


@dataclass(frozen=True)
class Bits:
    """Elements of one bit, stored as 0 or 1.

    Parameters
    ----------
    unipolar : bool
        What the stored bit means to the trained network: False for -1/+1, True for 0/1. The
        hardware is the same, the row constants and thresholds differ.
    """

    unipolar: bool = False

    lo = 0
    hi = 1
    width = 1
    signed = False
    planes = 1

    @property
    def bipolar(self) -> bool:
        """Whether the bits mean -1 and +1 to the trained network."""
        return not self.unipolar

    def to_json(self) -> dict[str, object]:
        return {"kind": "bits", "unipolar": self.unipolar}


@dataclass(frozen=True)
class Int:
    """An integer between ``lo`` and ``hi``, both included."""

    lo: int
    hi: int

    bipolar = False

    def __post_init__(self) -> None:
        if self.lo > self.hi:
            raise ValueError(f"Int range must not be empty, not {self.lo}..{self.hi}")

    @property
    def signed(self) -> bool:
        return self.lo < 0

    @property
    def width(self) -> int:
        """Bits on a stream: two's complement where ``lo`` is negative, at least one."""
        if self.signed:
            return max((-self.lo - 1).bit_length(), self.hi.bit_length()) + 1
        return max(1, self.hi.bit_length())

    @property
    def planes(self) -> int:
        return self.width

    def to_json(self) -> dict[str, object]:
        return {"kind": "int", "lo": self.lo, "hi": self.hi}


Element = Bits | Int

NAMED_INTEGERS = {"uint8": Int(0, 255), "int8": Int(-128, 127)}
"""Elements of samples that users give by name."""


def plane_offset(element: Element) -> int:
    """Offset that is added to an element before it is split into bit planes.

    A signed integer of B bits becomes the unsigned ``x + 2**(B - 1)``: its sign bit inverted, so
    that every plane has a positive weight.
    """
    return 1 << (element.width - 1) if element.signed else 0


def planes_of(x: np.ndarray, element: Element) -> list[np.ndarray]:
    """Split integers into bits, lowest plane first: ``x = sum_m 2**m plane_m - plane_offset``."""
    shifted = x + plane_offset(element)
    return [(shifted >> m) & 1 for m in range(element.planes)]


@dataclass(frozen=True)
class TensorType:
    """A shape and the type of its elements.

    Feature maps are ``(H, W, C)``, signals ``(T, C)``, vectors ``(C,)``; the channel is the
    fastest index.
    """

    shape: tuple[int, ...]
    element: Element

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def channels(self) -> int:
        """Elements of the fastest index."""
        return self.shape[-1] if self.shape else 1

    @property
    def map(self) -> tuple[int, int, int]:
        """The shape as ``(H, W, C)``: a signal ``(T, C)`` has rows of one pixel, a vector one
        pixel."""
        if len(self.shape) == 3:
            return self.shape[0], self.shape[1], self.shape[2]
        return (self.shape[0] if len(self.shape) == 2 else 1), 1, self.channels

    def like_map(self, height: int, width: int, channels: int) -> tuple[int, ...]:
        """Write a map's shape in as many dimensions as this type has."""
        if len(self.shape) == 3:
            return height, width, channels
        return (height, channels) if len(self.shape) == 2 else (channels,)

    def to_json(self) -> dict[str, object]:
        return {"shape": list(self.shape), **self.element.to_json()}

    @staticmethod
    def from_json(data: Json) -> TensorType:
        shape = tuple(int(n) for n in data["shape"])
        if data["kind"] == "bits":
            return TensorType(shape, Bits(unipolar=bool(data["unipolar"])))
        return TensorType(shape, Int(int(data["lo"]), int(data["hi"])))

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "1"
        if isinstance(self.element, Bits):
            return f"{shape} bits" + (" 0/1" if self.element.unipolar else "")
        return f"{shape} int {self.element.lo}..{self.element.hi}"
