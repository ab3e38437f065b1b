"""Multiplication: a map times another, or times one number per channel (squeeze-and-excite)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Source
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Join, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json
from bnnhw.layers.division import Division, DivisionKeys, Divisor

__all__ = ["Multiply", "MultiplyItem"]


class MultiplyItem(LayerItem, DivisionKeys):
    """``multiply: LAYER``: the product with another layer, divided and rounded."""

    kind = "multiply"
    needs = "the name of a layer"

    multiply: Source
    divisor: Divisor = 1

    @property
    def others(self) -> tuple[str, ...]:
        return (self.multiply,)


@register
@dataclass(frozen=True, eq=False)
class Multiply(Join):
    """``y = clip(round(a * b / divisor))``, elementwise.

    The inputs have equal shapes, or one of them is one pixel of the channels of the other, a
    factor for each channel: ``[C]``, ``[1, C]`` or ``[1, 1, C]``.

    Parameters
    ----------
    division : Division
    """

    division: Division = field(default_factory=lambda: Division(1))

    kind: ClassVar[str] = "multiply"
    items = (MultiplyItem,)

    def __post_init__(self) -> None:
        a, b = self.inputs
        if not a.shape or not b.shape or a.channels != b.channels or \
                (a.shape != b.shape and a.channels not in (a.size, b.size)):
            raise self.error(f"'{self.source}' gives {a} and '{self.second}' {b}, expected equal "
                             "shapes, or one number for each channel of a map")
        for element in (a.element, b.element):
            if element.bipolar:
                raise self.error("multiplies bits that mean -1/+1",
                                 "put an affine layer of scale 2 and offset -1 before it")
        self.division.check(self, *self.product_range())

    def product_range(self) -> tuple[int, int]:
        """Smallest and largest product."""
        a, b = (type_.element for type_ in self.inputs)
        corners = [x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)]
        return min(corners), max(corners)

    @property
    def map_type(self) -> TensorType:
        """The input whose shape the output has."""
        a, b = self.inputs
        return a if (a.size, len(a.shape)) >= (b.size, len(b.shape)) else b

    def out_type(self) -> TensorType:
        return TensorType(self.map_type.shape, self.division.range_of(*self.product_range()))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        a, b = (value.reshape(len(value), -1, type_.channels)
                for value, type_ in zip(x, self.inputs, strict=True))
        return self.division.compute(a * b).reshape(len(a), *self.map_type.shape)

    def params(self) -> dict[str, object]:
        return {**super().params(), **self.division.to_json()}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return Division.parse(params)

    @classmethod
    def build(cls, item: MultiplyItem, at: LayerContext, arrays: Arrays) -> Built:
        assert at.second_type is not None
        return cls(at.name, at.source, at.type, at.second, at.second_type,
                   Division(item.divisor, item.rounding, item.limits)), None

    def describe(self) -> Described:
        item: dict[str, Any] = {"multiply": self.second}
        if self.division.divisor != 1:
            item["divisor"] = self.division.divisor
        return {**item, **self.division.describe()}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"product with '{self.second}', {self.division.words()}"
