"""Concatenation of the channels of two tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.ir.layer import Join, register
from bnnhw.ir.types import Bits, Element, Int, TensorType

__all__ = ["Concat"]


@register
@dataclass(frozen=True, eq=False)
class Concat(Join):
    """The channels of the second input behind those of the first."""

    kind: ClassVar[str] = "concat"

    def __post_init__(self) -> None:
        a, b = self.input, self.second_input
        if a.shape[:-1] != b.shape[:-1] or not a.shape:
            raise self.refuse(f"'{self.source}' gives {a} and '{self.second}' {b}, expected equal "
                              "rows and columns")
        if isinstance(a.element, Bits) != isinstance(b.element, Bits) or \
                (isinstance(a.element, Bits) and a.element != b.element):
            raise self.refuse(f"joins {a} and {b}, expected elements of one kind")

    def _element(self) -> Element:
        a, b = self.input.element, self.second_input.element
        if isinstance(a, Bits):
            return a
        return Int(min(a.lo, b.lo), max(a.hi, b.hi))

    def out_type(self) -> TensorType:
        channels = self.input.channels + self.second_input.channels
        return TensorType((*self.input.shape[:-1], channels), self._element())

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.concatenate(x, axis=-1)
