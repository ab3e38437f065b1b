"""Nearest-neighbour upsampling: every pixel is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import TensorType

__all__ = ["Upsample"]


@register
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
