"""An integer scale and offset for each channel: class scales, and shortcuts in fixed point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import Int, TensorType

__all__ = ["Affine"]


@register
@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """``y_c = clip((scale_c * x_c + offset_c + half) >> shift)``, ``half = 2**(shift - 1)``.

    Without a shift nothing is rounded. Bits count as the 0 and 1 that they are stored as.

    Parameters
    ----------
    scale, offset : int64 [C]
        A scale may be negative or zero.
    shift : int
        Fraction bits that are rounded away, half up.
    limits : (int, int) or None
        Where the result saturates; None where it never does.
    """

    scale: np.ndarray
    offset: np.ndarray
    shift: int = 0
    limits: tuple[int, int] | None = None

    kind: ClassVar[str] = "affine"

    def __post_init__(self) -> None:
        if not self.input.shape:
            raise self.refuse(f"needs channels, not {self.input}")
        for name in ("scale", "offset"):
            if getattr(self, name).shape != (self.input.channels,):
                raise self.refuse(f"{name} must have shape ({self.input.channels},)")
        if not 0 <= self.shift <= 48:
            raise self.refuse(f"shift {self.shift} must be 0..48")
        if self.limits is not None and self.limits[0] > self.limits[1]:
            raise self.refuse(f"saturates at {self.limits[0]}..{self.limits[1]}, expected the "
                              "lower limit first")
        lo, hi = self.sum_range()
        if max(-lo, hi) >= 1 << 62:
            raise self.refuse(f"results up to {max(-lo, hi)} do not fit 63 bits")

    @property
    def half(self) -> int:
        """What is added so that the shift rounds half up."""
        return (1 << self.shift) >> 1

    def sum_range(self) -> tuple[int, int]:
        """Lowest and highest sum before the shift, the half included."""
        element = self.input.element
        ends = [int(s) * x + int(o) + self.half
                for s, o in zip(self.scale, self.offset, strict=True)
                for x in (element.lo, element.hi)]
        return min(ends), max(ends)

    def out_type(self) -> TensorType:
        low, high = (end >> self.shift for end in self.sum_range())
        if self.limits is not None:
            low, high = (min(max(v, self.limits[0]), self.limits[1]) for v in (low, high))
        return TensorType(self.input.shape, Int(low, high))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        y = (x[0] * self.scale + self.offset + self.half) >> self.shift
        return y if self.limits is None else np.clip(y, *self.limits)

    def params(self) -> dict[str, Any]:
        limits = {} if self.limits is None else {"limits": list(self.limits)}
        return {"shift": self.shift, **limits}

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        limits = params.get("limits")
        return {**params, "limits": None if limits is None else (int(limits[0]), int(limits[1]))}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"scale": self.scale, "offset": self.offset}
