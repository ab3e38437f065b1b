"""Nearest-neighbour upsampling: every pixel is repeated in rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Factors
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json
from bnnhw.layers.building.descriptions import describe_pair
from bnnhw.layers.building.windows import rows_and_columns

__all__ = ["Upsample", "UpsampleItem"]


class UpsampleItem(LayerItem):
    """``upsample: FACTOR``: every pixel is repeated ``FACTOR`` times in rows and columns."""

    kind = "upsample"
    needs = "its factor, such as 'upsample: 2'"

    upsample: Factors


@register
@dataclass(frozen=True, eq=False)
class Upsample(Layer):
    """Nearest neighbour: every pixel becomes ``factors`` rows and columns of itself.

    Parameters
    ----------
    factors : (int, int)
        Repetitions in rows and in columns; a signal has one column.
    """

    factors: tuple[int, int] = (2, 2)

    kind: ClassVar[str] = "upsample"
    items = (UpsampleItem,)

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3) or min(self.factors) < 1:
            raise self.error(f"needs a map or a signal and positive factors, not {self.input} "
                             f"and {self.factors}")
        if len(self.input.shape) == 2 and self.factors[1] != 1:
            raise self.error("a signal has no columns to repeat")

    def out_type(self) -> TensorType:
        height, width, channels = self.input.map
        shape = self.input.like_map(height * self.factors[0], width * self.factors[1], channels)
        return TensorType(shape, self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        maps = x[0].reshape(len(x[0]), *self.input.map)
        wide = maps.repeat(self.factors[0], axis=1).repeat(self.factors[1], axis=2)
        return wide.reshape(len(x[0]), *self.out_type().shape)

    def after_thresholds(self, falling: np.ndarray) -> Layer:
        return self

    def params(self) -> dict[str, object]:
        return {"factors": list(self.factors)}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        rows, columns = (int(f) for f in params["factors"])
        return {**params, "factors": (rows, columns)}

    @classmethod
    def build(cls, item: UpsampleItem, at: LayerContext, arrays: Arrays) -> Built:
        rows, columns = rows_and_columns(item.upsample, at)
        at.check_size("outputs", at.type.size, rows, columns)
        return cls(at.name, at.source, at.type, (rows, columns)), None

    def describe(self) -> Described:
        return {"upsample": describe_pair(self.factors, self.input)}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"each pixel {self.factors[0]}x{self.factors[1]} times"
