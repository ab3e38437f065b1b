"""An integer scale and offset for each channel: the exact tail of a network with class scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layers.base import Layer
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["Affine"]


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """``y_k = scale_k * x_k + offset_k`` in integers.

    Parameters
    ----------
    scale, offset : int64 [C]
        A scale may be negative or zero.
    """

    scale: np.ndarray
    offset: np.ndarray

    kind: ClassVar[str] = "affine"

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits) or len(self.input.shape) != 1:
            raise self.refuse(f"needs a vector of integers, not {self.input}")
        for name in ("scale", "offset"):
            if getattr(self, name).shape != self.input.shape:
                raise self.refuse(f"{name} must have shape {self.input.shape}")
        lo, hi = self._range()
        if max(-lo, hi) >= 1 << 62:
            raise self.refuse(f"results up to {max(-lo, hi)} do not fit 63 bits")

    def _range(self) -> tuple[int, int]:
        element = self.input.element
        ends = [int(s) * x + int(o) for s, o in zip(self.scale, self.offset, strict=True)
                for x in (element.lo, element.hi)]
        return min(ends), max(ends)

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, Int(*self._range()))

    def compute(self, x: np.ndarray) -> np.ndarray:
        return x * self.scale + self.offset

    def arrays(self) -> dict[str, np.ndarray]:
        return {"scale": self.scale, "offset": self.offset}
