"""The index of the largest score; the lowest index wins a tie, as numpy has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["ArgMax"]


@register
@dataclass(frozen=True, eq=False)
class ArgMax(Layer):
    """``label = min{k : x_k = max x}``; the output has shape ``()``."""

    kind: ClassVar[str] = "argmax"

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits) or len(self.input.shape) != 1:
            raise self.refuse(
                f"needs a vector of scores, not {self.input}",
                "give the layer before it 'output: scores'")

    def out_type(self) -> TensorType:
        return TensorType((), Int(0, self.input.shape[0] - 1))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].argmax(axis=1)
