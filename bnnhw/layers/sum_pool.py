"""Sum pooling: the sum of each window, an average without its division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import register
from bnnhw.ir.types import Int, TensorType
from bnnhw.layers.pool import Pool

__all__ = ["SumPool"]


@register
@dataclass(frozen=True, eq=False)
class SumPool(Pool):
    """The sum of each window; an average without its division, which the reader folds.

    On bits it counts ones: q of n stand for a mean of ``(2q - n) / n`` in -1/+1. Pixels outside
    the map add nothing.
    """

    kind: ClassVar[str] = "sum_pool"

    def out_type(self) -> TensorType:
        element, taps = self.input.element, self.window.taps
        low = element.lo * taps if not self.window.padded else min(element.lo * taps, 0)
        return TensorType(self._shape(), Int(low, max(element.hi * taps, low)))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self._windows(x[0], 0).sum(axis=2).reshape(len(x[0]), *self._shape())
