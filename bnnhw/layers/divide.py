"""Division of every integer by one constant: the truncation of a quantised network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json
from bnnhw.layers.division import Division, DivisionKeys, Divisor

__all__ = ["Divide", "DivideItem"]


class DivideItem(LayerItem, DivisionKeys):
    """``divide: D``: every integer divided by D, rounded by ``rounding``."""

    kind = "divide"
    needs = "the divisor, such as 'divide: 16'"

    divide: Divisor


@register
@dataclass(frozen=True, eq=False)
class Divide(Layer):
    """``y = clip(round(x / divisor))``. A divisor of ``2**k`` removes k bits.

    Parameters
    ----------
    division : Division
    """

    division: Division

    kind: ClassVar[str] = "divide"
    items = (DivideItem,)

    def __post_init__(self) -> None:
        element = self.input.element
        if element.bipolar:
            raise self.error("divides bits that mean -1/+1",
                             "put an affine layer of scale 2 and offset -1 before it")
        self.division.check(self, element.lo, element.hi)

    def out_type(self) -> TensorType:
        element = self.input.element
        return TensorType(self.input.shape, self.division.range_of(element.lo, element.hi))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self.division.compute(x[0])

    def params(self) -> dict[str, object]:
        return self.division.to_json()

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return Division.parse(params)

    @classmethod
    def build(cls, item: DivideItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type,
                   Division(item.divide, item.rounding, item.limits)), None

    def describe(self) -> Described:
        return {"divide": self.division.divisor, **self.division.describe()}, {}

    def hardware(self, reduced: Layer) -> str:
        return self.division.words()
