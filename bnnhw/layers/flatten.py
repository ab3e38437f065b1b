"""Flattening of a map or a signal to one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import TensorType

__all__ = ["Flatten"]


@register
@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """A map or a signal as one vector, in the order of the stream: channel fastest."""

    kind: ClassVar[str] = "flatten"

    def out_type(self) -> TensorType:
        return TensorType((self.input.size,), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].reshape(len(x[0]), -1)
