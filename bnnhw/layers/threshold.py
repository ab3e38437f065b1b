"""Thresholds: integers become bits or levels, by thresholds of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import SignItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import Int, TensorType
from bnnhw.layers.building.descriptions import describe_levels
from bnnhw.layers.building.signs import Reach, fold_signs
from bnnhw.layers.building.weights import given_thresholds
from bnnhw.layers.levels import check_thresholds, count_passed, level_type

__all__ = ["Threshold", "ThresholdItem"]


class ThresholdItem(SignItem):
    """``threshold``: integers to bits or levels at thresholds of each channel."""

    kind = "threshold"

    threshold: Literal[True] = True


@register
@dataclass(frozen=True, eq=False)
class Threshold(Layer):
    """``out = #{j : x >= T_j}``, or ``J - #{j : x >= T_j}`` on falling channels.

    Thresholds of the sums of a dense layer or a convolution belong to that layer; this kind is for
    integers from any other layer.

    Parameters
    ----------
    thresholds : int64 [C, J]
        Ascending along J; bits for J = 1, integers 0..J for more.
    falling : uint8 [C]
        1: the output falls while the input rises (a batch-norm of negative scale).
    unipolar : bool
        What the output bits mean to the next layer (see ``Bits``).
    """

    thresholds: np.ndarray
    falling: np.ndarray
    unipolar: bool = False

    kind: ClassVar[str] = "threshold"
    items = (ThresholdItem,)

    def __post_init__(self) -> None:
        t = self.thresholds
        if not isinstance(self.input.element, Int) or not self.input.shape:
            raise self.error(f"reads {self.input}, expected integers")
        check_thresholds(self, t, self.input.channels)
        object.__setattr__(self, "falling", self.falling.astype(np.uint8))
        if self.falling.shape != (t.shape[0],) or self.falling.max() > 1:
            raise self.error("'falling' must be 0 or 1 for each channel")

    @property
    def levels(self) -> int:
        """Thresholds per channel."""
        return int(self.thresholds.shape[1])

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, level_type(self.thresholds, self.unipolar))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        passed = count_passed(x[0], self.thresholds)
        return np.where(self.falling, self.levels - passed, passed)

    def params(self) -> dict[str, object]:
        return {"unipolar": self.unipolar}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"thresholds": self.thresholds, "falling": self.falling}

    @classmethod
    def build(cls, item: ThresholdItem, at: LayerContext, arrays: Arrays) -> Built:
        channels, levels, element = at.type.channels, item.levels, at.type.element
        at.check_size("thresholds", channels, levels)
        if not isinstance(element, Int):
            raise at.error(f"thresholds bits: '{at.source}' gives {at.type}, expected integers",
                           "the layer before it needs 'sums: true' or 'levels', or remove this one")
        low = np.full(channels, element.lo, np.int64)
        values = Reach(low, 1, element.hi - element.lo + 1)
        thresholds = given_thresholds(item, at, arrays, values.low, values.high,
                                      (element.hi - element.lo) / 16)
        falling, certificate = np.zeros(channels, np.uint8), None
        if thresholds is None:
            fold, certificate = fold_signs(item, at.name, values, arrays)
            falling = fold.complemented.astype(np.uint8)
            points = np.where(falling, values.points - fold.thresholds, fold.thresholds)
            thresholds = (low + points)[:, None]
        elif f"{at.name}.falling" in arrays:
            falling = arrays.bits(f"{at.name}.falling", (channels,))
        return cls(at.name, at.source, at.type, thresholds, falling, item.unipolar), certificate

    def describe(self) -> Described:
        levels, thresholds = describe_levels(self.thresholds)
        arrays = {"thresholds": thresholds}
        if self.falling.any():
            arrays["falling"] = self.falling
        unipolar = {"unipolar": True} if self.unipolar else {}
        return {"threshold": True, **levels, **unipolar}, arrays

    def hardware(self, reduced: Layer) -> str:
        each = f" x {self.levels}" if self.levels > 1 else ""
        falling = int(self.falling.sum())
        return f"{len(self.thresholds)}{each} integer thresholds" + (
            f", {falling} channels falling" if falling else "")
