"""Addition: the elementwise sum of two tensors, such as a shortcut connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Limits, Source
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Join, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json
from bnnhw.layers.saturation import check_limits, parse_limits, saturate, saturated_range

__all__ = ["Add", "AddItem"]


class AddItem(LayerItem):
    """``add: LAYER``: the sum with another layer, saturating at ``limits``."""

    kind = "add"
    needs = "the name of a layer"

    add: Source
    limits: Limits | None = None

    @property
    def others(self) -> tuple[str, ...]:
        return (self.add,)


@register
@dataclass(frozen=True, eq=False)
class Add(Join):
    """``y = clip(a + b, lo, hi)``, elementwise on integers of the same shape.

    Parameters
    ----------
    limits : (int, int) or None
        Where the sum saturates; None where it never does.
    """

    limits: tuple[int, int] | None = None

    kind: ClassVar[str] = "add"
    items = (AddItem,)

    def __post_init__(self) -> None:
        if self.input.shape != self.second_input.shape:
            raise self.error(f"'{self.source}' gives {self.input} and '{self.second}' "
                             f"{self.second_input}, expected equal shapes")
        for element in (self.input.element, self.second_input.element):
            if element.bipolar:
                raise self.error("adds bits that mean -1/+1",
                                 "put an affine layer of scale 2 and offset -1 before it")
        check_limits(self, self.limits)

    def out_type(self) -> TensorType:
        a, b = self.input.element, self.second_input.element
        return TensorType(self.input.shape,
                          saturated_range(a.lo + b.lo, a.hi + b.hi, self.limits))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return saturate(x[0] + x[1], self.limits)

    def params(self) -> dict[str, object]:
        return {**super().params(), "limits": self.limits and list(self.limits)}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**params, "limits": parse_limits(params)}

    @classmethod
    def build(cls, item: AddItem, at: LayerContext, arrays: Arrays) -> Built:
        assert at.second_type is not None
        return cls(at.name, at.source, at.type, at.second, at.second_type, item.limits), None

    def describe(self) -> Described:
        limits = {} if self.limits is None else {"limits": list(self.limits)}
        return {"add": self.second, **limits}, {}

    def hardware(self, reduced: Layer) -> str:
        limits = "" if self.limits is None else \
            f", saturating at {self.limits[0]}..{self.limits[1]}"
        return f"sum with '{self.second}'{limits}"
