"""The convolution: a dense product in each window of a map or a signal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layer import register
from bnnhw.ir.types import MAX_ELEMENTS, Bits
from bnnhw.ir.window import Window
from bnnhw.layers.product import Product

__all__ = ["Conv"]


@register
@dataclass(frozen=True, eq=False)
class Conv(Product):
    """Convolution of ``[H, W, C]`` or ``[T, C]``, grouped or depthwise where wanted.

    The columns of a row are ``(ky, kx, c)`` with c fastest; kernels are not flipped. Rows of a
    group are neighbours.

    Parameters
    ----------
    window : Window
    groups_ : int
        Groups G: output channels of group g see the input channels of group g only.
    pad : int64 [PH, PW, PC]
        What the input holds outside the map, as stored (a bit, or an integer in its range): a
        pattern that repeats, counted from pixel (0, 0) and channel 0.
    absent : bool
        Pixels outside the map are exact zeros, which no stored bit can be: each absent product
        counts half an agreeing one. For -1/+1 inputs only; coefficients have to be even.
    """

    window: Window = field(default_factory=lambda: Window((1, 1)))
    groups_: int = 1
    pad: np.ndarray = field(default_factory=lambda: np.zeros((1, 1, 1), dtype=np.int64))
    absent: bool = False

    kind: ClassVar[str] = "conv"

    def __post_init__(self) -> None:
        if len(self.input.shape) not in (2, 3):
            raise self.refuse(f"reads a tensor of shape {self.input.shape}, expected a map "
                              "[H, W, C] or a signal [T, C]")
        if len(self.input.shape) == 2 and not self.window.one_column:
            raise self.refuse("a signal's window has one column, without padding beside it")
        if self.groups_ < 1 or self.input.channels % self.groups_:
            raise self.refuse(f"{self.input.channels} channels do not divide into {self.groups_} "
                              "groups")
        height, width, _ = self.input.map
        if min(self.window.out_size(height, width)) < 1:
            raise self.refuse(f"a window of {self.window.reach[0]}x{self.window.reach[1]} is "
                              f"larger than the padded input {height}x{width}")
        if self.vector_count * max(self.fan_in * self.groups_, 1) > 64 * MAX_ELEMENTS:
            raise self.refuse("its windows hold more elements than bnnhw takes")
        self._check_pad()
        super().__post_init__()

    def _check_pad(self) -> None:
        element = self.input.element
        if self.pad.ndim != 3 or self.pad.size < 1 or self.pad.size > 1 << 16:
            raise self.refuse(f"pad must have shape [PH, PW, PC], not {self.pad.shape}")
        if self.window.padded and (self.pad.min() < element.lo or self.pad.max() > element.hi):
            raise self.refuse(f"pads with {int(self.pad.min())}..{int(self.pad.max())}, expected "
                              f"{element.lo}..{element.hi}")
        if self.absent and (not isinstance(element, Bits) or element.unipolar or self.pad.any()):
            raise self.refuse("exact zeros outside the map are for -1/+1 inputs",
                              "an integer or 0/1 input pads with the value 0 itself")
        if self.absent or not self.window.padded:  # one way to write equal networks
            object.__setattr__(self, "pad", np.zeros((1, 1, 1), dtype=np.int64))
        if self.absent and any(c % 2 for c in self.coefficients):
            raise self.refuse("exact zeros outside the map need even coefficients")

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
        """With exact zeros: half a product for each absent tap instead of what pad bit 0 gave.

        A pad bit 0 agrees with weights of -1 and so adds ``c (1 - w)``; zero adds ``c / 2``.
        """
        if not self.absent or not self.window.padded:
            return None
        if "_border" in self.__dict__:
            return np.asarray(self.__dict__["_border"])
        height, width, channels = self.input.map
        absent = self.window.absent(height, width).reshape(self.vector_count, -1)
        w = self.weights[0].reshape(self.outputs, self.window.taps, channels // self.groups_)
        gain = (2 * w.astype(np.int64) - 1).sum(axis=2) * (self.coefficients[0] // 2)
        border = np.asarray(absent.astype(np.int64) @ gain.T)
        object.__setattr__(self, "_border", border)  # asked for often, and large
        return border

    def params(self) -> dict[str, Any]:
        return {**super().params(), "window": self.window.to_json(), "groups_": self.groups_,
                "absent": self.absent}

    def arrays(self) -> dict[str, np.ndarray]:
        return {**super().arrays(), "pad": self.pad}

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        return {**super().parse(params), "window": Window.from_json(params["window"])}
