"""Flattening: a map or a signal becomes one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType

__all__ = ["Flatten", "FlattenItem"]


class FlattenItem(LayerItem):
    """``flatten``: a map or a signal as one vector, channel fastest."""

    kind = "flatten"

    flatten: Literal[True] = True


@register
@dataclass(frozen=True, eq=False)
class Flatten(Layer):
    """A map or a signal as one vector, in the order of the stream: the channel is fastest."""

    kind: ClassVar[str] = "flatten"
    items = (FlattenItem,)

    def out_type(self) -> TensorType:
        return TensorType((self.input.size,), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].reshape(len(x[0]), -1)

    def after_thresholds(self, falling: np.ndarray) -> Layer | None:
        # The pixels of a map may have different thresholds after this layer, but not before it.
        return self if self.input.size == self.input.channels else None

    @classmethod
    def build(cls, item: FlattenItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type), None

    def describe(self) -> Described:
        return {"flatten": True}, {}

    def hardware(self, reduced: Layer) -> str:
        return "the same stream, read as one vector"
