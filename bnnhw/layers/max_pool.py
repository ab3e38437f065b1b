"""Max pooling: the largest or the smallest element of each window."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import PoolSize
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import Bits, TensorType
from bnnhw.layers.pool import Pool, PoolItem

__all__ = ["MaxPool", "MaxPoolItem"]


class MaxPoolItem(PoolItem):
    """``max_pool: WINDOW``, the largest element of each window."""

    kind = "max_pool"
    needs = "its window, such as 'max_pool: 2'"

    max_pool: PoolSize


@register
@dataclass(frozen=True, eq=False)
class MaxPool(Pool):
    """The largest element of each window; on bits this is OR.

    Pixels outside the map are never chosen.

    Parameters
    ----------
    smallest : uint8 [C]
        1 selects the smallest element instead (AND on bits). A pool before a batch-norm of
        negative scale becomes this when it is moved after the sign.
    """

    smallest: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    kind: ClassVar[str] = "max_pool"
    items = (MaxPoolItem,)

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = self.smallest if self.smallest.shape != (0,) else np.zeros(self.input.channels)
        object.__setattr__(self, "smallest", chosen.astype(np.uint8))
        if self.smallest.shape != (self.input.channels,) or self.smallest.max() > 1:
            raise self.error(f"'smallest' must be 0 or 1 for each of {self.input.channels} "
                             "channels")

    @property
    def fill(self) -> np.ndarray:
        """The value of pixels outside the map, which is never chosen: int64 [1, 1, C]."""
        element = self.input.element
        return np.where(self.smallest, element.hi, element.lo).astype(np.int64)[None, None]

    def out_type(self) -> TensorType:
        return TensorType(self._shape(), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        windows = self._windows(x[0], self.fill)
        out = np.where(self.smallest, windows.min(axis=2), windows.max(axis=2))
        return out.reshape(len(x[0]), *self._shape())

    def after_thresholds(self, falling: np.ndarray) -> Layer:
        return replace(self, smallest=self.smallest ^ falling)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"smallest": self.smallest}

    @classmethod
    def build(cls, item: MaxPoolItem, at: LayerContext, arrays: Arrays) -> Built:
        window = cls.build_pool_window(item, at)
        key, channels = f"{at.name}.smallest", at.type.channels
        smallest = arrays.bits(key, (channels,)) if key in arrays else \
            np.zeros(channels, np.uint8)
        return cls(at.name, at.source, at.type, window, smallest), None

    def describe(self) -> Described:
        arrays = {"smallest": self.smallest} if self.smallest.any() else {}
        return self.describe_pool(), arrays

    def hardware(self, reduced: Layer) -> str:
        bits = isinstance(self.input.element, Bits)
        largest, smallest = ("OR", "AND") if bits else ("the largest", "the smallest")
        count = int(self.smallest.sum())
        return f"{largest} over {self.hardware_windows()}" + (
            f", {smallest} on {count} channels" if count else "")
