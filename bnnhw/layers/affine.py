"""Affine layers: an integer scale and offset per channel, for class scores and fixed point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Limits
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, PackedBits, PackedStep, register
from bnnhw.ir.types import Bits, TensorType
from bnnhw.json_types import Json
from bnnhw.layers.monotone import thresholds_before
from bnnhw.layers.saturation import check_limits, parse_limits, saturate, saturated_range

__all__ = ["Affine", "AffineItem"]

MAX_SHIFT = 48


class AffineItem(LayerItem):
    """``affine``: integer scale and offset of each channel, a shift that rounds half up, limits.

    At the end of a network, or before its ``argmax``, its result replaces the sums before it as
    the output ``scores``.
    """

    kind = "affine"

    affine: Literal[True] = True
    shift: Annotated[int, Field(ge=0, le=MAX_SHIFT)] = 0
    limits: Limits | None = None


@register
@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """``y_c = clip((scale_c * x_c + offset_c + half) >> shift)``, ``half = 2**(shift - 1)``.

    Without a shift nothing is rounded. Bits enter as the stored 0 and 1.

    Parameters
    ----------
    scale, offset : int64 [C]
        A scale may be negative or zero.
    shift : int
        Fraction bits to remove, 0 to 48; the result is rounded half up.
    limits : (int, int) or None
        Where the result saturates; None where it never does.
    """

    scale: np.ndarray
    offset: np.ndarray
    shift: int = 0
    limits: tuple[int, int] | None = None

    kind: ClassVar[str] = "affine"
    items = (AffineItem,)
    follows_scores = True
    replaces_scores = True

    def __post_init__(self) -> None:
        if not self.input.shape:
            raise self.error(f"needs channels, not {self.input}")
        for name in ("scale", "offset"):
            if getattr(self, name).shape != (self.input.channels,):
                raise self.error(f"{name} must have shape ({self.input.channels},)")
        if not 0 <= self.shift <= MAX_SHIFT:
            raise self.error(f"shift {self.shift} must be 0..{MAX_SHIFT}")
        check_limits(self, self.limits)
        lo, hi = self.sum_range()
        if max(-lo, hi) >= 1 << 62:
            raise self.error(f"results up to {max(-lo, hi)} do not fit 63 bits")

    @property
    def half(self) -> int:
        """The number that is added before the shift, so that it rounds half up."""
        return (1 << self.shift) >> 1

    def sum_range(self) -> tuple[int, int]:
        """Lowest and highest sum before the shift, the half included."""
        element = self.input.element
        ends = [int(s) * x + int(o) + self.half
                for s, o in zip(self.scale, self.offset, strict=True)
                for x in (element.lo, element.hi)]
        return min(ends), max(ends)

    def out_type(self) -> TensorType:
        low, high = (end >> self.shift for end in self.sum_range())
        return TensorType(self.input.shape, saturated_range(low, high, self.limits))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return saturate((x[0] * self.scale + self.offset + self.half) >> self.shift, self.limits)

    def input_thresholds(self, thresholds: np.ndarray,
                         falling: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if isinstance(self.input.element, Bits):
            return None  # thresholds read integers
        return thresholds_before(self, thresholds, falling, self.scale < 0)

    def packed_step(self, bits: PackedBits) -> PackedStep | None:
        return None if isinstance(self.input.element, Bits) else self.compute

    def params(self) -> dict[str, object]:
        limits = {} if self.limits is None else {"limits": list(self.limits)}
        return {"shift": self.shift, **limits}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**params, "limits": parse_limits(params)}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"scale": self.scale, "offset": self.offset}

    @classmethod
    def build(cls, item: AffineItem, at: LayerContext, arrays: Arrays) -> Built:
        scale, offset = (arrays.integers(f"{at.name}.{key}", (at.type.channels,))
                         for key in ("scale", "offset"))
        return cls(at.name, at.source, at.type, scale, offset, item.shift, item.limits), None

    def describe(self) -> Described:
        item: dict[str, Any] = {"affine": True}
        if self.shift:
            item["shift"] = self.shift
        if self.limits is not None:
            item["limits"] = list(self.limits)
        return item, {"scale": self.scale, "offset": self.offset}

    def hardware(self, reduced: Layer) -> str:
        if self.shift:
            return ("integer scale and offset of each channel, "
                    f"{self.shift} fraction bits rounded half up")
        of = "score" if len(self.input.shape) == 1 else "channel"
        return f"integer scale and offset of each {of}"
