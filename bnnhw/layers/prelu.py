"""PReLU and RPReLU in fixed point: negative integers are scaled, between two shifts of origin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Limits
from bnnhw.config.items import LayerItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.types import Bits, TensorType
from bnnhw.json_types import Json
from bnnhw.layers.affine import MAX_SHIFT
from bnnhw.layers.building.descriptions import smallest_integers
from bnnhw.layers.monotone import thresholds_before
from bnnhw.layers.saturation import check_limits, parse_limits, saturate, saturated_range

__all__ = ["PRelu", "PReluItem"]


class PReluItem(LayerItem):
    """``prelu``: scales negative integers by the slope of their channel, ``slope / 2**shift``.

    The arrays ``before`` and ``after``, which are added around it, make it an RPReLU.
    """

    kind = "prelu"

    prelu: Literal[True] = True
    shift: Annotated[int, Field(ge=0, le=MAX_SHIFT)] = 0
    limits: Limits | None = None


@register
@dataclass(frozen=True, eq=False)
class PRelu(Layer):
    """``t = x + before_c``; ``y = t`` for ``t >= 0``, else ``(slope_c * t + half) >> shift``.

    The result is ``clip(y + after_c)``, and ``half = 2**(shift - 1)``, so that the product is
    rounded half up. With ``before = -gamma`` and ``after = zeta`` this is the RPReLU of ReActNet
    (Liu et al., ECCV 2020), with 0 for both the PReLU.

    Parameters
    ----------
    slope : int64 [C]
        A slope may be negative or zero.
    before, after : int64 [C]
    shift : int
        Fraction bits of the slopes, 0 to 48.
    limits : (int, int) or None
        Where the result saturates; None where it never does.
    """

    slope: np.ndarray
    before: np.ndarray
    after: np.ndarray
    shift: int = 0
    limits: tuple[int, int] | None = None

    kind: ClassVar[str] = "prelu"
    items = (PReluItem,)

    def __post_init__(self) -> None:
        if isinstance(self.input.element, Bits) or not self.input.shape:
            raise self.error(f"reads {self.input}, expected integers",
                             "the layer before it needs 'sums: true' or 'levels', or remove this "
                             "one")
        for name in ("slope", "before", "after"):
            if getattr(self, name).shape != (self.input.channels,):
                raise self.error(f"{name} must have shape ({self.input.channels},), not "
                                 f"{getattr(self, name).shape}")
        if not 0 <= self.shift <= MAX_SHIFT:
            raise self.error(f"shift {self.shift} must be 0..{MAX_SHIFT}")
        check_limits(self, self.limits)
        largest = max(abs(end) for bounds in (*self.inner_ranges(), self.sum_range())
                      for end in bounds)
        if largest >= 1 << 62:
            raise self.error(f"results up to {largest} do not fit 63 bits")

    @property
    def half(self) -> int:
        """The number that is added before the shift, so that it rounds half up."""
        return (1 << self.shift) >> 1

    def inner_ranges(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Ranges of ``x + before``, and of the product with the half, over all channels.

        The product counts for negative ``x + before`` only; its range includes 0.
        """
        element = self.input.element
        sums = [(element.lo + int(b), element.hi + int(b)) for b in self.before]
        products = [int(slope) * t + self.half
                    for slope, (low, high) in zip(self.slope, sums, strict=True)
                    for t in (min(low, 0), min(high, 0))]
        return (min(low for low, _ in sums), max(high for _, high in sums)), \
            (min(0, *products), max(0, *products))

    def sum_range(self) -> tuple[int, int]:
        """Lowest and highest result before it saturates."""
        element = self.input.element
        results = []
        for slope, before, after in zip(self.slope, self.before, self.after, strict=True):
            low, high = element.lo + int(before), element.hi + int(before)
            # Both sides are monotone, so their extremes are at their ends.
            ends = {low, high} | {t for t in (-1, 0) if low <= t <= high}
            results += [(t if t >= 0 else int(slope) * t + self.half >> self.shift) + int(after)
                        for t in ends]
        return min(results), max(results)

    def out_type(self) -> TensorType:
        return TensorType(self.input.shape, saturated_range(*self.sum_range(), self.limits))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        t = x[0] + self.before
        negative = (self.slope * np.minimum(t, 0) + self.half) >> self.shift
        return saturate(np.where(t >= 0, t, negative) + self.after, self.limits)

    def input_thresholds(self, thresholds: np.ndarray,
                         falling: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if (self.slope < 0).any():
            return None  # falls below 0 and rises above it
        return thresholds_before(self, thresholds, falling)

    def params(self) -> dict[str, object]:
        limits = {} if self.limits is None else {"limits": list(self.limits)}
        return {"shift": self.shift, **limits}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**params, "limits": parse_limits(params)}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"slope": self.slope, "before": self.before, "after": self.after}

    @classmethod
    def build(cls, item: PReluItem, at: LayerContext, arrays: Arrays) -> Built:
        shape = (at.type.channels,)
        slope = arrays.integers(f"{at.name}.slope", shape)
        before, after = (arrays.integers(key, shape) if key in arrays else
                         np.zeros(shape, np.int64)
                         for key in (f"{at.name}.before", f"{at.name}.after"))
        return cls(at.name, at.source, at.type, slope, before, after, item.shift,
                   item.limits), None

    def describe(self) -> Described:
        item: dict[str, Any] = {"prelu": True}
        if self.shift:
            item["shift"] = self.shift
        if self.limits is not None:
            item["limits"] = list(self.limits)
        shifts = {name: smallest_integers(array)
                  for name, array in (("before", self.before), ("after", self.after))
                  if array.any()}
        return item, {"slope": self.slope, **shifts}

    def hardware(self, reduced: Layer) -> str:
        shifted = ", between two additions" if self.before.any() or self.after.any() else ""
        rounded = f", {self.shift} fraction bits rounded half up" if self.shift else ""
        return f"negative integers times a slope of each channel{shifted}{rounded}"
