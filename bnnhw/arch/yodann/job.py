"""A job (one convolution) of the core: its parameters, cycles, stream words and golden model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.ir.window import Window
from bnnhw.rtl.yodann.core import YodannCore
from bnnhw.rtl.yodann.scale import ScaleBias
from bnnhw.rtl.yodann.shape import GROUP, SCALE_WORDS, CoreShape

__all__ = ["Job"]

Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class Job:
    """A convolution of some channels, rows and columns of a layer, for some images.

    Parameters
    ----------
    layer : str
    kernel : (int, int)
        Rows and columns of the kernel.
    first_in, ni : int
        First input channel in the layer, and number of input channels.
    first_out, no : int
        First output channel in the layer, and number of output channels.
    first_row, first_column, h, w : int
        Position and size of the tile in the layer's input.
    out_row, out_column : int
        Position of the first output in the layer's output.
    pads : (int, int, int, int)
        Zeros at the top, left, bottom and right; each less than the kernel size.
    images : int
        Number of images.
    load_filters : bool
        Load weights; otherwise the weights of the previous job are reused.
    scaled : bool
        Scale the sums and add a bias; otherwise the sums are sent unchanged.
    """

    layer: str
    kernel: tuple[int, int]
    first_in: int
    ni: int
    first_out: int
    no: int
    first_row: int
    first_column: int
    h: int
    w: int
    out_row: int
    out_column: int
    pads: Pads
    images: int = 1
    load_filters: bool = True
    scaled: bool = False

    @property
    def window(self) -> Window:
        return Window(self.kernel, pads=self.pads)

    @property
    def out_size(self) -> tuple[int, int]:
        """Output rows and columns."""
        return self.window.out_size(self.h, self.w)

    def mode(self, shape: CoreShape) -> int:
        """The mode with the smallest window that contains the kernel."""
        return shape.mode(self.kernel)

    def lanes(self, shape: CoreShape) -> int:
        """Output channels per word."""
        return shape.lanes(self.mode(shape))

    def words(self, shape: CoreShape) -> int:
        """Output words per pixel."""
        return -(-self.no // self.lanes(shape))

    def weight_words(self, shape: CoreShape) -> int:
        if not self.load_filters:
            return 0
        return self.ni * -(-self.words(shape) // GROUP) * shape.weight_words(self.mode(shape))

    def scale_words(self, shape: CoreShape) -> int:
        return SCALE_WORDS * self.words(shape) if self.scaled else 0

    def in_words(self, shape: CoreShape) -> int:
        """Words of the job on the input stream."""
        return shape.header_words + self.weight_words(shape) + self.scale_words(shape) + \
            self.images * self.h * self.w * self.ni

    def out_words(self, shape: CoreShape) -> int:
        rows, columns = self.out_size
        return self.images * rows * columns * self.words(shape)

    @property
    def fill(self) -> int:
        """Number of pixels before the pixel that completes the first output."""
        (kh, kw), (top, left, _, _) = self.kernel, self.pads
        return (kw - 1 - left) * self.h + (kh - 1 - top)

    def body(self, shape: CoreShape) -> int:
        """Cycles from the first step to the last step, inclusive."""
        rows, columns = self.out_size
        out = self.words(shape)

        def apart(pixels: int, times: int) -> int:
            # An output ends when its pixels have arrived and the previous output has been sent.
            return times * max(pixels * self.ni, out)
        below = self.h - rows + 1
        return ((self.fill + 1) * self.ni + apart(1, self.images * columns * (rows - 1))
                + apart(below, self.images * (columns - 1))
                + apart((self.w - columns) * self.h + below, self.images - 1))

    def cycles(self, shape: CoreShape) -> int:
        """Exact cycles from the first header word to that of the next job, without stalls."""
        last = shape.header_words + 1 + self.weight_words(shape) + self.scale_words(shape) \
            + self.body(shape) - 1
        return last + self.words(shape) + YodannCore.lag(shape) + ScaleBias.LATENCY

    def bound(self, shape: CoreShape) -> int:
        """Lower bound of the cycles: one word per ``bits`` weights, then the convolution itself."""
        weights = self.ni * self.no * self.kernel[0] * self.kernel[1] if self.load_filters else 0
        return -(-weights // shape.bits) + (2 * self.no if self.scaled else 0) + self.body(shape)

    def macs(self) -> int:
        """Products of a weight and a pixel for all outputs, padding included."""
        rows, columns = self.out_size
        return self.images * rows * columns * self.no * self.ni * self.kernel[0] * self.kernel[1]

    def header(self, shape: CoreShape) -> dict[str, int]:
        """Values of the header fields."""
        (kh, kw), (top, left, _, _) = self.kernel, self.pads
        rows, columns = self.out_size
        skip_r, skip_c = shape.kernel - kh, shape.kernel - kw
        lead = -(-self.fill // self.h)
        return {
            "mode": self.mode(shape), "skip_r": skip_r, "skip_c": skip_c,
            "load_filters": int(self.load_filters), "load_scales": int(self.scaled),
            "raw": int(not self.scaled), "round": int(self.scaled), "ni": self.ni - 1,
            "words": self.words(shape) - 1, "h": self.h - 1, "w": self.w - 1, "h_out": rows - 1,
            "w_out": columns - 1, "top": top + skip_r, "left": left + skip_c, "lead": lead,
            "start_row": lead * self.h - self.fill, "columns_in": self.images * self.w - 1,
            "images": self.images - 1}

    def encode(self, shape: CoreShape, pixels: np.ndarray, weights: np.ndarray,
               scales: np.ndarray | None = None) -> np.ndarray:
        """Encode the job as words of the input stream: non-negative int64 ``[in_words]``.

        Parameters
        ----------
        pixels : int64 [images, h, w, ni]
        weights : uint8 [no, kh, kw, ni]
            0 stands for -1.
        scales : int64 [no, 2]
            Alpha and beta of each output channel.
        """
        header, offset = 0, 0
        fields = self.header(shape)
        for name, width in shape.header:
            assert 0 <= fields[name] < 1 << width, (name, fields[name])
            header |= fields[name] << offset
            offset += width
        mask = (1 << shape.bits) - 1
        parts = [np.array([header >> (k * shape.bits) & mask for k in range(shape.header_words)])]
        if self.load_filters:
            parts.append(self._weight_words(shape, weights))
        if self.scaled:
            assert scales is not None
            lanes = self.lanes(shape)
            words = np.zeros((self.words(shape), 2, 2), dtype=np.int64)
            padded = np.zeros((self.words(shape) * lanes, 2), dtype=np.int64)
            padded[:self.no] = scales
            words[:, :lanes] = padded.reshape(-1, lanes, 2)
            parts.append(words.ravel())
        parts.append(pixels.transpose(0, 2, 1, 3).ravel())
        return np.concatenate(parts).astype(np.int64) & mask

    def _weight_words(self, shape: CoreShape, weights: np.ndarray) -> np.ndarray:
        """Weights ``[ni * groups * words]`` in the order of ``FilterBank``."""
        mode, units = self.mode(shape), self.words(shape)
        (kh, kw), side = self.kernel, shape.kernel
        groups, words = -(-units // GROUP), shape.weight_words(mode)
        lanes = self.lanes(shape)
        # [units, lanes, rows, columns, ni], the kernel in the last rows and columns
        window = np.zeros((groups * GROUP * lanes, side, side, self.ni), dtype=np.uint8)
        window[:self.no, side - kh:, side - kw:] = weights
        window = window.reshape(groups, GROUP, lanes, side, side, self.ni)
        bits = np.zeros((groups, self.ni, words * shape.bits), dtype=np.int64)
        first = (shape.full_words - words) * shape.bits
        for j, operand in enumerate(shape.operands):
            tap = operand.taps[mode]
            if tap is None:
                continue
            lane = 0 if mode == 0 or j < shape.half_a else 1
            for unit in range(GROUP):
                offset = shape.weight_bit(mode, unit, j)
                assert offset is not None
                bits[:, :, offset - first] = window[:, unit, lane, tap[0], tap[1]]
        packed = bits.reshape(groups, self.ni, words, shape.bits) << np.arange(shape.bits)
        return np.asarray(packed.sum(axis=3).transpose(1, 0, 2).ravel())

    def decode(self, shape: CoreShape, lanes: np.ndarray) -> np.ndarray:
        """Arrange output words ``[out_words, 2]`` as outputs ``[images, rows, columns, no]``."""
        rows, columns = self.out_size
        used = lanes[:, :self.lanes(shape)]
        out = used.reshape(self.images, columns, rows, -1)[..., :self.no]
        return out.transpose(0, 2, 1, 3)

    def compute(self, shape: CoreShape, pixels: np.ndarray, weights: np.ndarray,
                scales: np.ndarray | None = None) -> np.ndarray:
        """Golden model: int64 ``[images, rows, columns, no]`` of the arguments of ``encode``."""
        signs = 2.0 * weights.reshape(self.no, -1, self.ni) - 1.0
        total = np.zeros((self.images, *self.out_size, self.no), dtype=np.int64)
        for channel in range(self.ni):
            windows = self.window.gather(pixels[..., channel:channel + 1], 0)
            # These sums are exact in double precision, for which matrix products are fast.
            taps = windows.reshape(-1, signs.shape[1]).astype(np.float64)
            total += (taps @ signs[..., channel].T).astype(np.int64).reshape(total.shape)
            if shape.acc is not None:
                total = np.clip(total, -(1 << (shape.acc - 1)), (1 << (shape.acc - 1)) - 1)
        if not self.scaled:
            return total
        assert scales is not None
        half = (1 << shape.frac) >> 1
        scaled = (total * scales[:, 0] + (scales[:, 1] << shape.frac) + half) >> shape.frac
        return np.clip(scaled, -(1 << (shape.bits - 1)), (1 << (shape.bits - 1)) - 1)
