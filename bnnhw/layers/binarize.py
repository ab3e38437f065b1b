"""Binarisation: integers become bits at one threshold, such as the pixels of a network's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.config.names import PIXELS
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, PackedBits, PackedStep, register
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["Binarize", "BinarizeItem"]


class BinarizeItem(LayerItem):
    """``binarize: VALUE``, bit = [x >= VALUE]; at the input write ``threshold`` there."""

    kind = "binarize"
    needs = "its threshold, such as 'binarize: 128'"

    binarize: int
    unipolar: bool = False


@register
@dataclass(frozen=True, eq=False)
class Binarize(Layer):
    """``bit = [x >= threshold]``, elementwise.

    Parameters
    ----------
    threshold : int
        ``lo`` to ``hi + 1`` of the input's range; the ends give constant bits.
    unipolar : bool
        What the bits mean to the next layer (see ``Bits``).
    """

    threshold: int
    unipolar: bool = False

    kind: ClassVar[str] = "binarize"
    items = (BinarizeItem,)

    def __post_init__(self) -> None:
        element = self.input.element
        if not isinstance(element, Int):
            raise self.error("reads bits, which need no threshold", "remove the layer")
        if not element.lo <= self.threshold <= element.hi + 1:
            raise self.error(f"threshold {self.threshold} must be {element.lo}..{element.hi + 1}")

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, Bits(unipolar=self.unipolar))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return (x[0] >= self.threshold).astype(np.int64)

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        return lambda x: bits.pack((x >= self.threshold).reshape(len(x), -1))

    def params(self) -> dict[str, object]:
        return {"threshold": self.threshold, "unipolar": self.unipolar}

    @classmethod
    def build(cls, item: BinarizeItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type, item.binarize, item.unipolar), None

    def describe(self) -> Described:
        unipolar = {"unipolar": True} if self.unipolar else {}
        return {"binarize": self.threshold, **unipolar}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"bit = [{'pixel' if self.name == PIXELS else 'x'} >= {self.threshold}]"
