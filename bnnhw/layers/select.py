"""Channel selection: channels in another order, some of them, or some twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import TensorType

__all__ = ["Select"]


@register
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
