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
    """``argmax``: the label."""

    kind = "argmax"

    argmax: Literal[True] = True

    @classmethod
    def default_name(cls, position: int) -> str:
        return "label"


@register
@dataclass(frozen=True, eq=False)
class ArgMax(Layer):
    """``label = min{k : x_k = max x}``, as numpy decides ties; the output has shape ``()``."""

    kind: ClassVar[str] = "argmax"
    items = (ArgMaxItem,)
    follows_scores = True

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits) or len(self.input.shape) != 1:
            raise self.error(f"needs a vector of scores, not {self.input}",
                             "give the layer before it 'output: scores'")

    def out_type(self) -> TensorType:
        return TensorType((), Int(0, self.input.shape[0] - 1))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return x[0].argmax(axis=1)

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        return self.compute

    @classmethod
    def build(cls, item: ArgMaxItem, at: LayerContext, arrays: Arrays) -> Built:
        return cls(at.name, at.source, at.type), None

    def describe(self) -> Described:
        return {"argmax": True}, {}

    def hardware(self, reduced: Layer) -> str:
        return "label, the lowest index on a tie"

    def output_name(self) -> str:
        return "label"
