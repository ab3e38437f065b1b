"""Quantisers of Larq (larq/quantizers.py, version 0.14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.quantisers.base import Kernel, Quantiser

__all__ = ["IGNORED", "DoReFa", "Heaviside", "MagnitudeSign", "NoOp", "Sign", "Ternary"]

IGNORED = frozenset({"name", "trainable", "dtype", "clip_value", "beta", "metrics"})
"""Arguments of Larq's classes that only matter in training."""

SMALLEST = np.float32(2.0 ** -126)
"""Smallest normal float32; TensorFlow replaces smaller ones by 0."""


def flushed(x: np.ndarray) -> np.ndarray:
    """Replace subnormal numbers by 0, as TensorFlow does on a CPU."""
    return np.where(np.abs(x) < SMALLEST, np.float32(0), x)


def sign(x: np.ndarray) -> np.ndarray:
    """``tf.sign(tf.sign(x) + 0.1)``: +1 at 0."""
    return np.asarray(np.sign(np.sign(flushed(x)) + np.float32(0.1)), dtype=np.float32)


@dataclass(frozen=True)
class Sign(Quantiser):
    """``ste_sign``, ``approx_sign`` and ``swish_sign``: -1 below 0, +1 from 0 on."""

    name = "ste_sign"

    def kernel(self, w: np.ndarray) -> Kernel:
        return Kernel(sign(w), sign(w))

    def compute(self, x: np.ndarray) -> np.ndarray:
        return sign(x)

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        nodes.add("BipolarQuant", x, nodes.constant(1.0), output=output)


@dataclass(frozen=True)
class MagnitudeSign(Quantiser):
    """``magnitude_aware_sign``: the sign times the mean magnitude of each output channel."""

    name = "magnitude_aware_sign"

    def kernel(self, w: np.ndarray) -> Kernel:
        scale = np.abs(w).mean(axis=tuple(range(w.ndim - 1)), dtype=np.float32)
        values = scale * sign(w)
        return Kernel(values, values)

    def compute(self, x: np.ndarray) -> np.ndarray:
        raise self.error("scales activations by their mean, which depends on the sample",
                         "use it as kernel_quantizer, and ste_sign as input_quantizer")

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        self.compute(np.zeros(1))


@dataclass(frozen=True)
class Heaviside(Quantiser):
    """``ste_heaviside``: 1 above 0, else 0."""

    name = "ste_heaviside"

    def kernel(self, w: np.ndarray) -> Kernel:
        return Kernel(self.compute(w), self.compute(w))

    def compute(self, x: np.ndarray) -> np.ndarray:
        return np.sign(np.maximum(flushed(x), np.float32(0)))

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        above = nodes.add("Greater", x, nodes.constant(0.0))
        nodes.add("Cast", above, output=output, to=1)


@dataclass(frozen=True)
class Ternary(Quantiser):
    """``ste_tern``: ``sign(sign(x + t) + sign(x - t))``, with a fixed or a mean threshold t.

    Parameters
    ----------
    threshold_value : float
    ternary_weight_networks : bool
        Take 0.7 times the mean magnitude of the weights as threshold.
    """

    threshold_value: float = 0.05
    ternary_weight_networks: bool = False

    name = "ste_tern"

    def kernel(self, w: np.ndarray) -> Kernel:
        threshold = np.float32(self.threshold_value)
        if self.ternary_weight_networks:
            total = np.float32(0.7) * np.abs(w).sum(dtype=np.float32)
            threshold = np.float32(total / np.float32(w.size))
        values = self._levels(w, threshold)
        return Kernel(values, values)

    def compute(self, x: np.ndarray) -> np.ndarray:
        if self.ternary_weight_networks:
            raise self.error("takes the mean of the activations as its threshold, which depends "
                             "on the sample", "use a fixed threshold_value for activations")
        return self._levels(x, np.float32(self.threshold_value))

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        if self.ternary_weight_networks:
            self.compute(np.zeros(1))
        nodes.ternary(x, abs(self.threshold_value), output)  # t and -t are symmetric

    @staticmethod
    def _levels(x: np.ndarray, threshold: np.float32) -> np.ndarray:
        above, below = np.sign(flushed(x + threshold)), np.sign(flushed(x - threshold))
        return np.asarray(np.sign(above + below), dtype=np.float32)


@dataclass(frozen=True)
class DoReFa(Quantiser):
    """``dorefa_quantizer``: ``round(clip(x, 0, 1) * n) / n`` with n = 2**k_bit - 1.

    Parameters
    ----------
    k_bit : int
    mode : str
        ``activations``; or ``weights``, where tanh(w) / (2 max |tanh(w)|) + 0.5 is quantised, and
        the result is mapped to -1..1.
    """

    k_bit: int = 2
    mode: str = "activations"

    name = "dorefa_quantizer"

    def kernel(self, w: np.ndarray) -> Kernel:
        if self.mode == "activations":
            return Kernel(self.compute(w), self.compute(w))
        limited = np.tanh(w)
        divisor = np.float32(2) * np.abs(limited).max()
        normed = limited / divisor if divisor else np.zeros_like(w)
        levels = self._rounded(normed + np.float32(0.5))
        values = np.float32(2) * levels - np.float32(1)
        n = 2 ** self.k_bit - 1
        exact = (2 * np.rint(levels * np.float32(n)) - n) / n
        return Kernel(values, exact.astype(np.float32))

    def compute(self, x: np.ndarray) -> np.ndarray:
        if self.mode == "weights":
            raise self.error("has the mode 'weights' for activations",
                             "use mode = 'activations' in the input_quantizer")
        return self._rounded(np.clip(x, np.float32(0), np.float32(1)))

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        if self.mode == "weights":
            self.compute(np.zeros(1))
        n = nodes.constant(float(2 ** self.k_bit - 1))
        clipped = nodes.add("Clip", x, nodes.constant(0.0), nodes.constant(1.0))
        rounded = nodes.add("Round", nodes.add("Mul", clipped, n))
        nodes.add("Div", rounded, n, output=output)

    def _rounded(self, x: np.ndarray) -> np.ndarray:
        n = np.float32(2 ** self.k_bit - 1)
        return np.asarray(np.rint(x * n) / n, dtype=np.float32)


@dataclass(frozen=True)
class NoOp(Quantiser):
    """``NoOp``: the values themselves, which an optimizer such as Bop has made -1 and +1.

    Parameters
    ----------
    precision : int
        Number of bits that the user states; unused.
    """

    precision: int = 1

    name = "NoOp"

    def kernel(self, w: np.ndarray) -> Kernel:
        return Kernel(w, w)

    def compute(self, x: np.ndarray) -> np.ndarray:
        return x

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        nodes.add("Identity", x, output=output)
