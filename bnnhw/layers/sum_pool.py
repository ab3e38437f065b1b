"""Sum pooling: the sum of each window, an average without its division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import PoolSize
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import Int, TensorType
from bnnhw.layers.pool import Pool, PoolItem

__all__ = ["SumPool", "SumPoolItem"]


class SumPoolItem(PoolItem):
    """``sum_pool: WINDOW`` or ``global``, the sum of each window: an average times its size."""

    kind = "sum_pool"
    needs = "its window, such as 'sum_pool: 2', or 'sum_pool: global'"

    sum_pool: PoolSize


@register
@dataclass(frozen=True, eq=False)
class SumPool(Pool):
    """The sum of each window; the next layer folds the division of an average.

    On bits it counts ones: q of n mean an average of ``(2q - n) / n`` in -1/+1. Pixels outside
    the map count as 0.
    """

    kind: ClassVar[str] = "sum_pool"
    items = (SumPoolItem,)

    def out_type(self) -> TensorType:
        element, taps = self.input.element, self.window.taps
        low = element.lo * taps if not self.window.padded else min(element.lo * taps, 0)
        return TensorType(self._shape(), Int(low, max(element.hi * taps, low)))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self._windows(x[0], 0).sum(axis=2).reshape(len(x[0]), *self._shape())

    @classmethod
    def build(cls, item: SumPoolItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type, cls.build_pool_window(item, at)), None

    def describe(self) -> Described:
        return self.describe_pool(), {}

    def hardware(self, reduced: Layer) -> str:
        return f"sums over {self.hardware_windows()}"
