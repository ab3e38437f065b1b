"""Sliding windows: which pixels of a map each output pixel reads, and which lie outside of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from bnnhw.json_types import Json

__all__ = ["Window"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window of ``kernel`` taps that slides over a map ``[H, W, C]``.

    Parameters
    ----------
    kernel, stride, dilation : (int, int)
        Rows and columns. A signal ``[T, C]`` is a map with one pixel per row, so that its kernel is
        ``(K, 1)``.
    pads : (int, int, int, int)
        Rows and columns added on top, left, bottom, right. A causal signal pads the top only.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.pads) < 0:
            raise ValueError("kernel, stride and dilation must be positive, pads not negative")

    @property
    def taps(self) -> int:
        return self.kernel[0] * self.kernel[1]

    @property
    def reach(self) -> Pair:
        """Rows and columns from the first to the last tap, both included."""
        return ((self.kernel[0] - 1) * self.dilation[0] + 1,
                (self.kernel[1] - 1) * self.dilation[1] + 1)

    @property
    def padded(self) -> bool:
        return any(self.pads)

    @property
    def one_column(self) -> bool:
        """Whether the window fits a signal, whose pixels form one column."""
        return (self.kernel[1], self.stride[1], self.pads[1], self.pads[3]) == (1, 1, 0, 0)

    @property
    def pointwise(self) -> bool:
        """Whether each output pixel reads only the input pixel at the same position."""
        return self.taps == 1 and self.stride == (1, 1) and not self.padded

    def padded_size(self, height: int, width: int) -> Pair:
        """Rows and columns of a map with its padding."""
        top, left, bottom, right = self.pads
        return height + top + bottom, width + left + right

    def out_size(self, height: int, width: int) -> Pair:
        """Output rows and columns; zero or negative if the window is larger than the padded map."""
        rows, columns = self.padded_size(height, width)
        return ((rows - self.reach[0]) // self.stride[0] + 1,
                (columns - self.reach[1]) // self.stride[1] + 1)

    def rows(self, out_height: int) -> np.ndarray:
        """Input row of each output row and tap row ``[OH, KH]``, including rows outside the map."""
        return (np.arange(out_height)[:, None] * self.stride[0] - self.pads[0]
                + np.arange(self.kernel[0])[None] * self.dilation[0])

    def columns(self, out_width: int) -> np.ndarray:
        """Input column of each output column and tap column ``[OW, KW]``."""
        return (np.arange(out_width)[:, None] * self.stride[1] - self.pads[1]
                + np.arange(self.kernel[1])[None] * self.dilation[1])

    def gather(self, x: np.ndarray, fill: np.ndarray | int) -> np.ndarray:
        """Gather windows (im2col): ``[n, H, W, C]`` -> ``[n, OH, OW, KH, KW, C]``.

        Parameters
        ----------
        x : integer array [n, H, W, C]
        fill : int or array [PH, PW, PC]
            Values of pixels outside the map: a pattern that repeats, counted from pixel (0, 0).
        """
        _, height, width, channels = x.shape
        top, left, bottom, right = self.pads
        pattern = np.atleast_3d(np.asarray(fill))
        ph, pw, pc = (int(n) for n in pattern.shape)
        y = (np.arange(height + top + bottom) - top) % ph
        z = (np.arange(width + left + right) - left) % pw
        c = np.arange(channels) % pc
        padded = np.broadcast_to(pattern[np.ix_(y, z, c)], (len(x), len(y), len(z), channels))
        padded = padded.astype(x.dtype)
        padded[:, top:top + height, left:left + width] = x
        oh, ow = self.out_size(height, width)
        rows, columns = self.rows(oh) + top, self.columns(ow) + left
        return padded[:, rows[:, None, :, None], columns[None, :, None, :]]

    def absent(self, height: int, width: int) -> np.ndarray:
        """Which taps lie outside the map: bool ``[OH, OW, KH, KW]``."""
        oh, ow = self.out_size(height, width)
        rows, columns = self.rows(oh), self.columns(ow)
        out_rows = (rows < 0) | (rows >= height)
        out_columns = (columns < 0) | (columns >= width)
        return out_rows[:, None, :, None] | out_columns[None, :, None, :]

    def to_json(self) -> dict[str, object]:
        return {k: list(v) for k, v in asdict(self).items()}

    @staticmethod
    def from_json(data: Json) -> Window:
        (kh, kw), (sh, sw), (dh, dw) = data["kernel"], data["stride"], data["dilation"]
        top, left, bottom, right = data["pads"]
        return Window((int(kh), int(kw)), (int(sh), int(sw)), (int(dh), int(dw)),
                      (int(top), int(left), int(bottom), int(right)))
