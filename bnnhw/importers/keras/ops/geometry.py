"""Windows of convolutions and pools: sizes, TensorFlow's padding, and cutting in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.ops.base import Op, Shape

__all__ = ["Geometry", "from_channels_first", "to_channels_first"]


@dataclass(frozen=True)
class Geometry:
    """The window of a convolution or a pool over a map.

    Parameters
    ----------
    kernel, strides, dilation : (int, int)
        Rows and columns.
    same : bool
        TensorFlow's padding ``same``: as many outputs as strides begin in the map, and the larger
        half of an odd padding at the end. False for ``valid``.
    channels_last : bool
    signal : bool
        Whether the layer works on signals [T, C], as maps of one column.
    causal : bool
        Padding before the first row only, such that no output reads later rows than its own.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    same: bool = False
    channels_last: bool = True
    signal: bool = False
    causal: bool = False

    def map_size(self, op: Op, shape: Shape) -> tuple[int, int, int]:
        """Return rows, columns and channels of a shape without the batch."""
        if len(shape) != (2 if self.signal else 3):
            raise op.error(f"reads a tensor of shape {list(shape)}, expected "
                           + ("rows and channels" if self.signal else "rows, columns and channels"))
        if self.signal:
            rows, channels = shape if self.channels_last else shape[::-1]
            return rows, 1, channels
        first, second, third = shape
        return (first, second, third) if self.channels_last else (second, third, first)

    def shape(self, rows: int, columns: int, channels: int) -> Shape:
        """Return a shape in the order of the axes of this layer."""
        pixels = (rows,) if self.signal else (rows, columns)
        return (*pixels, channels) if self.channels_last else (channels, *pixels)

    def padding(self, rows: int, columns: int) -> list[tuple[int, int]]:
        """Return the padding before and after the rows and the columns."""
        if self.causal:
            return [((self.kernel[0] - 1) * self.dilation[0], 0), (0, 0)]
        if not self.same:
            return [(0, 0), (0, 0)]
        found = []
        for size, k, s, d in zip((rows, columns), self.kernel, self.strides, self.dilation,
                                 strict=True):
            reach = (k - 1) * d + 1
            total = max((-(-size // s) - 1) * s + reach - size, 0)
            found.append((total // 2, total - total // 2))
        return found

    def out_size(self, op: Op, rows: int, columns: int) -> tuple[int, int]:
        """Return the rows and columns of the result."""
        sizes = []
        for size, (before, after), k, s, d in zip(
                (rows, columns), self.padding(rows, columns), self.kernel, self.strides,
                self.dilation, strict=True):
            count = (size + before + after - (k - 1) * d - 1) // s + 1
            if count < 1:
                raise op.error(f"has a window of {list(self.kernel)}, which is larger than its "
                               f"map of {rows} x {columns}")
            sizes.append(count)
        return sizes[0], sizes[1]

    def windows(self, x: np.ndarray, pad: float) -> np.ndarray:
        """Cut a batch of maps [n, H, W, C] into windows [n, rows, columns, taps, C]."""
        pads = self.padding(*x.shape[1:3])
        x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=np.float32(pad))
        taps = []
        counts = [(x.shape[1 + a] - (self.kernel[a] - 1) * self.dilation[a] - 1)
                  // self.strides[a] + 1 for a in range(2)]
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                cut = [slice(k * d, k * d + (count - 1) * s + 1, s) for k, d, s, count in
                       zip((ky, kx), self.dilation, self.strides, counts, strict=True)]
                taps.append(x[:, cut[0], cut[1]])
        return np.stack(taps, axis=3)

    def last(self, x: np.ndarray) -> np.ndarray:
        """Return a batch of maps with their channels last."""
        moved = x if self.channels_last else np.moveaxis(x, 1, -1)
        return moved[:, :, None] if self.signal else moved

    def restored(self, x: np.ndarray) -> np.ndarray:
        """Return a batch with channels last in the order of the axes of this layer."""
        x = x[:, :, 0] if self.signal else x
        return x if self.channels_last else np.ascontiguousarray(np.moveaxis(x, -1, 1))

    @property
    def axes(self) -> int:
        """Number of axes of the window."""
        return 1 if self.signal else 2

    def attributes(self) -> dict[str, object]:
        """Return the attributes of ONNX's Conv and pools, without dilations."""
        found: dict[str, object] = {"kernel_shape": list(self.kernel[:self.axes]),
                                    "strides": list(self.strides[:self.axes])}
        if self.causal:
            return {**found, "pads": [self.padding(1, 1)[0][0], 0]}
        return {**found, "auto_pad": "SAME_UPPER" if self.same else "VALID"}


def to_channels_first(nodes: Nodes, x: str, geometry: Geometry) -> str:
    """Add a Transpose to ONNX's order of axes where it is needed."""
    rank = 2 + geometry.axes
    return nodes.add("Transpose", x, perm=[0, rank - 1, *range(1, rank - 1)]) \
        if geometry.channels_last else x


def from_channels_first(nodes: Nodes, x: str, geometry: Geometry, output: str) -> None:
    """Add a Transpose back from ONNX's order of axes; its result is the tensor ``output``."""
    if geometry.channels_last:
        nodes.add("Transpose", x, output=output, perm=[0, *range(2, 2 + geometry.axes), 1])
    else:
        nodes.add("Identity", x, output=output)
