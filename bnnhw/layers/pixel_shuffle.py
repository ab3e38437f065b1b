"""Base class of the layers that move elements between channels and pixels, block by block."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Described, Layer
from bnnhw.json_types import Json
from bnnhw.layers.building.descriptions import describe_pair
from bnnhw.layers.building.windows import rows_and_columns

__all__ = ["ORDERS", "PixelShuffle", "PixelShuffleItem"]

ORDERS = ("dcr", "crd")


class PixelShuffleItem(LayerItem):
    """What both directions share: the order of the channels."""

    order: Literal["dcr", "crd"] = "dcr"

    @property
    def factors(self) -> int | tuple[int, int]:
        """Rows and columns of a block."""
        return getattr(self, self.kind)


@dataclass(frozen=True, eq=False)
class PixelShuffle(Layer):
    """Blocks of ``factors`` pixels on one side are the channels of one pixel on the other side.

    Parameters
    ----------
    factors : (int, int)
        Rows and columns of a block; a signal has one column.
    order : str
        Channel of element ``c`` (of C) of pixel ``(y, x)`` of a block: ``dcr`` for
        ``(y * columns + x) * C + c`` (TensorFlow, and the default of ONNX), ``crd`` for
        ``(c * rows + y) * columns + x`` (PyTorch, and the mode ``CRD`` of ONNX).
    """

    factors: tuple[int, int] = (2, 2)
    order: str = "dcr"

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3) or min(self.factors) < 1:
            raise self.error(f"needs a map or a signal and positive factors, not {self.input} "
                             f"and {self.factors}")
        if len(self.input.shape) == 2 and self.factors[1] != 1:
            raise self.error("a signal has no columns for a block")
        if self.order not in ORDERS:
            raise self.error(f"has the order '{self.order}', expected {' or '.join(ORDERS)}")

    @property
    def block(self) -> int:
        """Pixels of a block."""
        return self.factors[0] * self.factors[1]

    def pixel_order(self) -> np.ndarray:
        """Channel of the deep pixel, for each pixel and channel of a block in order ``dcr``.

        int64 ``[block * small_channels]``.
        """
        index = np.arange(self.block * self.small_channels, dtype=np.int64)
        if self.order == "crd":
            index = index.reshape(self.small_channels, self.block).T.ravel()
        return index

    @property
    def reorders(self) -> bool:
        """Whether the order of the channels differs from ``dcr``."""
        return self.order == "crd" and 1 not in (self.block, self.small_channels)

    @property
    @abc.abstractmethod
    def small_channels(self) -> int:
        """Channels C of a pixel of a block."""

    @property
    @abc.abstractmethod
    def wires(self) -> tuple[int, ...]:
        """Input channel of each output channel, where wires reorder the deep pixels."""

    def params(self) -> dict[str, object]:
        return {"factors": list(self.factors), "order": self.order}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        rows, columns = (int(f) for f in params["factors"])
        return {**params, "factors": (rows, columns)}

    @staticmethod
    def build_factors(item: PixelShuffleItem, at: LayerContext) -> tuple[int, int]:
        """Rows and columns of a block of an item, which needs a map or a signal."""
        if len(at.type.shape) not in (2, 3):
            raise at.error(f"'{at.source}' gives {at.type}, expected a map [H, W, C] or a signal "
                           "[T, C]", "put it before 'flatten'")
        return rows_and_columns(item.factors, at)

    def describe(self) -> Described:
        order = {} if self.order == "dcr" else {"order": self.order}
        return {self.kind: describe_pair(self.factors, self.input), **order}, {}

    def hardware_block(self) -> str:
        """Say in a few words which block is moved."""
        return f"block of {self.factors[0]}x{self.factors[1]} pixels"
