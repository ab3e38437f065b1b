"""Channel selection: reorders, repeats or drops channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays, RandomArrays
from bnnhw.config.fields import Channels
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.layers.building.descriptions import smallest_integers

__all__ = ["Select", "SelectItem"]

LISTED_CHANNELS = 16
"""Channels that a saved item lists; more of them are stored as an array."""


class SelectItem(LayerItem):
    """``select: [CHANNEL, ...]``: channels in another order, some of them, or some twice."""

    kind = "select"

    select: Channels


@register
@dataclass(frozen=True, eq=False)
class Select(Layer):
    """``out[c] = x[channels[c]]``.

    Parameters
    ----------
    channels : int64 [outputs]
        Index of an input channel for each output channel.
    """

    channels: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    kind: ClassVar[str] = "select"
    items = (SelectItem,)

    def __post_init__(self) -> None:
        c = self.channels
        if not self.input.shape:
            raise self.error("reads a single number, which has no channels")
        if c.ndim != 1 or not c.size or c.min() < 0 or c.max() >= self.input.channels:
            raise self.error(f"channels must be a list of 0..{self.input.channels - 1}")

    def out_type(self) -> TensorType:
        return TensorType((*self.input.shape[:-1], len(self.channels)), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0][..., self.channels]

    @property
    def wires(self) -> tuple[int, ...]:
        """Input channel of each output channel, as wires connect them."""
        return tuple(int(c) for c in self.channels)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"channels": self.channels}

    @classmethod
    def build(cls, item: SelectItem, at: LayerContext, arrays: Arrays) -> Built:
        key = f"{at.name}.channels"
        pixels = at.type.size // at.type.channels
        if item.select is not True:
            channels = np.array(item.select, dtype=np.int64)
        elif isinstance(arrays, RandomArrays):
            channels = arrays.order(at.type.channels)
        else:
            shape = arrays.shape(key)
            if len(shape) != 1:
                raise at.error(f"array '{key}' has shape {shape}, expected a list of channels")
            at.check_size("outputs", pixels, *shape)
            channels = arrays.integers(key, shape)
        at.check_size("outputs", pixels, len(channels))
        return cls(at.name, at.source, at.type, channels), None

    def describe(self) -> Described:
        if len(self.channels) <= LISTED_CHANNELS:
            return {"select": self.channels.tolist()}, {}
        return {"select": True}, {"channels": smallest_integers(self.channels)}

    def hardware(self, reduced: Layer) -> str:
        return f"{len(self.channels)} of {self.input.channels} channels, wired"
