"""Sums of products of bits: what dense layers and convolutions have in common."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnhw.ir.layer import Layer
from bnnhw.ir.types import Bits, Element, Int, TensorType, plane_offset, planes_of

__all__ = ["Counter", "Product", "count_agreeing", "product_sum"]

Counter = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(bits [N, in], weights [rows, in]) -> popcounts of their XNOR, int64 [N, rows]``."""


def count_agreeing(bits: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count agreeing bits the readable way: a dot product of -1/+1 is agreeing minus differing."""
    dot = (2 * bits.astype(np.int64) - 1) @ (2 * weights.astype(np.int64) - 1).T
    return np.asarray((dot + weights.shape[1]) // 2)


def product_sum(weights: np.ndarray, element: Element) -> tuple[tuple[int, ...], np.ndarray]:
    """Write the sum of products of each row as ``sum_m c_m * popcount_m + const``.

    Parameters
    ----------
    weights : uint8 [out, in]
        0 stands for -1 and 1 for +1.
    element : Bits or Int
        What is multiplied: -1/+1 gives ``2p - N``, 0/1 gives ``p + ones - N``, and an integer of
        B bits gives ``sum_m 2**m p_m + (2**B - 1)(ones - N)``, less its plane offset times
        ``2 ones - N``.

    Returns
    -------
    coefficients : tuple of int
        One a plane.
    const : int64 [out]
    """
    rows, fan_in = weights.shape
    ones = weights.sum(axis=1, dtype=np.int64)
    if isinstance(element, Bits) and not element.unipolar:
        return (2,), np.full(rows, -fan_in, dtype=np.int64)
    coefficients = tuple(1 << m for m in range(element.planes))
    if element.planes + fan_in.bit_length() > 60:
        raise ValueError(f"sums of {fan_in} integers of {element.planes} bits do not fit 63 bits")
    const = sum(coefficients) * (ones - fan_in) - plane_offset(element) * (2 * ones - fan_in)
    return coefficients, const


@dataclass(frozen=True, eq=False)
class Product(Layer):
    """``acc = sum_m c_m * popcount(xnor(plane_m(x), w_m)) + const``, then thresholds or ``acc``.

    A layer cuts its input into vectors, ``V`` positions by ``G`` groups; each vector meets the
    rows of its group. A binary network has one plane (see ``product_sum``). With thresholds the
    constants can be folded into them, so that ``c = 1`` and ``const = 0``.

    Parameters
    ----------
    weights : uint8 [P, out, in]
        0 stands for -1 and 1 for +1; one matrix a plane of the input, or one for all of them.
    coefficients : tuple of M int
        ``c_m``, positive; M is the number of planes of the input.
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

    def __post_init__(self) -> None:
        w, planes = self.weights, self.input.element.planes
        if w.dtype != np.uint8 or w.ndim != 3 or w.size == 0:
            raise self.refuse(f"weights must be uint8 [planes, out, in], not {w.dtype} {w.shape}")
        if w.shape[2] != self.expected_fan_in():
            raise self.refuse(
                f"weights take {w.shape[2]} inputs, but '{self.source}' gives "
                f"{self.expected_fan_in()}")
        if w.max() > 1:
            raise self.refuse(f"weights must be 0 or 1, found {int(w.max())}")
        if w.shape[0] not in (1, planes) or len(self.coefficients) != planes:
            raise self.refuse(f"needs {planes} weight planes and coefficients")
        if any(c < 1 for c in self.coefficients):
            raise self.refuse(f"coefficients must be positive, not {self.coefficients}")
        if self.const.shape != (w.shape[1],):
            raise self.refuse(f"const must have shape ({w.shape[1]},), not {self.const.shape}")
        if w.shape[1] % self.groups:
            raise self.refuse(f"{w.shape[1]} outputs do not divide into {self.groups} groups")
        if sum(self.coefficients) * self.fan_in + int(np.abs(self.const).max()) >= 1 << 62:
            raise self.refuse("its sums do not fit 63 bits")
        self._check_thresholds()

    def _check_thresholds(self) -> None:
        t = self.thresholds
        if t is None:
            return
        if t.ndim != 2 or t.shape[0] != self.outputs or t.shape[1] < 1:
            raise self.refuse(f"thresholds must have shape ({self.outputs}, J), not {t.shape}")
        if (np.diff(t, axis=1) < 0).any():
            raise self.refuse("thresholds of a channel must ascend")

    @abc.abstractmethod
    def expected_fan_in(self) -> int:
        """Inputs of a row, by the input type."""

    @abc.abstractmethod
    def positions(self) -> tuple[int, ...]:
        """Shape of the output without its channels."""

    @abc.abstractmethod
    def vectors(self, x: np.ndarray) -> np.ndarray:
        """Cut the input into vectors: ``[n, *input.shape]`` -> ``[n, V, G, in]``."""

    def border(self) -> np.ndarray | None:
        """What each position adds to its accumulators, int64 ``[V, out]``; None for nothing."""
        return None

    @property
    def groups(self) -> int:
        return 1

    @property
    def planes(self) -> int:
        return len(self.coefficients)

    @property
    def outputs(self) -> int:
        return int(self.weights.shape[1])

    @property
    def fan_in(self) -> int:
        return int(self.weights.shape[2])

    @property
    def vector_count(self) -> int:
        """Positions V."""
        return int(np.prod(self.positions(), dtype=np.int64))

    @property
    def acc_range(self) -> Int:
        """Range of the accumulators over all inputs and channels."""
        top = sum(self.coefficients) * self.fan_in
        low, high = int(self.const.min()), int(self.const.max()) + top
        border = self.border()
        if border is not None:
            low, high = low + min(0, int(border.min())), high + max(0, int(border.max()))
        return Int(low, high)

    def out_type(self) -> TensorType:
        shape = (*self.positions(), self.outputs)
        if self.thresholds is None:
            return TensorType(shape, self.acc_range)
        levels = self.thresholds.shape[1]
        element = Bits(unipolar=self.unipolar) if levels == 1 else Int(0, levels)
        return TensorType(shape, element)

    def popcounts(self, x: np.ndarray, count: Counter = count_agreeing) -> np.ndarray:
        """Agreeing bits of each vector and row: ``[n, *input.shape]`` -> ``[n * V, M, out]``."""
        vectors = self.vectors(x)
        rows = self.outputs // self.groups
        planes = []
        for m, plane in enumerate(planes_of(vectors, self.input.element)):
            w = self.weights[m % len(self.weights)]
            parts = [count(plane[:, :, g].reshape(-1, self.fan_in), w[g * rows:(g + 1) * rows])
                     for g in range(self.groups)]
            planes.append(np.concatenate(parts, axis=1))
        return np.stack(planes, axis=1)

    def accumulate(self, popcounts: np.ndarray) -> np.ndarray:
        """Combine the planes: ``[n * V, M, out]`` -> ``[n * V, out]``."""
        c = np.array(self.coefficients, dtype=np.int64)
        acc = np.einsum("nmo,m->no", popcounts, c) + self.const
        border = self.border()
        if border is not None:
            acc = (acc.reshape(-1, *border.shape) + border).reshape(acc.shape)
        return np.asarray(acc)

    def activate(self, acc: np.ndarray) -> np.ndarray:
        """Apply the thresholds, where there are any."""
        if self.thresholds is None:
            return acc
        if self.thresholds.shape[1] == 1:
            return (acc >= self.thresholds[:, 0]).astype(np.int64)
        return (acc[:, :, None] >= self.thresholds[None]).sum(axis=2, dtype=np.int64)

    def compute(self, *x: np.ndarray, count: Counter = count_agreeing) -> np.ndarray:
        out = self.activate(self.accumulate(self.popcounts(x[0], count)))
        return out.reshape(len(x[0]), *self.positions(), self.outputs)

    def params(self) -> dict[str, Any]:
        return {"coefficients": list(self.coefficients), "unipolar": self.unipolar}

    def arrays(self) -> dict[str, np.ndarray]:
        arrays = {"weights": self.weights, "const": self.const}
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds
        return arrays

    @classmethod
    def parse(cls, params: dict[str, Any]) -> dict[str, Any]:
        return {"thresholds": None, **params,
                "coefficients": tuple(int(c) for c in params["coefficients"])}
