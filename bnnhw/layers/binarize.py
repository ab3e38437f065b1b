"""Integers to bits at a threshold: the front of a network that takes pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layer import Layer, register
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["Binarize"]


@register
@dataclass(frozen=True, eq=False)
class Binarize(Layer):
    """``bit = [x >= threshold]``, elementwise.

    Parameters
    ----------
    threshold : int
        ``lo`` to ``hi + 1`` of the input's range; the ends give constant bits.
    unipolar : bool
        What the bits mean to the layer behind (see ``Bits``).
    """

    threshold: int
    unipolar: bool = False

    kind: ClassVar[str] = "binarize"

    def __post_init__(self) -> None:
        element = self.input.element
        if not isinstance(element, Int):
            raise self.refuse("reads bits, which need no threshold", "remove the layer")
        if not element.lo <= self.threshold <= element.hi + 1:
            raise self.refuse(f"threshold {self.threshold} must be {element.lo}..{element.hi + 1}")

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, Bits(unipolar=self.unipolar))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return (x[0] >= self.threshold).astype(np.int64)

    def params(self) -> dict[str, Any]:
        return {"threshold": self.threshold, "unipolar": self.unipolar}
