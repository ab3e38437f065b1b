"""Maps a product layer to stride-1 convolutions with weights of -1 and +1, and back.

The sum of a layer of one-bit weights is ``acc = unit * o + row constant (+ border)``, where ``o``
is the sum of products of the stored numbers: bits are used as the 0 or 1 that is stored, whatever
they represent. Weights of several bits become more channels, see ``planes``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bnnhw.arch.yodann.planes import ChannelPlanes, channel_planes, unsupported
from bnnhw.layers import Conv, Dense, Product
from bnnhw.rtl.yodann.shape import CoreShape

__all__ = ["Layout", "accumulators", "layout_of"]

Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class Layout:
    """The convolution with stride 1 that computes a layer.

    Parameters
    ----------
    kernel : (int, int)
    height, width, channels : int
        Size of an image; its channels are those of all planes of the weights.
    outputs, groups : int
    pads : (int, int, int, int)
        Zeros that the core adds.
    host_pads : (int, int, int, int)
        Rows and columns that the host adds: values other than zero, or more than the kernel.
    stride : (int, int)
        Stride with which the host selects outputs.
    dilation : (int, int)
        Distance of the pixels that form one image; the host separates these images.
    out : (int, int)
        Rows and columns of the layer's output.
    transposed : bool
        Rows and columns are exchanged.
    """

    kernel: tuple[int, int]
    height: int
    width: int
    channels: int
    outputs: int
    groups: int = 1
    pads: Pads = (0, 0, 0, 0)
    host_pads: Pads = (0, 0, 0, 0)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    out: tuple[int, int] = (1, 1)
    transposed: bool = False

    @property
    def phases(self) -> int:
        """Images per sample."""
        return self.dilation[0] * self.dilation[1]

    @property
    def out_size(self) -> tuple[int, int]:
        """Output rows and columns of an image, with stride 1."""
        top, left, bottom, right = self.pads
        return (self.height + top + bottom - self.kernel[0] + 1,
                self.width + left + right - self.kernel[1] + 1)

    def turned(self) -> Layout:
        """The same layout with rows and columns exchanged."""
        def swap(pads: Pads) -> Pads:
            return pads[1], pads[0], pads[3], pads[2]
        return Layout(self.kernel[::-1], self.width, self.height, self.channels, self.outputs,
                      self.groups, swap(self.pads), swap(self.host_pads), self.stride[::-1],
                      self.dilation[::-1], self.out[::-1], not self.transposed)

    def images(self, planes: ChannelPlanes, x: np.ndarray) -> np.ndarray:
        """Cut inputs ``[n, *input.shape]`` into ``[n * phases, height, width, channels]``."""
        maps = planes.pixels(self._maps(planes.layer, x))
        # The channels of a group are neighbours, those of its first plane first.
        v, n, height, width, channels = maps.shape
        split = maps.reshape(v, n, height, width, self.groups, channels // self.groups)
        return np.moveaxis(split, 0, 4).reshape(n, height, width, self.channels)

    def _maps(self, layer: Product, x: np.ndarray) -> np.ndarray:
        """Images ``[n * phases, height, width, channels of one plane]`` of the input itself."""
        if isinstance(layer, Dense):
            area = self.height * self.width
            padded = np.zeros((len(x), area * -(-layer.fan_in // area)), dtype=np.int64)
            padded[:, :layer.fan_in] = x
            return padded.reshape(len(x), self.height, self.width, -1)
        assert isinstance(layer, Conv)
        maps = x.reshape(len(x), *layer.input.map)
        if self.transposed:
            maps = maps.transpose(0, 2, 1, 3)
        return self._phases(self._padded(layer, maps))

    def _phases(self, maps: np.ndarray) -> np.ndarray:
        """Separate the pixels of each phase of a dilated kernel; smaller images end in zeros."""
        if self.phases == 1:
            return maps
        n, _, _, channels = maps.shape
        out = np.zeros((n, self.phases, self.height, self.width, channels), dtype=np.int64)
        for k, (y, x) in enumerate(np.ndindex(self.dilation)):
            part = maps[:, y::self.dilation[0], x::self.dilation[1]]
            out[:, k, :part.shape[1], :part.shape[2]] = part
        return out.reshape(-1, self.height, self.width, channels)

    def _padded(self, layer: Conv, maps: np.ndarray) -> np.ndarray:
        top, left, bottom, right = self.host_pads
        if not any(self.host_pads):
            return maps
        n, height, width, channels = maps.shape
        pattern = layer.pad.transpose(1, 0, 2) if self.transposed else layer.pad
        ph, pw, pc = pattern.shape
        rows, columns = np.arange(-top, height + bottom), np.arange(-left, width + right)
        fill = pattern[np.ix_(rows % ph, columns % pw, np.arange(channels) % pc)]
        out = np.broadcast_to(fill, (n, *fill.shape)).astype(np.int64)
        out[:, top:top + height, left:left + width] = maps
        return out

    def kernels(self, planes: ChannelPlanes) -> np.ndarray:
        """Weights as uint8 ``[outputs, rows, columns, channels / groups]``, 0 for -1."""
        return np.concatenate([self._kernels(planes.layer, w) for w in planes.weights], axis=3)

    def _kernels(self, layer: Product, w: np.ndarray) -> np.ndarray:
        """The kernels of one plane of weights ``[out, in]``."""
        if isinstance(layer, Dense):
            area = math.prod(self.kernel)
            padded = np.zeros((self.outputs, area * -(-layer.fan_in // area)), np.uint8)
            padded[:, :layer.fan_in] = w
            return padded.reshape(self.outputs, *self.kernel, -1)
        assert isinstance(layer, Conv)
        w = w.reshape(self.outputs, *layer.window.kernel, -1)
        return w.transpose(0, 2, 1, 3) if self.transposed else w

    def strided(self, out: np.ndarray) -> np.ndarray:
        """Select the layer's outputs ``[n, V, outputs]`` from stride-1 outputs of its images."""
        if self.phases > 1:
            rows, columns = self.out_size
            out = out.reshape(-1, *self.dilation, rows, columns, self.outputs)
            out = out.transpose(0, 3, 1, 4, 2, 5).reshape(
                -1, rows * self.dilation[0], columns * self.dilation[1], self.outputs)
        out = out[:, ::self.stride[0], ::self.stride[1]][:, :self.out[0], :self.out[1]]
        if self.transposed:
            out = out.transpose(0, 2, 1, 3)
        return out.reshape(len(out), -1, self.outputs)


def accumulators(planes: ChannelPlanes, layout: Layout, out: np.ndarray) -> np.ndarray:
    """Compute the layer's sums ``[n * V, out]`` from those of the core."""
    layer = planes.layer
    acc = planes.unit * layout.strided(out) // planes.divisor + planes.const()
    border = layer.border()
    if border is not None:
        acc = acc + border
    return np.asarray(acc.reshape(-1, layer.outputs))


def layout_of(layer: Product, shape: CoreShape) -> list[Layout]:
    """Possible layouts of a layer; the planner uses the fastest.

    Raises
    ------
    PlanError
        The core cannot run it.
    """
    element, limit = layer.input.element, 1 << (shape.bits - 1)
    if element.lo < -limit or element.hi >= limit:
        needed = element.width + (not element.signed)
        more = f", or give the core more with `core=bits={needed}`" if needed <= 16 else ""
        raise unsupported(layer, f"it reads {element.lo}..{element.hi}, which exceeds signed "
                          f"{shape.bits}-bit numbers",
                          f"insert an 'affine' with a 'shift' before it{more}")
    planes = channel_planes(layer, shape.bits)
    if isinstance(layer, Dense):
        return [_dense(layer, side, planes.count) for side in (1, *shape.kernels)]
    if not isinstance(layer, Conv):
        raise unsupported(layer, f"it is of kind '{layer.kind}'", "use `arch=streaming`")
    window = layer.window
    if max(window.kernel) > shape.kernel:
        larger = f"`core=kernel={min(k for k in (3, 5, 7) if k >= max(window.kernel))}`, or " \
            if max(window.kernel) <= 7 else ""
        raise unsupported(layer, f"its kernel of {window.kernel[0]}x{window.kernel[1]} is larger "
                          f"than {shape.kernel}x{shape.kernel}", f"use {larger}`arch=streaming`")
    height, width, channels = layer.input.map
    out = window.out_size(height, width)
    pads, by_host = window.pads, (0, 0, 0, 0)
    too_many = pads[0] + pads[2] >= window.kernel[0] or pads[1] + pads[3] >= window.kernel[1]
    if any(pads) and (layer.pad.any() or too_many or window.dilation != (1, 1)):
        pads, by_host = by_host, pads
        height, width = height + by_host[0] + by_host[2], width + by_host[1] + by_host[3]
    height, width = -(-height // window.dilation[0]), -(-width // window.dilation[1])
    layout = Layout(window.kernel, height, width, channels * planes.count, layer.outputs,
                    layer.groups, pads, by_host, window.stride, window.dilation, out)
    return [layout, layout.turned()]


def _dense(layer: Dense, side: int, planes: int) -> Layout:
    """A dense layer as an image of one window, with several inputs per channel."""
    channels = planes * -(-layer.fan_in // side ** 2)
    return Layout((side, side), side, side, channels, layer.outputs)
