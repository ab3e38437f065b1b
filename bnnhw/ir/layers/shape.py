"""Layers that move elements and compute nothing: flatten, upsample, choice of channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layers.base import Layer
from bnnhw.ir.types import TensorType

__all__ = ["Flatten", "Select", "Upsample"]


@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """A map or a signal as one vector, in the order of the stream: channel fastest."""

    kind: ClassVar[str] = "flatten"

    def out_type(self) -> TensorType:
        return TensorType((self.input.size,), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].reshape(len(x[0]), -1)


@dataclass(frozen=True, eq=False)
class Upsample(Layer):
    """Nearest neighbour: every pixel becomes ``factors`` rows and columns of itself."""

    factors: tuple[int, int] = (2, 2)

    kind: ClassVar[str] = "upsample"

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3) or min(self.factors) < 1:
            raise self.refuse(f"needs a map or a signal and positive factors, not {self.input} "
                              f"and {self.factors}")
        if len(self.input.shape) == 2 and self.factors[1] != 1:
            raise self.refuse("a signal has no columns to repeat")

    def out_type(self) -> TensorType:
        height, width, channels = self.input.map
        shape = self.input.like_map(height * self.factors[0], width * self.factors[1], channels)
        return TensorType(shape, self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        maps = x[0].reshape(len(x[0]), *self.input.map)
        wide = maps.repeat(self.factors[0], axis=1).repeat(self.factors[1], axis=2)
        return wide.reshape(len(x[0]), *self.out_type().shape)

    def params(self) -> dict[str, Any]:
        return {"factors": list(self.factors)}

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        rows, columns = (int(f) for f in params["factors"])
        return {**params, "factors": (rows, columns)}


@dataclass(frozen=True, eq=False)
class Select(Layer):
    """Channels in another order, some of them, or some twice: ``out[c] = x[channels[c]]``."""

    channels: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    kind: ClassVar[str] = "select"

    def __post_init__(self) -> None:
        c = self.channels
        if not self.input.shape:
            raise self.refuse("reads a single number, which has no channels")
        if c.ndim != 1 or not c.size or c.min() < 0 or c.max() >= self.input.channels:
            raise self.refuse(f"channels must be a list of 0..{self.input.channels - 1}")

    def out_type(self) -> TensorType:
        return TensorType((*self.input.shape[:-1], len(self.channels)), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0][..., self.channels]

    def arrays(self) -> dict[str, np.ndarray]:
        return {"channels": self.channels}
