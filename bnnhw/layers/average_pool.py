"""Average pooling with the rounding of the framework: the sum of each window, then a division."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import PoolSize
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.json_types import Json
from bnnhw.layers.division import Division, DivisionKeys, Divisor
from bnnhw.layers.pool import Pool, PoolItem

__all__ = ["AveragePool", "AveragePoolItem"]


class AveragePoolItem(PoolItem, DivisionKeys):
    """``average_pool: WINDOW`` or ``global``: the sum of each window, divided and rounded."""

    kind = "average_pool"
    needs = "its window, such as 'average_pool: 2', or 'average_pool: global'"

    average_pool: PoolSize
    divisor: Divisor | None = None


@register
@dataclass(frozen=True, eq=False)
class AveragePool(Pool):
    """``y = clip(round(sum / divisor))`` for each window and channel.

    Pixels outside the map count as 0, and the divisor is the same at the border, as with the
    ``count_include_pad`` of PyTorch and ONNX. QONNX's ``QuantAvgPool2d`` and Brevitas'
    ``TruncAvgPool2d`` divide the sum by a power of two and round down.

    Parameters
    ----------
    division : Division
    """

    division: Division = field(default_factory=lambda: Division(1))

    kind: ClassVar[str] = "average_pool"
    items = (AveragePoolItem,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input.element.bipolar:
            raise self.error("averages bits that mean -1/+1",
                             "use 'sum_pool', or put an affine layer of scale 2 and offset -1 "
                             "before it")
        sums = self.sum_element
        self.division.check(self, sums.lo, sums.hi)

    def reduced_type(self) -> TensorType:
        return TensorType(self._shape(), self.sum_element)

    def out_type(self) -> TensorType:
        sums = self.sum_element
        return TensorType(self._shape(), self.division.range_of(sums.lo, sums.hi))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self.division.compute(self.window_sums(x[0]))

    def params(self) -> dict[str, object]:
        return {**super().params(), **self.division.to_json()}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return Division.parse(super().parse(params))

    @classmethod
    def build(cls, item: AveragePoolItem, at: LayerContext, arrays: Arrays) -> Built:
        window = cls.build_pool_window(item, at)
        return cls(at.name, at.source, at.type, window,
                   Division(item.divisor or window.taps, item.rounding, item.limits)), None

    def describe(self) -> Described:
        divisor = {} if self.division.divisor == self.window.taps else \
            {"divisor": self.division.divisor}
        return {**self.describe_pool(), **divisor, **self.division.describe()}, {}

    def hardware(self, reduced: Layer) -> str:
        return f"sums over {self.hardware_windows()}, {self.division.words()}"
