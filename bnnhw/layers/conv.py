"""Convolutions: a sum of products in each window of a map or a signal, also by groups."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from pydantic import model_validator

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Extent, PadValue, Size
from bnnhw.config.items import ProductItem, WindowItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, register
from bnnhw.ir.types import MAX_WINDOW_ELEMENTS
from bnnhw.ir.window import Window
from bnnhw.json_types import Json
from bnnhw.layers.building.describe_product import describe_product
from bnnhw.layers.building.descriptions import (
    describe_pair,
    describe_window,
    smallest_integers,
    window_words,
)
from bnnhw.layers.building.weights import build_rows
from bnnhw.layers.building.windows import (
    MAX_PATTERN,
    build_padding,
    build_window,
    check_window,
)
from bnnhw.layers.product import Product

__all__ = ["Conv", "ConvBase", "ConvItem", "DepthwiseItem"]


class ConvBase(ProductItem, WindowItem):
    """What ``conv`` and ``depthwise`` share."""

    pad_value: PadValue | None = None

    @model_validator(mode="after")
    def _check_pad(self) -> ConvBase:
        if self.pad_value is not None and self.pad is None:
            raise ValueError("'pad_value' without 'pad'; add 'pad: same', or remove it")
        return self

    @abc.abstractmethod
    def sizes(self, channels: int) -> tuple[int, int | tuple[int, int], int]:
        """Output channels, kernel and groups, for a number of input channels."""


class ConvItem(ConvBase):
    """``conv: OUTPUTS`` with its ``kernel``, over a map or a signal."""

    kind = "conv"
    needs = "the number of outputs, such as '{conv: 64, kernel: 3}'"

    conv: Size
    kernel: Extent
    groups: Size = 1

    def sizes(self, channels: int) -> tuple[int, int | tuple[int, int], int]:
        return self.conv, self.kernel, self.groups


class DepthwiseItem(ConvBase):
    """``depthwise: KERNEL``, a convolution of each channel by itself."""

    kind = "depthwise"
    needs = "its kernel, such as 'depthwise: 3'"

    depthwise: Extent

    def sizes(self, channels: int) -> tuple[int, int | tuple[int, int], int]:
        return channels, self.depthwise, channels


@register
@dataclass(frozen=True, eq=False)
class Conv(Product):
    """Convolution of ``[H, W, C]`` or ``[T, C]``, with one group, several, or one per channel.

    The columns of a row are ``(ky, kx, c)`` with c fastest; kernels are not flipped. The rows of
    a group are adjacent.

    Parameters
    ----------
    window : Window
    groups_ : int
        Groups G: output channels of group g see the input channels of group g only.
    pad : int64 [PH, PW, PC]
        Values of the input outside the map, as stored (a bit, or an integer in its range): a
        pattern that repeats, counted from pixel (0, 0) and channel 0.
    absent : bool
        Pixels outside the map are exact zeros, which no stored bit can represent: each absent
        product counts as half of an agreeing one. For -1/+1 inputs only, and coefficients must be
        even.
    """

    window: Window = field(default_factory=lambda: Window((1, 1)))
    groups_: int = 1
    pad: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 1), dtype=np.int64))
    absent: bool = False

    kind: ClassVar[str] = "conv"
    items = (ConvItem, DepthwiseItem)

    def __post_init__(self) -> None:
        check_window(self, self.window)
        if self.groups_ < 1 or self.input.channels % self.groups_:
            raise self.error(f"{self.input.channels} channels do not divide into {self.groups_} "
                             "groups")
        if self.gathered_elements > MAX_WINDOW_ELEMENTS:
            raise self.error("all of its windows together have more elements than the limit of "
                             f"{MAX_WINDOW_ELEMENTS}")
        self._check_pad()
        super().__post_init__()

    def _check_pad(self) -> None:
        element = self.input.element
        if self.pad.ndim != 3 or not 1 <= self.pad.size <= MAX_PATTERN:
            raise self.error(f"pad must have shape [PH, PW, PC] and 1 to {MAX_PATTERN} elements, "
                             f"not shape {self.pad.shape}")
        if self.window.padded and (self.pad.min() < element.lo or self.pad.max() > element.hi):
            raise self.error(f"pads with {int(self.pad.min())}..{int(self.pad.max())}, expected "
                             f"{element.lo}..{element.hi}")
        if self.absent and (not element.bipolar or self.pad.any()):
            raise self.error("exact zeros outside the map are for -1/+1 inputs",
                             "an integer or 0/1 input pads with the value 0 itself")
        if self.absent or not self.window.padded:  # equal networks have equal fields
            object.__setattr__(self, "pad", np.zeros((1, 1, 1), dtype=np.int64))
        if self.absent and any(c % 2 for c in self.coefficients):
            raise self.error("exact zeros outside the map need even coefficients")

    @property
    def exact_zeros(self) -> bool:
        return self.absent

    @property
    def groups(self) -> int:
        return self.groups_

    def expected_fan_in(self) -> int:
        return self.window.taps * (self.input.channels // self.groups_)

    def positions(self) -> tuple[int, ...]:
        height, width, _ = self.input.map
        oh, ow = self.window.out_size(height, width)
        return self.input.like_map(oh, ow, 0)[:-1]

    def vectors(self, x: np.ndarray) -> np.ndarray:
        height, width, channels = self.input.map
        windows = self.window.gather(x.reshape(-1, height, width, channels), self.pad)
        n, oh, ow, kh, kw, _ = windows.shape
        grouped = windows.reshape(n, oh * ow, kh * kw, self.groups_, channels // self.groups_)
        return grouped.transpose(0, 1, 3, 2, 4).reshape(n, oh * ow, self.groups_, -1)

    def border(self) -> np.ndarray | None:
        """Correct the sums at the border, where absent taps were counted as pad bit 0.

        A pad bit 0 agrees with weights of -1 and so adds ``c (1 - w)``; an exact zero must add
        ``c / 2``.
        """
        return self._border if self.absent and self.window.padded else None

    @cached_property
    def _border(self) -> np.ndarray:
        height, width, channels = self.input.map
        absent = self.window.absent(height, width).reshape(self.vector_count, -1)
        taps = self.values.reshape(self.outputs, self.window.taps, channels // self.groups_)
        gain = taps.sum(axis=2) * (self.coefficients[0] // 2)
        return np.asarray(absent.astype(np.int64) @ gain.T)

    def params(self) -> dict[str, object]:
        return {**super().params(), "window": self.window.to_json(), "groups_": self.groups_,
                "absent": self.absent}

    def arrays(self) -> dict[str, np.ndarray]:
        return {**super().arrays(), "pad": self.pad}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {**super().parse(params), "window": Window.from_json(params["window"])}

    @classmethod
    def build(cls, item: ConvBase, at: LayerContext, arrays: Arrays) -> Built:
        channels = at.type.channels
        outputs, kernel, groups = item.sizes(channels)
        window = build_window(item, kernel, item.stride or 1, at)
        for count, what in ((channels, f"channels of '{at.source}'"), (outputs, "outputs")):
            if count % groups:
                raise at.error(f"the {count} {what} do not divide into {groups} groups",
                               f"use a divisor of {math.gcd(channels, outputs)}")
        height, width, _ = at.type.map
        positions = window.out_size(height, width)
        at.check_size("outputs", *positions, outputs)
        at.check_size("taps of all windows", *positions, window.taps)
        pad, absent = build_padding(item.pad_value, window, at, arrays)
        rows = build_rows(item, at, arrays, outputs, (*window.kernel, channels // groups), absent)
        return cls(at.name, at.source, at.type, rows.planes.bits, rows.coefficients, rows.const,
                   rows.thresholds, item.unipolar, window, groups, pad, absent, scales=rows.scales,
                   mask=rows.planes.mask), rows.certificate

    def describe(self) -> Described:
        window = self.window
        item, arrays = describe_product(self, (*window.kernel, self.input.channels // self.groups))
        head: dict[str, Any] = {"conv": self.outputs,
                                "kernel": describe_pair(window.kernel, self.input)}
        if self.groups > 1:
            head["groups"] = self.groups
        head.update(describe_window(window, self.input, (1, 1)))
        if window.padded or self.absent or self.pad.shape != (1, 1, 1) or self.pad.any():
            head.setdefault("pad", 0)
            head["pad_value"], pattern = self._describe_padding()
            arrays.update(pattern)
        return {**head, **item}, arrays

    def _describe_padding(self) -> tuple[int | str, dict[str, np.ndarray]]:
        if self.absent:
            return "zero", {}
        if self.pad.shape != (1, 1, 1):
            return "pattern", {"pad": smallest_integers(self.pad)}
        return self._pad_number(), {}

    def _pad_number(self) -> int:
        """The one value outside the map, in the signs that a user writes."""
        value = int(self.pad[0, 0, 0])
        return 2 * value - 1 if self.input.element.bipolar else value

    def hardware_windows(self) -> str:
        text = f", {window_words(self.window)}"
        if self.groups > 1:
            text += ", each channel by itself" if self.groups == self.input.channels \
                else f", {self.groups} groups"
        if not self.window.padded:
            return text
        if self.absent:
            return f"{text}, padded with exact zeros"
        if self.pad.size > 1:
            return f"{text}, padded with a pattern"
        return f"{text}, padded with {self._pad_number()}"
