"""The dense layer: XNOR, popcount, and a threshold for each output channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.ir.layers.base import Layer
from bnnhw.ir.types import Bits, Int, TensorType

__all__ = ["Dense", "product_sum"]


def product_sum(weights: np.ndarray, unipolar: bool) -> tuple[int, np.ndarray]:
    """Write the sum of products of each row as ``coefficient * popcount + const``.

    Parameters
    ----------
    weights : uint8 [out, in]
        0 stands for -1 and 1 for +1.
    unipolar : bool
        Whether the inputs are 0/1 (``p + ones - N``) or -1/+1 (``2p - N``).

    Returns
    -------
    coefficient : int
    const : int64 [out]
    """
    rows, fan_in = weights.shape
    if unipolar:
        return 1, weights.sum(axis=1, dtype=np.int64) - fan_in
    return 2, np.full(rows, -fan_in, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Dense(Layer):
    """``acc = sum_m c_m * popcount(xnor(plane_m(x), w_m)) + const``, then thresholds or ``acc``.

    A binary network has one plane. For bits that mean -1/+1 the dot product is ``2p - N``
    (``c = 2``, ``const = -N``); for bits that mean 0/1 it is ``p + popcount(w) - N``. With
    thresholds the constants are folded into them, so ``c = 1`` and ``const = 0``.

    Parameters
    ----------
    weights : uint8 [M, out, in]
        0 stands for -1 and 1 for +1; one matrix a plane of the input.
    coefficients : tuple of M int
        ``c_m``, positive.
    const : int64 [out]
        Added to every accumulator.
    thresholds : int64 [out, J] or None
        Ascending along J. ``out = #{j : acc >= T_j}``: bits for J = 1, integers 0..J for more.
        None hands on the accumulators.
    unipolar : bool
        What the output bits mean to the layer behind.
    """

    weights: np.ndarray
    coefficients: tuple[int, ...]
    const: np.ndarray
    thresholds: np.ndarray | None
    unipolar: bool = False

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        w = self.weights
        if len(self.input.shape) != 1:
            raise self.refuse(f"reads a tensor of shape {self.input.shape}", "flatten it first")
        if w.dtype != np.uint8 or w.ndim != 3 or w.size == 0:
            raise self.refuse(f"weights must be uint8 [planes, out, in], not {w.dtype} {w.shape}")
        if w.shape[2] != self.input.shape[0]:
            raise self.refuse(
                f"weights take {w.shape[2]} inputs, but '{self.source}' gives "
                f"{self.input.shape[0]}")
        if w.max() > 1:
            raise self.refuse(f"weights must be 0 or 1, found {int(w.max())}")
        if w.shape[0] != self.input.element.planes or len(self.coefficients) != w.shape[0]:
            raise self.refuse(f"needs {self.input.element.planes} weight planes and coefficients")
        if any(c < 1 for c in self.coefficients):
            raise self.refuse(f"coefficients must be positive, not {self.coefficients}")
        if self.const.shape != (w.shape[1],):
            raise self.refuse(f"const must have shape ({w.shape[1]},), not {self.const.shape}")
        self._check_thresholds()

    def _check_thresholds(self) -> None:
        t = self.thresholds
        if t is None:
            return
        if t.ndim != 2 or t.shape[0] != self.outputs or t.shape[1] < 1:
            raise self.refuse(f"thresholds must have shape ({self.outputs}, J), not {t.shape}")
        if (np.diff(t, axis=1) < 0).any():
            raise self.refuse("thresholds of a channel must ascend")

    @property
    def planes(self) -> int:
        return int(self.weights.shape[0])

    @property
    def outputs(self) -> int:
        return int(self.weights.shape[1])

    @property
    def fan_in(self) -> int:
        return int(self.weights.shape[2])

    @property
    def acc_range(self) -> Int:
        """Range of the accumulators over all inputs and channels."""
        top = sum(self.coefficients) * self.fan_in
        return Int(int(self.const.min()), int(self.const.max()) + top)

    def out_type(self) -> TensorType:
        shape = (self.outputs,)
        if self.thresholds is None:
            return TensorType(shape, self.acc_range)
        levels = self.thresholds.shape[1]
        element = Bits(unipolar=self.unipolar) if levels == 1 else Int(0, levels)
        return TensorType(shape, element)

    def popcounts(self, x: np.ndarray) -> np.ndarray:
        """Agreeing bits of each input and row: ``[n, in]`` -> ``[n, M, out]``."""
        planes = [(x >> m) & 1 for m in range(self.planes)]
        counts = []
        for plane, w in zip(planes, self.weights.astype(np.int64), strict=True):
            dot = (2 * plane - 1) @ (2 * w - 1).T
            counts.append((dot + self.fan_in) // 2)
        return np.stack(counts, axis=1)

    def accumulate(self, popcounts: np.ndarray) -> np.ndarray:
        """Combine the planes: ``[n, M, out]`` -> ``[n, out]``."""
        c = np.array(self.coefficients, dtype=np.int64)
        return np.einsum("nmo,m->no", popcounts, c) + self.const

    def activate(self, acc: np.ndarray) -> np.ndarray:
        """Apply the thresholds, where there are any."""
        if self.thresholds is None:
            return acc
        return (acc[:, :, None] >= self.thresholds[None]).sum(axis=2, dtype=np.int64)

    def compute(self, x: np.ndarray) -> np.ndarray:
        return self.activate(self.accumulate(self.popcounts(x)))

    def params(self) -> dict[str, Any]:
        return {"coefficients": list(self.coefficients), "unipolar": self.unipolar}

    def arrays(self) -> dict[str, np.ndarray]:
        arrays = {"weights": self.weights, "const": self.const}
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds
        return arrays
