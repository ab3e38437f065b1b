"""Space to depth (pixel unshuffle): a block of pixels becomes the channels of one pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Factors
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.layers.pixel_shuffle import PixelShuffle, PixelShuffleItem

__all__ = ["SpaceToDepth", "SpaceToDepthItem"]


class SpaceToDepthItem(PixelShuffleItem):
    """``space_to_depth: FACTOR``: FACTOR rows and columns of pixels become one pixel."""

    kind = "space_to_depth"
    needs = "its factor, such as 'space_to_depth: 2'"

    space_to_depth: Factors


@register
@dataclass(frozen=True, eq=False)
class SpaceToDepth(PixelShuffle):
    """``[H * rows, W * columns, C]`` becomes ``[H, W, rows * columns * C]``."""

    kind: ClassVar[str] = "space_to_depth"
    items = (SpaceToDepthItem,)

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width, _ = self.input.map
        if height % self.factors[0] or width % self.factors[1]:
            raise self.error(f"a map of {height}x{width} pixels does not divide into blocks of "
                             f"{self.factors[0]}x{self.factors[1]}")

    @property
    def small_channels(self) -> int:
        return self.input.channels

    @property
    def wires(self) -> tuple[int, ...]:
        return tuple(int(c) for c in np.argsort(self.pixel_order()))

    def out_type(self) -> TensorType:
        height, width, channels = self.input.map
        rows, columns = self.factors
        return TensorType(self.input.like_map(height // rows, width // columns,
                                              channels * self.block), self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        (height, width, channels), (rows, columns) = self.input.map, self.factors
        blocks = x[0].reshape(-1, height // rows, rows, width // columns, columns, channels)
        deep = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(*x[0].shape[:1], -1,
                                                          self.block * channels)
        return deep[..., list(self.wires)].reshape(len(x[0]), *self.out_type().shape)

    @classmethod
    def build(cls, item: SpaceToDepthItem, at: LayerContext, arrays: Arrays) -> Built:
        factors = cls.build_factors(item, at)
        height, width, _ = at.type.map
        if height % factors[0] or width % factors[1]:
            raise at.error(f"the {height}x{width} pixels of '{at.source}' do not divide into "
                           f"blocks of {factors[0]}x{factors[1]}",
                           "crop or pad the map, or choose another factor")
        return cls(at.name, at.source, at.type, factors, item.order), None

    def hardware(self, reduced: Layer) -> str:
        return f"each {self.hardware_block()} as one pixel"
