"""Depth to space (pixel shuffle): the channels of a pixel become a block of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Factors
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Layer, register
from bnnhw.ir.types import TensorType
from bnnhw.layers.pixel_shuffle import PixelShuffle, PixelShuffleItem

__all__ = ["DepthToSpace", "DepthToSpaceItem"]


class DepthToSpaceItem(PixelShuffleItem):
    """``depth_to_space: FACTOR``: each pixel becomes FACTOR rows and columns of pixels."""

    kind = "depth_to_space"
    needs = "its factor, such as 'depth_to_space: 2'"

    depth_to_space: Factors


@register
@dataclass(frozen=True, eq=False)
class DepthToSpace(PixelShuffle):
    """``[H, W, rows * columns * C]`` becomes ``[H * rows, W * columns, C]``."""

    kind: ClassVar[str] = "depth_to_space"
    items = (DepthToSpaceItem,)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.input.channels % self.block:
            raise self.error(f"{self.input.channels} channels do not divide into the "
                             f"{self.block} pixels of a block")

    @property
    def small_channels(self) -> int:
        return self.input.channels // self.block

    @property
    def wires(self) -> tuple[int, ...]:
        return tuple(int(c) for c in self.pixel_order())

    def out_type(self) -> TensorType:
        height, width, _ = self.input.map
        rows, columns = self.factors
        return TensorType(self.input.like_map(height * rows, width * columns, self.small_channels),
                          self.input.element)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        (height, width, _), (rows, columns) = self.input.map, self.factors
        blocks = x[0].reshape(len(x[0]), height, width, -1)[..., self.pixel_order()]
        blocks = blocks.reshape(-1, height, width, rows, columns, self.small_channels)
        return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(len(x[0]), *self.out_type().shape)

    @classmethod
    def build(cls, item: DepthToSpaceItem, at: LayerContext, arrays: Arrays) -> Built:
        factors = cls.build_factors(item, at)
        if at.type.channels % math.prod(factors):
            raise at.error(f"the {at.type.channels} channels of '{at.source}' do not divide into "
                           f"blocks of {factors[0]}x{factors[1]} pixels",
                           f"use a multiple of {math.prod(factors)} channels")
        return cls(at.name, at.source, at.type, factors, item.order), None

    def hardware(self, reduced: Layer) -> str:
        return f"each pixel as a {self.hardware_block()}"
