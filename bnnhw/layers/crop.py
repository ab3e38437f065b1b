"""Crop: drops rows and columns at the border of a map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import MAX_SIZE
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json

__all__ = ["Crop", "CropItem"]

Count = Annotated[int, Field(ge=0, le=MAX_SIZE)]


class CropItem(LayerItem):
    """``crop: [top, left, bottom, right]``: drops rows and columns at each side of a map."""

    kind = "crop"
    needs = "the rows and columns to drop, such as 'crop: [1, 1, 1, 1]'"

    crop: Annotated[tuple[Count, Count, Count, Count], Field(strict=False)]


@register
@dataclass(frozen=True, eq=False)
class Crop(Layer):
    """The map without some rows and columns at its border.

    Parameters
    ----------
    sides : (int, int, int, int)
        Rows and columns to drop on top, left, bottom, right. A signal has rows only.
    """

    sides: tuple[int, int, int, int] = (0, 0, 0, 0)

    kind: ClassVar[str] = "crop"
    items = (CropItem,)

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3) or min(self.sides) < 0:
            raise self.error(f"needs a map or a signal and numbers that are not negative, not "
                             f"{self.input} and {self.sides}")
        height, width, _ = self.input.map
        if min(self._size()) < 1:
            raise self.error(f"drops {self.sides} of {height}x{width} pixels (top, left, bottom, "
                             "right), which leaves none")

    def _size(self) -> tuple[int, int]:
        height, width, _ = self.input.map
        top, left, bottom, right = self.sides
        return height - top - bottom, width - left - right

    def out_type(self) -> TensorType:
        return TensorType(self.input.like_map(*self._size(), self.input.channels),
                          self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        (rows, columns), (top, left, *_) = self._size(), self.sides
        maps = x[0].reshape(len(x[0]), *self.input.map)
        kept = maps[:, top:top + rows, left:left + columns]
        return kept.reshape(len(x[0]), *self.out_type().shape)

    def after_thresholds(self, falling: np.ndarray) -> Layer:
        return self

    def params(self) -> dict[str, object]:
        return {"sides": list(self.sides)}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**params, "sides": tuple(int(n) for n in params["sides"])}

    @classmethod
    def build(cls, item: CropItem, at: LayerContext, arrays: Arrays) -> Built:
        if len(at.type.shape) not in (2, 3):
            raise at.error(f"'{at.source}' gives {at.type}, expected a map [H, W, C] or a signal "
                           "[T, C]", "put it before 'flatten'")
        if len(at.type.shape) == 2 and (item.crop[1] or item.crop[3]):
            raise at.error("a signal has no columns to drop", "write [top, 0, bottom, 0]")
        return cls(at.name, at.source, at.type, item.crop), None

    def describe(self) -> Described:
        return {"crop": list(self.sides)}, {}

    def hardware(self, reduced: Layer) -> str:
        rows, columns = self._size()
        return f"{rows}x{columns} pixels of the map, the others dropped"
