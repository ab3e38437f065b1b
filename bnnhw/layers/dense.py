"""The dense layer: XNOR, popcount, and a threshold for each output channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import register
from bnnhw.layers.product import Product

__all__ = ["Dense"]


@register
@dataclass(frozen=True, eq=False)
class Dense(Product):
    """A sum of products over a whole vector, for each output (see ``Product``)."""

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        if len(self.input.shape) != 1:
            raise self.refuse(f"reads a tensor of shape {self.input.shape}", "flatten it first")
        super().__post_init__()

    def expected_fan_in(self) -> int:
        return self.input.shape[0]

    def positions(self) -> tuple[int, ...]:
        return ()

    def vectors(self, x: np.ndarray) -> np.ndarray:
        return x[:, None, None, :]
