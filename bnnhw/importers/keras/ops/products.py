"""Products with quantised weights (dense layers and convolutions), and biases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.ops.base import Op, Shape
from bnnhw.importers.keras.ops.geometry import Geometry, from_channels_first, to_channels_first
from bnnhw.importers.keras.quantisers.base import Kernel
from bnnhw.importers.onnx.rounding import Rounding

__all__ = ["Bias", "Conv", "Dense", "Depthwise"]


@dataclass(frozen=True, eq=False)
class Dense(Op):
    """Multiplies the last axis by a matrix.

    Parameters
    ----------
    kernel : Kernel
        [in, out].
    """

    kernel: Kernel

    def out_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        rows, columns = self.kernel.exact.shape
        if not shape or shape[-1] != rows:
            raise self.error(f"has a kernel of shape {[rows, columns]} for activations of shape "
                             f"{list(shape)}")
        return (*shape[:-1], columns)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0] @ self.kernel.seen)

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("MatMul", self.sources[0], nodes.constant(self.kernel.exact), output=self.name,
                  name=self.layer)
        nodes.round(self.name, Rounding(self.kernel.rounding))


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """A convolution of maps.

    Parameters
    ----------
    kernel : Kernel
        [rows, columns, in, out]; in is the number of channels of a group. Signals have one column.
    geometry : Geometry
    pad : float
        What is outside of the map.
    """

    kernel: Kernel
    geometry: Geometry
    pad: float = 0.0

    def out_shape(self, *shapes: Shape) -> Shape:
        rows, columns, channels = self.geometry.map_size(self, shapes[0])
        self._check(channels)
        return self.geometry.shape(*self.geometry.out_size(self, rows, columns),
                                   self._weights().shape[0])

    def _check(self, channels: int) -> None:
        depth, outputs = self.kernel.exact.shape[2:]
        if depth < 1 or channels % depth or outputs % (channels // depth) or \
                self.kernel.exact.shape[:2] != self.geometry.kernel:
            raise self.error(f"has a kernel of shape {list(self.kernel.exact.shape)} for "
                             f"{channels} channels")

    def compute(self, *x: np.ndarray) -> np.ndarray:
        windows = self.geometry.windows(self.geometry.last(x[0]), self.pad)
        n, height, width, taps, channels = windows.shape
        _, _, depth, outputs = self.kernel.seen.shape
        groups = channels // depth
        kernel = self.kernel.seen.reshape(taps * depth, outputs)
        parts = []
        for g in range(groups):
            rows = windows[..., g * depth:(g + 1) * depth].reshape(n * height * width, -1)
            first = g * outputs // groups
            parts.append(rows @ kernel[:, first:first + outputs // groups])
        y = np.concatenate(parts, axis=1).reshape(n, height, width, outputs)
        return self.geometry.restored(y)

    def _weights(self) -> np.ndarray:
        """Return the weights in ONNX's order: [out, in of a group, rows, columns]."""
        weights = np.ascontiguousarray(self.kernel.exact.transpose(3, 2, 0, 1))
        return weights[..., 0] if self.geometry.signal else weights

    def _groups(self, channels: int) -> int:
        return channels // self.kernel.exact.shape[2]

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        rows, columns, channels = self.geometry.map_size(self, shapes[0])
        source, attributes = self.sources[0], self.geometry.attributes()
        if self.pad and self.geometry.same:
            pads = self.geometry.padding(rows, columns)
            pads = pads[:self.geometry.axes]
            axes = [(0, 0), *pads, (0, 0)] if self.geometry.channels_last else [
                (0, 0), (0, 0), *pads]
            numbers = np.array([a[0] for a in axes] + [a[1] for a in axes], dtype=np.int64)
            source = nodes.add("Pad", source, nodes.constant(numbers),
                               nodes.constant(np.float32(self.pad)))
            attributes["auto_pad"] = "VALID"
        made = nodes.add("Conv", to_channels_first(nodes, source, self.geometry),
                         nodes.constant(self._weights()), name=self.layer,
                         group=self._groups(channels), dilations=list(
                             self.geometry.dilation[:self.geometry.axes]),
                         attributes=attributes)
        from_channels_first(nodes, made, self.geometry, self.name)
        nodes.round(self.name, Rounding(self.kernel.rounding))


@dataclass(frozen=True, eq=False)
class Depthwise(Conv):
    """A convolution of each channel alone; the kernel is [rows, columns, in, multiplier].

    Channel c of the input gives the outputs ``c * multiplier`` to ``(c + 1) * multiplier - 1``.
    """

    def _check(self, channels: int) -> None:
        if self.kernel.exact.shape[2] != channels or \
                self.kernel.exact.shape[:2] != self.geometry.kernel:
            raise self.error(f"has a kernel of shape {list(self.kernel.exact.shape)} for "
                             f"{channels} channels")

    def compute(self, *x: np.ndarray) -> np.ndarray:
        windows = self.geometry.windows(self.geometry.last(x[0]), self.pad)
        taps, channels = windows.shape[3:]
        kernel = self.kernel.seen.reshape(taps, channels, -1)
        y = np.einsum("nhwtc,tcm->nhwcm", windows, kernel)
        return self.geometry.restored(y.reshape(*y.shape[:3], -1))

    def _weights(self) -> np.ndarray:
        rows, columns, channels, multiplier = self.kernel.exact.shape
        moved = self.kernel.exact.transpose(2, 3, 0, 1)
        return np.ascontiguousarray(moved.reshape(channels * multiplier, 1, rows, columns))

    def _groups(self, channels: int) -> int:
        return channels


@dataclass(frozen=True, eq=False)
class Bias(Op):
    """Adds a number to each channel.

    Parameters
    ----------
    bias : float32 [C]
    channels_last : bool
    """

    bias: np.ndarray
    channels_last: bool = True

    def out_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if self.bias.shape != (shape[-1 if self.channels_last else 0],):
            raise self.error(f"has a bias of shape {list(self.bias.shape)} for activations of "
                             f"shape {list(shape)}")
        return shape

    def _shaped(self, rank: int) -> np.ndarray:
        return self.bias if self.channels_last else self.bias.reshape(-1, *[1] * (rank - 1))

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0] + self._shaped(x[0].ndim - 1))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("Add", self.sources[0], nodes.constant(self._shaped(len(shapes[0]))),
                  output=self.name)
