"""Transposed convolution: every input pixel adds its kernel to a larger map."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.fields import Extent, Extra, Pad, Size
from bnnhw.config.items import ProductItem
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Built, Described, Layer, register
from bnnhw.ir.spread import Spread
from bnnhw.ir.types import MAX_WINDOW_ELEMENTS, Int
from bnnhw.ir.window import Window
from bnnhw.json_types import Json
from bnnhw.layers.building.describe_product import describe_product
from bnnhw.layers.building.descriptions import describe_pair
from bnnhw.layers.building.phases import PhaseAxis, Phases
from bnnhw.layers.building.weights import build_rows
from bnnhw.layers.building.windows import rows_and_columns
from bnnhw.layers.conv import Conv
from bnnhw.layers.crop import Crop
from bnnhw.layers.depth_to_space import DepthToSpace
from bnnhw.layers.product import Product

__all__ = ["ConvTranspose", "ConvTransposeItem"]


class ConvTransposeItem(ProductItem):
    """``conv_transpose: OUTPUTS`` with its ``kernel`` and ``stride``, over a map or a signal."""

    kind = "conv_transpose"
    needs = "the number of outputs, such as '{conv_transpose: 64, kernel: 2, stride: 2}'"

    conv_transpose: Size
    kernel: Extent
    stride: Extent = 1
    pad: Pad | None = None
    output_pad: Extra = 0


@register
@dataclass(frozen=True, eq=False)
class ConvTranspose(Product):
    """Transposed convolution of ``[H, W, C]`` or ``[T, C]``, as in PyTorch.

    The columns of a row are ``(ky, kx, c)`` with c fastest, as for ``Conv``. A tap that no pixel
    meets is an exact zero. Hardware builds the steps of ``expanded``.

    Parameters
    ----------
    spread : Spread
    """

    spread: Spread = field(default_factory=lambda: Spread((1, 1)))

    kind: ClassVar[str] = "conv_transpose"
    items = (ConvTransposeItem,)

    def __post_init__(self) -> None:
        s, element = self.spread, self.input.element
        if len(self.input.shape) not in (2, 3):
            raise self.error(f"reads a tensor of shape {self.input.shape}, expected a map "
                             "[H, W, C] or a signal [T, C]")
        if len(self.input.shape) == 2 and \
                (s.kernel[1], s.stride[1], s.pads[1], s.pads[3], s.more[1]) != (1, 1, 0, 0, 0):
            raise self.error("a signal's kernel has one column, without padding left and right")
        if min(*s.kernel, *s.stride) < 1 or min(*s.pads, *s.more) < 0:
            raise self.error("needs a positive kernel and stride, and pads that are not negative")
        for k, what in enumerate(("rows", "columns")):
            if max(s.pads[k], s.pads[k + 2]) >= s.kernel[k]:
                raise self.error(f"drops {max(s.pads[k], s.pads[k + 2])} {what} at a side, "
                                 f"expected less than the {s.kernel[k]} {what} of its kernel",
                                 "put a 'crop' after it")
            if s.more[k] >= max(s.stride[k], 2):
                raise self.error(f"adds {s.more[k]} {what} (output_pad), expected less than its "
                                 f"stride {s.stride[k]}")
        height, width, _ = self.input.map
        if min(s.out_size(height, width)) < 1:
            raise self.error("drops all of its output rows or columns", "use smaller pads")
        if self.gathered_elements > MAX_WINDOW_ELEMENTS:
            raise self.error("the taps of all output pixels together exceed the limit of "
                             f"{MAX_WINDOW_ELEMENTS}")
        if not element.bipolar and not element.lo <= 0 <= element.hi:
            raise self.error(f"reads {self.input}, and taps that no pixel meets are 0",
                             "put an affine layer before it whose range contains 0")
        super().__post_init__()
        if self.exact_zeros and any(c % 2 for c in self.coefficients):
            raise self.error("exact zeros between -1/+1 need even coefficients")

    @property
    def exact_zeros(self) -> bool:
        return self.input.element.bipolar

    def expected_fan_in(self) -> int:
        return self.spread.taps * self.input.channels

    def positions(self) -> tuple[int, ...]:
        height, width, _ = self.input.map
        return self.input.like_map(*self.spread.out_size(height, width), 0)[:-1]

    def vectors(self, x: np.ndarray) -> np.ndarray:
        taps = self.spread.gather(x.reshape(-1, *self.input.map))
        return taps.reshape(len(x), self.vector_count, 1, -1)

    def border(self) -> np.ndarray | None:
        """Correct the sums, in which absent taps were counted as bit 0 (see ``Conv.border``)."""
        return self._border if self.exact_zeros else None

    @cached_property
    def _border(self) -> np.ndarray:
        height, width, channels = self.input.map
        present = self.spread.gather(np.ones((1, height, width, 1), dtype=np.int64))
        absent = 1 - present.reshape(self.vector_count, -1)
        taps = self.values.reshape(self.outputs, self.spread.taps, channels)
        return np.asarray(absent @ (taps.sum(axis=2) * (self.coefficients[0] // 2)).T)

    @cached_property
    def acc_range(self) -> Int:
        """Range of the accumulators, in which most taps of a row are absent."""
        return self.expanded[0].acc_range

    @cached_property
    def expanded(self) -> tuple[Conv, DepthToSpace, Crop | None]:
        """The layers that compute the same, without products with inserted zeros.

        The output pixels ``(y * stride + ry, x * stride + rx)`` of one phase ``(ry, rx)`` see the
        taps ``(ry + j * stride, rx + i * stride)`` of the kernel on the pixels ``(y - j, x - i)``.
        So an ordinary convolution with ``ceil(kernel / stride)`` rows and columns computes all
        phases, a row of weights for each phase and output; ``DepthToSpace`` makes pixels of them,
        and ``Crop`` drops those of the padding. Weights are 0 where a phase has fewer taps.
        """
        s = self.spread
        axes = [PhaseAxis.of(*values) for values in zip(
            self.input.map[:2], s.kernel, s.stride, s.pads[:2],
            s.out_size(*self.input.map[:2]), strict=True)]
        rows, columns = axes
        window = Window((rows.taps, columns.taps), pads=(rows.before, columns.before, rows.after,
                                                         columns.after))
        planes = Phases(self, s, rows, columns)
        conv = Conv(self.name, self.source, self.input, planes.weights, self.coefficients,
                    planes.const, None if self.thresholds is None else
                    np.tile(self.thresholds, (planes.count, 1)), self.unipolar, window=window,
                    absent=self.exact_zeros and window.padded, scales=self.scales,
                    mask=planes.mask)
        pixels = DepthToSpace(f"{self.name}_pixels", conv.name, conv.out_type(), s.stride)
        sides = (rows.first, columns.first, rows.last, columns.last)
        crop = Crop(f"{self.name}_crop", pixels.name, pixels.out_type(), sides) if any(sides) \
            else None
        return conv, pixels, crop

    def params(self) -> dict[str, object]:
        s = self.spread
        return {**super().params(), "kernel": list(s.kernel), "stride": list(s.stride),
                "pads": list(s.pads), "more": list(s.more)}

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        (ky, kx), (sy, sx), (down, along) = (params.pop(key) for key in
                                             ("kernel", "stride", "more"))
        top, left, bottom, right = params.pop("pads")
        spread = Spread((int(ky), int(kx)), (int(sy), int(sx)),
                        (int(top), int(left), int(bottom), int(right)), (int(down), int(along)))
        return {**super().parse(params), "spread": spread}

    @classmethod
    def build(cls, item: ConvTransposeItem, at: LayerContext, arrays: Arrays) -> Built:
        if len(at.type.shape) not in (2, 3):
            raise at.error(f"'{at.source}' gives {at.type}, expected a map [H, W, C] or a signal "
                           "[T, C]", "put it before 'flatten'")
        spread = _build_spread(item, at)
        size = spread.out_size(*at.type.map[:2])
        at.check_size("outputs", *(max(n, 1) for n in size), item.conv_transpose)
        at.check_size("inserted zeros", *spread.padded_size(*at.type.map[:2]), at.type.channels)
        channels, bipolar = at.type.channels, at.type.element.bipolar
        rows = build_rows(item, at, arrays, item.conv_transpose, (*spread.kernel, channels),
                          bipolar)
        return cls(at.name, at.source, at.type, rows.planes.bits, rows.coefficients, rows.const,
                   rows.thresholds, item.unipolar, scales=rows.scales, mask=rows.planes.mask,
                   spread=spread), rows.certificate

    def describe(self) -> Described:
        s = self.spread
        item, arrays = describe_product(self, (*s.kernel, self.input.channels))
        head: dict[str, Any] = {"conv_transpose": self.outputs,
                                "kernel": describe_pair(s.kernel, self.input)}
        if s.stride != (1, 1):
            head["stride"] = describe_pair(s.stride, self.input)
        if any(s.pads):
            head["pad"] = list(s.pads)
        if any(s.more):
            head["output_pad"] = list(s.more)
        return {**head, **item}, arrays

    def hardware(self, reduced: Layer) -> str:
        conv = self.expanded[0]
        rows, columns = self.spread.stride
        text = conv.hardware(conv)
        return f"{text}, whose outputs are {rows}x{columns} pixels"


def _build_spread(item: ConvTransposeItem, at: LayerContext) -> Spread:
    """Read kernel, stride and pads of an item; ``pad: same`` multiplies the size by the stride."""
    signal = len(at.type.shape) == 2
    kernel, stride = (rows_and_columns(v, at) for v in (item.kernel, item.stride))
    more = (item.output_pad, 0 if signal else item.output_pad) \
        if isinstance(item.output_pad, int) else item.output_pad
    pad = item.pad or 0
    if pad == "causal":
        raise at.error("'pad: causal' is not for transposed convolutions",
                       "use same, or [top, left, bottom, right]")
    if pad == "same":
        if any(more):
            raise at.error("has 'output_pad' and 'pad: same', which determines the size",
                           "remove one of them")
        total = [k - s for k, s in zip(kernel, stride, strict=True)]
        less, last = [max(t, 0) // 2 for t in total], [max(t, 0) - max(t, 0) // 2 for t in total]
        return Spread(kernel, stride, (less[0], less[1], last[0], last[1]),
                      (max(-total[0], 0), max(-total[1], 0)))
    assert not isinstance(pad, str)
    if isinstance(pad, int):
        pad = (pad, 0 if signal else pad)
    if len(pad) == 2:
        pad = (*pad, *pad)
    return Spread(kernel, stride, pad, more)
