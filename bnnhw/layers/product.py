"""Base class of dense layers and convolutions: sums of products of bits, then thresholds."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnhw.ir.layer import Counter, Described, Layer
from bnnhw.ir.types import Bits, Int, TensorType, planes_of
from bnnhw.json_types import Json
from bnnhw.layers.building.descriptions import describe_levels, smallest_integers
from bnnhw.layers.levels import check_thresholds, level_type
from bnnhw.layers.popcounts import count_agreeing, default_sum

__all__ = ["Product"]


@dataclass(frozen=True, eq=False)
class Product(Layer):
    """``acc = sum_m c_m * popcount(xnor(plane_m(x), w_m)) + const``, then thresholds or ``acc``.

    A layer cuts its input into vectors, ``V`` positions by ``G`` groups; each vector is multiplied
    with the rows of its group. A binary network has one plane (see ``product_sum``). The constants
    of a layer with thresholds can be folded into these, so that ``c = 1`` and ``const = 0``.

    Parameters
    ----------
    weights : uint8 [P, out, in]
        0 stands for -1 and 1 for +1; one matrix for each plane of the input, or one for all.
    coefficients : tuple of M int
        ``c_m``, positive; M is the number of planes of the input.
    const : int64 [out]
        Added to every accumulator.
    thresholds : int64 [out, J] or None
        Ascending along J. ``out = #{j : acc >= T_j}``: bits for J = 1, integers 0..J for more.
        With None the accumulators are the output.
    unipolar : bool
        What the output bits mean to the next layer: 0/1 if true, -1/+1 if false.
    """

    weights: np.ndarray
    coefficients: tuple[int, ...]
    const: np.ndarray
    thresholds: np.ndarray | None
    unipolar: bool = False

    def __post_init__(self) -> None:
        w, planes = self.weights, self.input.element.planes
        if w.dtype != np.uint8 or w.ndim != 3 or w.size == 0:
            raise self.error(f"weights must be uint8 [planes, out, in], not {w.dtype} {w.shape}")
        if w.shape[2] != self.expected_fan_in():
            raise self.error(
                f"weights take {w.shape[2]} inputs, but '{self.source}' gives "
                f"{self.expected_fan_in()}")
        if w.max() > 1:
            raise self.error(f"weights must be 0 or 1, found {int(w.max())}")
        if w.shape[0] not in (1, planes) or len(self.coefficients) != planes:
            raise self.error(f"needs {planes} weight planes and coefficients")
        if any(c < 1 for c in self.coefficients):
            raise self.error(f"coefficients must be positive, not {self.coefficients}")
        if self.const.shape != (w.shape[1],):
            raise self.error(f"const must have shape ({w.shape[1]},), not {self.const.shape}")
        if w.shape[1] % self.groups:
            raise self.error(f"{w.shape[1]} outputs do not divide into {self.groups} groups")
        if sum(self.coefficients) * self.fan_in + int(np.abs(self.const).max()) >= 1 << 62:
            raise self.error("its sums do not fit 63 bits")
        if self.thresholds is not None:
            check_thresholds(self, self.thresholds, self.outputs)

    @abc.abstractmethod
    def expected_fan_in(self) -> int:
        """Number of inputs of a row, by the input type."""

    @abc.abstractmethod
    def positions(self) -> tuple[int, ...]:
        """Shape of the output without its channels."""

    @abc.abstractmethod
    def vectors(self, x: np.ndarray) -> np.ndarray:
        """Cut the input into vectors: ``[n, *input.shape]`` -> ``[n, V, G, in]``."""

    def border(self) -> np.ndarray | None:
        """What is added to the accumulators of each position, int64 ``[V, out]``, or None."""
        return None

    @property
    def exact_zeros(self) -> bool:
        """Whether inputs outside the map are exact zeros among -1/+1 bits."""
        return False

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
    def levels(self) -> int:
        """Thresholds per row; 0 where the accumulators are the output."""
        return 0 if self.thresholds is None else int(self.thresholds.shape[1])

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
        return TensorType(shape, level_type(self.thresholds, self.unipolar))

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
        """Compare accumulators ``[n, out]`` with the thresholds, if the layer has some."""
        if self.thresholds is None:
            return acc
        if self.levels == 1:
            return (acc >= self.thresholds[:, 0]).astype(np.int64)
        return (acc[:, :, None] >= self.thresholds[None]).sum(axis=2, dtype=np.int64)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self.compute_counting(count_agreeing, *x)

    def compute_counting(self, count: Counter, *x: np.ndarray) -> np.ndarray:
        out = self.activate(self.accumulate(self.popcounts(x[0], count)))
        return out.reshape(len(x[0]), *self.positions(), self.outputs)

    @property
    def gathered_elements(self) -> int:
        return self.vector_count * self.groups * self.fan_in

    def params(self) -> dict[str, object]:
        return {"coefficients": list(self.coefficients), "unipolar": self.unipolar}

    def arrays(self) -> dict[str, np.ndarray]:
        arrays = {"weights": self.weights, "const": self.const}
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds
        return arrays

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {"thresholds": None, **params,
                "coefficients": tuple(int(c) for c in params["coefficients"])}

    def describe_product(self, taps: tuple[int, ...]) -> Described:
        """Describe the sums and what follows them.

        Parameters
        ----------
        taps : tuple of int
            Shape of a row of the stored weights.
        """
        raw = self.thresholds is None
        item: dict[str, Any] = {"sums": True} if raw else {}
        arrays: dict[str, np.ndarray] = {}
        one = len(self.weights) == 1
        arrays["weights"] = self.weights[0].reshape(self.outputs, *taps) if one else self.weights
        coefficients, const = default_sum(self.weights[0], self.input.element,
                                          self.exact_zeros, raw)
        bias = self.const - const
        if not one or coefficients != self.coefficients or (not raw and bias.any()):
            arrays["coefficients"] = np.array(self.coefficients, dtype=np.int64)
            bias = self.const
        if bias.any():
            arrays["bias"] = smallest_integers(bias)
        if self.thresholds is not None:
            levels, arrays["thresholds"] = describe_levels(self.thresholds)
            item.update(levels)
        if self.unipolar:
            item["unipolar"] = True
        return item, arrays

    def accepts_output(self, name: str) -> bool:
        # An item with 'output: scores' has no thresholds.
        return name != "scores" or self.thresholds is None

    def hardware(self, reduced: Layer) -> str:
        assert isinstance(reduced, Product)
        kept = ""
        if (reduced.outputs, reduced.fan_in) != (self.outputs, self.fan_in):
            kept = f", {reduced.outputs} x {reduced.fan_in} after constants are dropped"
        products = f"{self.fan_in} products"
        if not isinstance(self.input.element, Bits):
            products += f" of {self.planes} bits"
        windows = self.hardware_windows()
        if self.thresholds is None:
            return f"exact sums of {products}{windows}{kept}"
        each = f" x {self.levels}" if self.levels > 1 else ""
        counted = f"popcounts of {self.fan_in}" if self.coefficients == (1,) else \
            f"sums of {products}"
        return f"{self.outputs}{each} integer thresholds on {counted}{windows}{kept}"

    def hardware_windows(self) -> str:
        """Say in a few words what the vectors are cut from; empty where they are the input."""
        return ""
