"""Integers to bits or levels at thresholds of each channel, where no product stands before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["Threshold"]


@register
@dataclass(frozen=True, eq=False)
class Threshold(Layer):
    """``out = #{j : x >= T_j}``, or J less that on falling channels.

    Parameters
    ----------
    thresholds : int64 [C, J]
        Ascending along J; bits for J = 1, integers 0..J for more.
    falling : uint8 [C]
        1: the output falls while the input rises (a batch-norm of negative scale).
    unipolar : bool
        What the output bits mean to the layer behind.
    """

    thresholds: np.ndarray
    falling: np.ndarray
    unipolar: bool = False

    kind: ClassVar[str] = "threshold"

    def __post_init__(self) -> None:
        t = self.thresholds
        if not isinstance(self.input.element, Int) or not self.input.shape:
            raise self.refuse(f"reads {self.input}, expected integers")
        if t.ndim != 2 or t.shape[0] != self.input.channels or t.shape[1] < 1:
            raise self.refuse(f"thresholds must have shape ({self.input.channels}, J), not "
                              f"{t.shape}")
        if (np.diff(t, axis=1) < 0).any():
            raise self.refuse("thresholds of a channel must ascend")
        object.__setattr__(self, "falling", self.falling.astype(np.uint8))
        if self.falling.shape != (t.shape[0],) or self.falling.max() > 1:
            raise self.refuse("'falling' must be 0 or 1 for each channel")

    @property
    def levels(self) -> int:
        return int(self.thresholds.shape[1])

    def out_type(self) -> TensorType:
        element = Bits(unipolar=self.unipolar) if self.levels == 1 else Int(0, self.levels)
        return TensorType(self.input.shape, element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        passed = (x[0][..., None] >= self.thresholds).sum(axis=-1, dtype=np.int64)
        return np.where(self.falling, self.levels - passed, passed)

    def params(self) -> dict[str, Any]:
        return {"unipolar": self.unipolar}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"thresholds": self.thresholds, "falling": self.falling}
