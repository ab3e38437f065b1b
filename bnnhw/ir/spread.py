"""The geometry of a transposed convolution: where it adds the kernel of each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.ir.window import Window

__all__ = ["Spread"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Spread:
    """Where a transposed convolution adds the kernel of each pixel.

    Tap ``(ky, kx)`` of input pixel ``(y, x)`` is added to output pixel ``(y * stride + ky - top,
    x * stride + kx - left)``.

    Parameters
    ----------
    kernel, stride : (int, int)
        Rows and columns.
    pads : (int, int, int, int)
        Rows and columns that are dropped on top, left, bottom and right: the ``padding`` of
        PyTorch.
    more : (int, int)
        Rows and columns that are added at the bottom and on the right (``output_padding``).
    """

    kernel: Pair
    stride: Pair = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    more: Pair = (0, 0)

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    def out_size(self, height: int, width: int) -> Pair:
        """Output rows and columns."""
        rows, columns = ((n - 1) * s - first - last + k + more for n, s, first, last, k, more in
                         zip((height, width), self.stride, self.pads[:2], self.pads[2:],
                             self.kernel, self.more, strict=True))
        return rows, columns

    def padded_size(self, height: int, width: int) -> Pair:
        """Rows and columns of the map with inserted zeros and padding."""
        rows, columns = (n + k - 1 for n, k in zip(self.out_size(height, width), self.kernel,
                                                   strict=True))
        return rows, columns

    def stuffed(self, x: np.ndarray) -> np.ndarray:
        """Insert zeros between the pixels of ``[n, H, W, C]``."""
        n, height, width, channels = x.shape
        (down, right) = self.stride
        wide = np.zeros((n, (height - 1) * down + 1, (width - 1) * right + 1, channels), x.dtype)
        wide[:, ::down, ::right] = x
        return wide

    @property
    def window(self) -> Window:
        """The window that gathers the taps of each output pixel from the stuffed map, reversed."""
        (rows, columns), (top, left, bottom, right) = self.kernel, self.pads
        return Window(self.kernel, pads=(rows - 1 - top, columns - 1 - left,
                                         rows - 1 - bottom + self.more[0],
                                         columns - 1 - right + self.more[1]))

    def gather(self, x: np.ndarray) -> np.ndarray:
        """Gather the taps of each output pixel: ``[n, H, W, C]`` -> ``[n, OH, OW, KH, KW, C]``."""
        return self.window.gather(self.stuffed(x), 0)[:, :, :, ::-1, ::-1]
