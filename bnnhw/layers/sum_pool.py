"""Sum pooling: the sum of each window, an average without its division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import PoolSize
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
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
        return TensorType(self._shape(), self.sum_element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self.window_sums(x[0])

    @classmethod
    def build(cls, item: SumPoolItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type, cls.build_pool_window(item, at)), None

    def describe(self) -> Described:
        return self.describe_pool(), {}

    def hardware(self, reduced: Layer) -> str:
        return f"sums over {self.hardware_windows()}"
