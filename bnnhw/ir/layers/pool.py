"""Pooling: the largest (or smallest) element, or the sum, of each window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layers.base import Layer
from bnnhw.ir.types import Int, TensorType
from bnnhw.ir.window import Window

__all__ = ["MaxPool", "Pool", "SumPool"]


@dataclass(frozen=True, eq=False)
class Pool(Layer):
    """A window over each channel by itself.

    Parameters
    ----------
    window : Window
        Without a kernel of its own meaning: see the subclasses for what lies outside the map.
    """

    window: Window = field(default_factory=lambda: Window((1, 1)))

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3):
            raise self.refuse(f"reads a tensor of shape {self.input.shape}, expected a map "
                              "[H, W, C] or a signal [T, C]")
        if len(self.input.shape) == 2 and not self.window.one_column:
            raise self.refuse("a signal's window has one column, without padding beside it")
        height, width, _ = self.input.map
        if min(self.window.out_size(height, width)) < 1:
            raise self.refuse(f"a window of {self.window.reach[0]}x{self.window.reach[1]} is "
                              f"larger than the padded input {height}x{width}")

    @property
    def whole_map(self) -> bool:
        """The one window is the map itself: global pooling."""
        return self.window.kernel == self.input.map[:2] and not self.window.padded \
            and self.window.dilation == (1, 1)

    def _shape(self) -> tuple[int, ...]:
        height, width, channels = self.input.map
        oh, ow = self.window.out_size(height, width)
        return self.input.like_map(oh, ow, channels)

    def _windows(self, x: np.ndarray, fill: np.ndarray | int) -> np.ndarray:
        """``[n, OH * OW, taps, C]``."""
        windows = self.window.gather(x.reshape(len(x), *self.input.map), fill)
        n, oh, ow, kh, kw, channels = windows.shape
        return windows.reshape(n, oh * ow, kh * kw, channels)

    def params(self) -> dict[str, Any]:
        return {"window": self.window.to_json()}

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        return {**params, "window": Window.from_json(params["window"])}


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
