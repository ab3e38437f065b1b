"""What max pooling and sum pooling share: a window that moves over each channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnnhw.ir.layer import Layer
from bnnhw.ir.window import Window

__all__ = ["Pool"]


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
