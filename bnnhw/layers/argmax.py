"""Labels: the index of the largest score; of equal scores, the lowest index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, PackedBits, PackedStep, register
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["ArgMax", "ArgMaxItem"]


class ArgMaxItem(LayerItem):
    """``argmax``: the label, of each pixel where the scores are a map."""

    kind = "argmax"

    argmax: Literal[True] = True

    @classmethod
    def default_name(cls, position: int) -> str:
        return "label"


@register
@dataclass(frozen=True, eq=False)
class ArgMax(Layer):
    """``label = min{k : x_k = max x}`` over the channels, as numpy decides ties.

    A vector has one label, of shape ``()``. A map or a signal has a label for each pixel: its
    output has one channel.
    """

    kind: ClassVar[str] = "argmax"
    items = (ArgMaxItem,)
    follows_scores = True

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits) or not self.input.shape:
            raise self.error(f"needs scores, not {self.input}",
                             "give the layer before it 'output: scores' or 'sums: true'")

    @property
    def per_pixel(self) -> bool:
        """Whether each pixel has a label, rather than the sample."""
        return len(self.input.shape) > 1

    def out_type(self) -> TensorType:
        shape = (*self.input.shape[:-1], 1) if self.per_pixel else ()
        return TensorType(shape, Int(0, self.input.channels - 1))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0].argmax(axis=-1, keepdims=self.per_pixel))

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        return self.compute

    @classmethod
    def build(cls, item: ArgMaxItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type), None

    def describe(self) -> Described:
        return {"argmax": True}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"label{' of each pixel' if self.per_pixel else ''}, the lowest index on a tie"

    def output_name(self) -> str:
        return "label"
