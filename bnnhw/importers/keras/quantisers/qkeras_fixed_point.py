"""QKeras' quantisers ``quantized_bits``, ``quantized_relu`` and ``quantized_tanh``."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.quantisers.base import Kernel, Quantiser
from bnnhw.importers.keras.quantisers.larq import flushed
from bnnhw.importers.keras.quantisers.qkeras_base import (
    Alpha,
    AlphaQuantiser,
    fitted_scale,
    kernel_axes,
    nearest_power,
    straight_through,
    through_kernel,
)

__all__ = ["QuantizedBits", "QuantizedRelu", "QuantizedTanh"]


@dataclass(frozen=True)
class QuantizedBits(AlphaQuantiser):
    """``quantized_bits``: fixed point with ``integer`` bits before the point.

    Parameters
    ----------
    bits, integer : int
    symmetric, keep_negative : bool
    alpha : float, "auto", "auto_po2" or None
    """

    bits: int = 8
    integer: int = 0
    symmetric: bool = False
    keep_negative: bool = True
    alpha: Alpha = None

    name = "quantized_bits"

    @property
    def rounding(self) -> float:  # type: ignore[override]
        exact = np.frexp(float(self.factor))[0] == 0.5 and self.bits > self.keep_negative
        return 0.0 if exact else 2.0 ** -22

    def for_kernels(self) -> Quantiser:
        return replace(self, alpha="auto_po2", symmetric=True) if self.alpha is None else self

    def kernel(self, w: np.ndarray) -> Kernel:
        if not isinstance(self.alpha, str):
            return through_kernel(w, self._levels(w))
        m, unit = self._sizes()
        x = w / unit
        top = np.float32(2 ** (self.bits - 1) - 1)
        scale = np.abs(x).max(axis=kernel_axes(x), keepdims=True) * np.float32(2) / (2 * top)
        if self.alpha == "auto_po2":
            scale = nearest_power(scale)
            for _ in range(5):
                z = self._steps(x, scale, top)
                scale = fitted_scale("auto_po2", x, z)
        else:
            z = self._steps(x, scale, top)
        return through_kernel(unit * x, scale * m * (unit * z / m))

    def compute(self, x: np.ndarray) -> np.ndarray:
        self._check()
        return straight_through(x, self._levels(x))

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        self._check()
        m, unit = (float(v) for v in self._sizes())
        if self._binary:
            sign = nodes.add("BipolarQuant", x, nodes.constant(1.0))
            if not self.keep_negative:
                sign = nodes.add("Div", nodes.add("Add", sign, nodes.constant(1.0)),
                                 nodes.constant(2.0))
            nodes.add("Mul", sign, nodes.constant(self.factor), output=output)
            return
        scaled = nodes.add("Div", nodes.add("Mul", x, nodes.constant(m)), nodes.constant(unit))
        low = (-m + self.symmetric) if self.keep_negative else 0.0
        levels = nodes.add("Clip", nodes.add("Round", scaled), nodes.constant(low),
                           nodes.constant(m - 1))
        value = nodes.add("Mul", levels, nodes.constant(unit))
        value = nodes.add("Div", value, nodes.constant(m))
        nodes.add("Mul", value, nodes.constant(self.factor), output=output)

    @property
    def _binary(self) -> bool:
        return self.bits - self.keep_negative <= 0

    def _check(self) -> None:
        if not 1 <= self.bits <= 16 or not -16 <= self.integer <= 16:
            raise self.error(f"has {self.bits} bits, {self.integer} of them before the point, "
                             "expected 1 to 16 bits")

    def _sizes(self) -> tuple[np.float32, np.float32]:
        return (np.float32(2.0 ** (self.bits - self.keep_negative)),
                np.float32(2.0 ** self.integer))

    @staticmethod
    def _steps(x: np.ndarray, scale: np.ndarray, top: np.float32) -> np.ndarray:
        count = np.floor(np.abs(x) / scale + np.float32(0.5))
        return np.asarray(np.sign(x) * np.where(count < top, count, top), dtype=np.float32)

    def _levels(self, x: np.ndarray) -> np.ndarray:
        m, unit = self._sizes()
        if self._binary:
            q = np.where(flushed(x) >= 0, np.float32(1), np.float32(-1))
            if not self.keep_negative:
                q = (q + np.float32(1)) / np.float32(2)
        else:
            p = x * m / unit
            rounded = straight_through(p, np.rint(p))
            low = np.float32(self.keep_negative) * (-m + np.float32(self.symmetric))
            q = unit * np.clip(rounded, low, m - np.float32(1)) / m
        return np.asarray(self.factor * q, dtype=np.float32)


@dataclass(frozen=True)
class QuantizedRelu(Quantiser):
    """``quantized_relu``: fixed point without a sign, negative values become 0.

    Parameters
    ----------
    bits, integer : int
    use_sigmoid : bool
    negative_slope : float
    use_stochastic_rounding : bool
    relu_upper_bound : float or None
    """

    bits: int = 8
    integer: int = 0
    use_sigmoid: bool = False
    negative_slope: float = 0.0
    use_stochastic_rounding: bool = False
    relu_upper_bound: float | None = None
    is_quantized_clip: bool = True

    name = "quantized_relu"

    def kernel(self, w: np.ndarray) -> Kernel:
        raise self.error("quantises weights, but it has no negative values",
                         "use quantized_bits or binary as kernel_quantizer")

    def compute(self, x: np.ndarray) -> np.ndarray:
        m, unit, step = self._sizes()
        top = unit - step
        seen = np.where(x <= top, np.maximum(x, np.float32(0)), top).astype(np.float32)
        p = x * m / unit
        rounded = straight_through(p, np.rint(p))
        q = unit * np.clip(rounded / m, np.float32(0), np.float32(1) - np.float32(1) / m)
        return straight_through(seen, q)

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        m, unit, _ = (float(v) for v in self._sizes())
        scaled = nodes.add("Div", nodes.add("Mul", x, nodes.constant(m)), nodes.constant(unit))
        levels = nodes.add("Clip", nodes.add("Round", scaled), nodes.constant(0.0),
                           nodes.constant(m - 1))
        nodes.add("Mul", levels, nodes.constant(unit / m), output=output)

    def _sizes(self) -> tuple[np.float32, np.float32, np.float32]:
        if self.use_sigmoid or self.negative_slope:
            raise self.error(f"has use_sigmoid = {self.use_sigmoid} and negative_slope = "
                             f"{self.negative_slope}, which are not supported",
                             "train with quantized_relu(bits, integer)")
        if not 1 <= self.bits <= 16 or not -16 <= self.integer <= 16:
            raise self.error(f"has {self.bits} bits, {self.integer} of them before the point, "
                             "expected 1 to 16 bits")
        if not self.is_quantized_clip:
            raise self.error("has is_quantized_clip = False, which is not supported")
        return (np.float32(2.0 ** self.bits), np.float32(2.0 ** self.integer),
                np.float32(2.0 ** (self.integer - self.bits)))


@dataclass(frozen=True)
class QuantizedTanh(Quantiser):
    """``quantized_tanh`` with QKeras' default sigmoid: ``2 clip(x / 2 + 1 / 2, 0, 1) - 1``.

    Parameters
    ----------
    bits : int
    use_stochastic_rounding, symmetric, use_real_tanh : bool
    """

    bits: int = 8
    use_stochastic_rounding: bool = False
    symmetric: bool = False
    use_real_tanh: bool = False

    name = "quantized_tanh"

    def kernel(self, w: np.ndarray) -> Kernel:
        return Kernel(self.compute(w), self.compute(w))

    def compute(self, x: np.ndarray) -> np.ndarray:
        m = self._size()
        one, half = np.float32(1), np.float32(0.5)
        p = np.tanh(x) if self.use_real_tanh else np.float32(2) * np.clip(
            half * x + half, np.float32(0), one) - one
        p = p * m
        low = -one + np.float32(self.symmetric) / m
        return np.asarray(np.clip(straight_through(p, np.rint(p)) / m, low, one - one / m),
                          dtype=np.float32)

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        m = float(self._size())
        if self.use_real_tanh:
            p = nodes.add("Tanh", x)
        else:
            half, two, one = (nodes.constant(v) for v in (0.5, 2.0, 1.0))
            p = nodes.add("Add", nodes.add("Mul", x, half), half)
            p = nodes.add("Clip", p, nodes.constant(0.0), one)
            p = nodes.add("Sub", nodes.add("Mul", p, two), one)
        levels = nodes.add("Round", nodes.add("Mul", p, nodes.constant(m)))
        levels = nodes.add("Clip", levels, nodes.constant(-m + self.symmetric),
                           nodes.constant(m - 1))
        nodes.add("Div", levels, nodes.constant(m), output=output)

    def _size(self) -> np.float32:
        if not 2 <= self.bits <= 16:
            raise self.error(f"has {self.bits} bits, expected 2 to 16")
        return np.float32(2.0 ** (self.bits - 1))
