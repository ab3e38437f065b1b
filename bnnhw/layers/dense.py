"""Dense layers: every output is a sum of products over the entire input vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Size
from bnnhw.config.items import ProductItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, PackedBits, PackedStep, register
from bnnhw.ir.types import Bits
from bnnhw.layers.building.describe_product import describe_product
from bnnhw.layers.building.weights import build_rows
from bnnhw.layers.product import Product

__all__ = ["Dense", "DenseItem"]


class DenseItem(ProductItem):
    """``dense: OUTPUTS``, each the sum of all inputs times one row of weights."""

    kind = "dense"
    needs = "the number of outputs, such as 'dense: 64'"
    reads_vector = True

    dense: Size


@register
@dataclass(frozen=True, eq=False)
class Dense(Product):
    """A sum of products over the entire vector, for each output (see ``Product``)."""

    kind: ClassVar[str] = "dense"
    items = (DenseItem,)

    def __post_init__(self) -> None:
        if len(self.input.shape) != 1:
            raise self.error(f"reads a tensor of shape {self.input.shape}, expected a vector",
                             "put a 'flatten' layer before it")
        super().__post_init__()

    def expected_fan_in(self) -> int:
        return self.input.shape[0]

    def positions(self) -> tuple[int, ...]:
        return ()

    def vectors(self, x: np.ndarray) -> np.ndarray:
        return x[:, None, None, :]

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        if not isinstance(self.input.element, Bits) or not self.one_bit:
            return None
        weights = np.ascontiguousarray(bits.pack(self.weights[0] > 0).T)
        if self.thresholds is None:
            return lambda x: self.accumulate(
                self.coefficients[0] * (self.fan_in - bits.differing(x, weights)))
        if self.levels > 1:
            return None
        # const + c * (N - differing) >= T  <=>  differing <= N - ceil((T - const) / c)
        need = self.thresholds[:, 0] - self.const
        limits = self.fan_in + (-need // self.coefficients[0])
        return lambda x: bits.threshold(x, weights, limits)

    @classmethod
    def build(cls, item: DenseItem, at: LayerContext, arrays: Arrays) -> Built:
        if len(at.type.shape) != 1:
            raise at.error(f"a dense layer reads a vector, but '{at.source}' gives {at.type}",
                           "put 'flatten' before it")
        rows = build_rows(item, at, arrays, item.dense, (at.type.size,), False)
        return cls(at.name, at.source, at.type, rows.planes.bits, rows.coefficients, rows.const,
                   rows.thresholds, item.unipolar, scales=rows.scales,
                   mask=rows.planes.mask), rows.certificate

    def describe(self) -> Described:
        item, arrays = describe_product(self, (self.fan_in,))
        return {"dense": self.outputs, **item}, arrays
