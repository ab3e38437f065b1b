"""Concatenation: the channels of a second tensor follow those of the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Source
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Join, Layer, register
from bnnhw.ir.types import Bits, Element, Int, TensorType

__all__ = ["Concat", "ConcatItem"]


class ConcatItem(LayerItem):
    """``concat: LAYER``: the channels of another layer after those of this one's source."""

    kind = "concat"
    needs = "the name of a layer"

    concat: Source

    @property
    def others(self) -> tuple[str, ...]:
        return (self.concat,)


@register
@dataclass(frozen=True, eq=False)
class Concat(Join):
    """The channels of the first input, then those of the second.

    Numbers of different ranges become numbers of the range that contains both; bits of 0/1 are
    numbers, too.
    """

    kind: ClassVar[str] = "concat"
    items = (ConcatItem,)

    def __post_init__(self) -> None:
        a, b = self.input, self.second_input
        if a.shape[:-1] != b.shape[:-1] or not a.shape:
            raise self.error(f"'{self.source}' gives {a} and '{self.second}' {b}, expected equal "
                             "rows and columns")
        if a.element != b.element and (a.element.bipolar or b.element.bipolar):
            raise self.error(f"joins {a} and {b}, expected elements of one kind",
                             "put an affine layer of scale 2 and offset -1 after bits that mean "
                             "-1/+1")

    def _element(self) -> Element:
        a, b = self.input.element, self.second_input.element
        if isinstance(a, Bits) and isinstance(b, Bits):
            return a
        return Int(min(a.lo, b.lo), max(a.hi, b.hi))

    def out_type(self) -> TensorType:
        channels = self.input.channels + self.second_input.channels
        return TensorType((*self.input.shape[:-1], channels), self._element())

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.concatenate(x, axis=-1)

    @classmethod
    def build(cls, item: ConcatItem, at: LayerContext, arrays: Arrays) -> Built:
        assert at.second_type is not None
        at.check_size("outputs", at.type.size + at.second_type.size)
        return cls(at.name, at.source, at.type, at.second, at.second_type), None

    def describe(self) -> Described:
        return {"concat": self.second}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"channels of '{self.second}' after those of '{self.source}'"
