"""Base class of max, sum and average pooling: a window that moves over each channel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bnnhw.config.items import WindowItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Int, TensorType
from bnnhw.ir.window import Window
from bnnhw.json_types import Json
from bnnhw.layers.building.descriptions import describe_pair, describe_window, window_words
from bnnhw.layers.building.windows import build_window, check_window

__all__ = ["Pool", "PoolItem"]


class PoolItem(WindowItem):
    """What the pools share; the stride is the size of the window unless it is given."""

    @property
    def size(self) -> int | tuple[int, int] | None:
        """The window; None for the entire map."""
        size = getattr(self, self.kind)
        return None if size == "global" else size


@dataclass(frozen=True, eq=False)
class Pool(Layer):
    """One result per channel and window.

    Parameters
    ----------
    window : Window
        The subclasses define what lies outside the map.
    """

    window: Window = field(default_factory=lambda: Window((1, 1)))

    def __post_init__(self) -> None:
        check_window(self, self.window)

    @property
    def covers_map(self) -> bool:
        """Whether the single window is the map itself: global pooling."""
        return self.window.kernel == self.input.map[:2] and not self.window.padded \
            and self.window.dilation == (1, 1)

    def _shape(self) -> tuple[int, ...]:
        height, width, channels = self.input.map
        oh, ow = self.window.out_size(height, width)
        return self.input.like_map(oh, ow, channels)

    def reduced_type(self) -> TensorType:
        """Type of what the taps of each window become, before anything that follows."""
        return self.out_type()

    @property
    def sum_element(self) -> Int:
        """Range of the sums of windows; pixels outside the map count as 0."""
        element, taps = self.input.element, self.window.taps
        low, high = element.lo * taps, element.hi * taps
        return Int(min(low, 0), max(high, 0)) if self.window.padded else Int(low, high)

    def window_sums(self, x: np.ndarray) -> np.ndarray:
        """Sum the taps of each window: ``[n, *input.shape]`` -> ``[n, *out.shape]``."""
        return self._windows(x, 0).sum(axis=2).reshape(len(x), *self._shape())

    def _windows(self, x: np.ndarray, fill: np.ndarray | int) -> np.ndarray:
        """Cut windows: ``[n, *input.shape]`` -> ``[n, OH * OW, taps, C]``."""
        windows = self.window.gather(x.reshape(len(x), *self.input.map), fill)
        n, oh, ow, kh, kw, channels = windows.shape
        return windows.reshape(n, oh * ow, kh * kw, channels)

    @property
    def gathered_elements(self) -> int:
        height, width, channels = self.input.map
        rows, columns = self.window.out_size(height, width)
        return rows * columns * self.window.taps * channels

    def params(self) -> dict[str, object]:
        return {"window": self.window.to_json()}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**params, "window": Window.from_json(params["window"])}

    @staticmethod
    def build_pool_window(item: PoolItem, at: LayerContext) -> Window:
        """Build the window of an item, after checks of the sizes that it leads to."""
        size = item.size or at.type.map[:2]
        window = build_window(item, size, item.stride or size, at)
        height, width, channels = at.type.map
        at.check_size("outputs", *window.out_size(height, width), channels)
        at.check_size("taps of all windows", *window.out_size(height, width), window.taps)
        return window

    def describe_pool(self) -> dict[str, object]:
        """Describe the window as an item of this kind."""
        return {self.kind: describe_pair(self.window.kernel, self.input),
                **describe_window(self.window, self.input, self.window.kernel)}

    def hardware_windows(self) -> str:
        """Say in a few words what is pooled."""
        return "the entire map" if self.covers_map else window_words(self.window)
