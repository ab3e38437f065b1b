"""What the quantisers of QKeras have in common (qkeras/quantizers.py, version 0.9).

They return ``x + (-x + q)``, the straight-through expression, whose rounding is part of what the
framework computes. ``Kernel.seen`` and ``compute`` contain it; the import treats it as rounding.
"""

from __future__ import annotations

import numpy as np

from bnnhw.importers.keras.quantisers.base import Kernel, Quantiser

__all__ = ["EPSILON", "IGNORED", "Alpha", "AlphaQuantiser", "fitted_scale", "kernel_axes",
           "nearest_power", "straight_through", "through_kernel"]

IGNORED = frozenset({"name", "var_name", "use_variables", "use_ste",
                     "use_stochastic_rounding"})
"""Arguments that only matter in training."""

EPSILON = np.float32(1e-7)
LOG2 = np.float32(np.log(2.0))

Alpha = float | str | None


def kernel_axes(x: np.ndarray) -> tuple[int, ...] | None:
    """Axes of a kernel over which a scale is computed: all but the last."""
    return tuple(range(x.ndim - 1)) if x.ndim > 1 else None


def nearest_power(scale: np.ndarray) -> np.ndarray:
    """The nearest power of two, in QKeras' expression."""
    return np.asarray(np.float32(2) ** np.rint(np.log(scale + EPSILON) / LOG2), dtype=np.float32)


def fitted_scale(alpha: Alpha, x: np.ndarray, q: np.ndarray) -> np.ndarray:
    """``_get_scale``: the scale of each output channel that fits q to x best."""
    if not isinstance(alpha, str):
        return np.asarray(1.0 if alpha is None else alpha, dtype=np.float32)
    axes = kernel_axes(x)
    if axes is None:
        qx, qq = x * q, q * q
    else:
        qx = (x * q).mean(axis=axes, keepdims=True, dtype=np.float32)
        qq = (q * q).mean(axis=axes, keepdims=True, dtype=np.float32)
    scale = qx / (qq + EPSILON)
    return nearest_power(scale) if alpha == "auto_po2" else np.asarray(scale, dtype=np.float32)


def straight_through(x: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The straight-through expression, with its rounding."""
    return np.asarray(x + (-x + q), dtype=np.float32)


def through_kernel(x: np.ndarray, exact: np.ndarray) -> Kernel:
    exact = np.asarray(exact, dtype=np.float32)
    return Kernel(straight_through(x, exact), exact)


class AlphaQuantiser(Quantiser):
    """What the quantisers with a factor ``alpha`` have in common."""

    alpha: Alpha

    @property
    def factor(self) -> np.float32:
        """``alpha`` for activations.

        Raises
        ------
        ModelError
            It is computed from the activations.
        """
        if isinstance(self.alpha, str):
            raise self.error(f"has alpha = '{self.alpha}' for activations, which depends on the "
                             "sample", "give a number as alpha, such as alpha=1.0")
        return np.float32(1.0 if self.alpha is None else self.alpha)

    @property
    def input_rounding(self) -> float:  # type: ignore[override]
        """Rounding of ``x + (-x + q)`` for large x; it is exact for q of powers of two."""
        return 0.0 if np.frexp(float(self.factor))[0] == 0.5 else 2.0 ** -23
