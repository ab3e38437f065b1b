"""Tensor types: what one element can be, and how many bits it takes on a stream."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

__all__ = ["MAX_ELEMENTS", "Bits", "Element", "Int", "TensorType"]

MAX_ELEMENTS = 1 << 26
"""Largest tensor that a network may name; checked before anything is allocated."""


@dataclass(frozen=True)
class Bits:
    """One bit an element, stored as 0 or 1.

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

    def to_json(self) -> dict[str, Any]:
        return {"kind": "bits", "unipolar": self.unipolar}


@dataclass(frozen=True)
class Int:
    """An integer between ``lo`` and ``hi``, both included."""

    lo: int
    hi: int

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

    def to_json(self) -> dict[str, Any]:
        return {"kind": "int", "lo": self.lo, "hi": self.hi}


Element = Bits | Int


@dataclass(frozen=True)
class TensorType:
    """A shape and what its elements are.

    Feature maps are ``(H, W, C)``, signals ``(T, C)``, vectors ``(C,)``; the channel is the
    fastest index.
    """

    shape: tuple[int, ...]
    element: Element

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def to_json(self) -> dict[str, Any]:
        return {"shape": list(self.shape), **self.element.to_json()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> TensorType:
        shape = tuple(int(n) for n in data["shape"])
        if data["kind"] == "bits":
            return TensorType(shape, Bits(unipolar=bool(data["unipolar"])))
        return TensorType(shape, Int(int(data["lo"]), int(data["hi"])))

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "1"
        if isinstance(self.element, Bits):
            return f"{shape} bits" + (" 0/1" if self.element.unipolar else "")
        return f"{shape} int {self.element.lo}..{self.element.hi}"
