"""QKeras' quantisers ``binary`` and ``ternary``."""

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

__all__ = ["Binary", "Ternary"]


@dataclass(frozen=True)
class Binary(AlphaQuantiser):
    """``binary``: -1 and +1, or 0 and 1, times a scale.

    Parameters
    ----------
    use_01 : bool
    alpha : float, "auto", "auto_po2" or None
        With None, the straight-through expression is that of tanh(x).
    """

    use_01: bool = False
    alpha: Alpha = None

    name = "binary"
    rounding = 2.0 ** -22

    def for_kernels(self) -> Quantiser:
        return replace(self, alpha="auto_po2") if self.alpha is None else self

    def kernel(self, w: np.ndarray) -> Kernel:
        q = self._signs(w)
        x = np.tanh(w) if self.alpha is None else w
        return through_kernel(x, fitted_scale(self.alpha, x, q) * q)

    def compute(self, x: np.ndarray) -> np.ndarray:
        q = self.factor * self._signs(x)
        return straight_through(np.tanh(x) if self.alpha is None else x, q)

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        sign = nodes.add("BipolarQuant", x, nodes.constant(1.0))
        if self.use_01:
            sign = nodes.add("Div", nodes.add("Add", sign, nodes.constant(1.0)),
                             nodes.constant(2.0))
        nodes.add("Mul", sign, nodes.constant(self.factor), output=output)

    def _signs(self, x: np.ndarray) -> np.ndarray:
        k = np.sign(flushed(x))
        k = k + (np.float32(1) - np.abs(k))
        return np.asarray((k + np.float32(1)) / np.float32(2) if self.use_01 else k,
                          dtype=np.float32)


@dataclass(frozen=True)
class Ternary(AlphaQuantiser):
    """``ternary``: -1, 0 and +1 times a scale; 0 where the magnitude is below a threshold.

    Parameters
    ----------
    alpha : float, "auto", "auto_po2" or None
    threshold : float or None
        None for 0.33, or with an automatic scale for half the scale.
    use_stochastic_rounding : bool
    number_of_unrolls : int
        Iterations that find an automatic scale.
    """

    alpha: Alpha = None
    threshold: float | None = None
    use_stochastic_rounding: bool = False
    number_of_unrolls: int = 5

    name = "ternary"
    rounding = 2.0 ** -22

    def for_kernels(self) -> Quantiser:
        return replace(self, alpha="auto_po2") if self.alpha is None else self

    def kernel(self, w: np.ndarray) -> Kernel:
        if not isinstance(self.alpha, str):
            x = np.tanh(w) if self.alpha is None else w
            return through_kernel(x, self.factor * self._levels(w))
        if not 0 <= self.number_of_unrolls <= 1000 or self.threshold is not None:
            raise self.error(f"has number_of_unrolls = {self.number_of_unrolls} and threshold = "
                             f"{self.threshold} with alpha = '{self.alpha}', expected at most "
                             "1000 and None")
        scale = np.float32(2) * np.abs(w).max(axis=kernel_axes(w), keepdims=True) / np.float32(3)
        if self.alpha == "auto_po2":
            scale = nearest_power(scale)
        q = self._levels(w)
        for _ in range(self.number_of_unrolls):
            half = scale / np.float32(2)
            p = w / scale
            v = scale * straight_through(p, np.rint(p))
            q = (np.abs(v) >= half).astype(np.float32) * np.sign(w)
            scale = fitted_scale(self.alpha, w, q)
        return through_kernel(w, scale * q)

    def compute(self, x: np.ndarray) -> np.ndarray:
        base = np.tanh(x) if self.alpha is None else x
        return straight_through(base, self.factor * self._levels(x))

    def lower(self, nodes: Nodes, x: str, output: str) -> None:
        levels = nodes.ternary(x, self._limit)
        nodes.add("Mul", levels, nodes.constant(self.factor), output=output)

    @property
    def _limit(self) -> float:
        return 0.33 if self.threshold is None else float(self.threshold)

    def _levels(self, x: np.ndarray) -> np.ndarray:
        large = np.abs(x) >= np.float32(self._limit)
        return np.asarray(large * np.sign(x), dtype=np.float32)
