"""Max pooling: the largest or the smallest element of each window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import register
from bnnhw.ir.types import TensorType
from bnnhw.layers.pool import Pool

__all__ = ["MaxPool"]


@register
@dataclass(frozen=True, eq=False)
class MaxPool(Pool):
    """The largest element of each window; on bits this is OR.

    Pixels outside the map never win.

    Parameters
    ----------
    smallest : uint8 [C]
        1: the smallest element instead (AND on bits), which is what a pool before a batch-norm of
        negative scale becomes behind its sign.
    """

    smallest: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    kind: ClassVar[str] = "max_pool"

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = self.smallest if self.smallest.shape != (0,) else np.zeros(self.input.channels)
        object.__setattr__(self, "smallest", chosen.astype(np.uint8))
        if self.smallest.shape != (self.input.channels,) or self.smallest.max() > 1:
            raise self.refuse(f"'smallest' must be 0 or 1 for each of {self.input.channels} "
                              "channels")

    @property
    def fill(self) -> np.ndarray:
        """What never wins, by channel: int64 [1, 1, C]."""
        element = self.input.element
        return np.where(self.smallest, element.hi, element.lo).astype(np.int64)[None, None]

    def out_type(self) -> TensorType:
        return TensorType(self._shape(), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        windows = self._windows(x[0], self.fill)
        out = np.where(self.smallest, windows.min(axis=2), windows.max(axis=2))
        return out.reshape(len(x[0]), *self._shape())

    def arrays(self) -> dict[str, np.ndarray]:
        return {"smallest": self.smallest}
