"""Base class of dense layers and convolutions: sums of products of bits, then thresholds."""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bnnhw.ir.layer import Counter, Layer
from bnnhw.ir.types import Bits, Int, TensorType, planes_of
from bnnhw.json_types import Json
from bnnhw.layers.levels import check_thresholds, count_passed, level_type
from bnnhw.layers.popcounts import exact_product
from bnnhw.layers.weight_planes import WeightPlanes

__all__ = ["Product"]


@dataclass(frozen=True, eq=False)
class Product(Layer):
    """Sums of products of integer weights and elements, then thresholds or the sums themselves.

    ``acc = sum_q s_q sum_m c_m * popcount(xnor(plane_m(x), w_q) & mask_q) + const``, where
    ``plane_m`` are the bits of the elements. With the integer weight ``v = sum_q s_q mask_q
    (2 w_q - 1)`` that is ``acc = sum v * sum_m c_m plane_m(x) + offset``, which is how ``compute``
    evaluates it; ``compute_counting`` counts the bits of the planes, as hardware does.

    A layer cuts its input into vectors, ``V`` positions by ``G`` groups; each vector is multiplied
    with the rows of its group. A binary network has one plane of each kind (see ``planes_sum``).
    The constants of a layer with thresholds can be folded into these, so that ``c = 1`` and
    ``const = 0``.

    Parameters
    ----------
    weights : uint8 [Q, out, in]
        Planes of weights; 0 stands for -1 and 1 for +1.
    coefficients : tuple of M int
        ``c_m``, positive; M is the number of planes of the input.
    const : int64 [out]
        Added to every accumulator.
    thresholds : int64 [out, J] or None
        Ascending along J. ``out = #{j : acc >= T_j}``: bits for J = 1, integers 0..J for more.
        With None the accumulators are the output.
    unipolar : bool
        What the output bits mean to the next layer: 0/1 if true, -1/+1 if false.
    scales : tuple of Q int
        ``s_q``, positive, without a common factor (that belongs to the coefficients).
    mask : uint8 [Q, out, in] or None
        0 where the weight of a plane is 0; None where there is no such weight.
    """

    weights: np.ndarray
    coefficients: tuple[int, ...]
    const: np.ndarray
    thresholds: np.ndarray | None
    unipolar: bool = False
    scales: tuple[int, ...] = field(default=(1,), kw_only=True)
    mask: np.ndarray | None = field(default=None, kw_only=True)

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
        self._check_planes()
        if len(self.coefficients) != planes:
            raise self.error(f"needs {planes} coefficients, one for each bit of its input")
        if any(c < 1 for c in self.coefficients):
            raise self.error(f"coefficients must be positive, not {self.coefficients}")
        if self.const.shape != (w.shape[1],):
            raise self.error(f"const must have shape ({w.shape[1]},), not {self.const.shape}")
        if w.shape[1] % self.groups:
            raise self.error(f"{w.shape[1]} outputs do not divide into {self.groups} groups")
        if sum(self.coefficients) * sum(self.scales) * self.fan_in + \
                int(np.abs(self.const).max()) >= 1 << 62:
            raise self.error("its sums do not fit 63 bits")
        if self.thresholds is not None:
            check_thresholds(self, self.thresholds, self.outputs)

    def _check_planes(self) -> None:
        count = len(self.weights)
        if len(self.scales) != count or min(self.scales) < 1 or math.gcd(*self.scales) != 1:
            raise self.error(f"needs {count} positive scales without a common factor, one for each "
                             f"plane of its weights, not {self.scales}")
        if self.mask is None:
            return
        if self.mask.dtype != np.uint8 or self.mask.shape != self.weights.shape or \
                self.mask.max() > 1:
            raise self.error(f"its mask must be uint8 {self.weights.shape} of 0 and 1, not "
                             f"{self.mask.dtype} {self.mask.shape}")
        if self.mask.all():  # equal networks have equal fields
            object.__setattr__(self, "mask", None)

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
    def weight_planes(self) -> WeightPlanes:
        """The weights with their mask and scales."""
        return WeightPlanes(self.weights, self.mask, self.scales)

    @property
    def one_bit(self) -> bool:
        """Whether all weights are -1 or +1."""
        return len(self.weights) == 1 and self.mask is None

    @cached_property
    def values(self) -> np.ndarray:
        """Integer weights ``v``, int64 ``[out, in]``, without the coefficients."""
        return self.weight_planes.values()

    @cached_property
    def top(self) -> np.ndarray:
        """Largest weighted popcount of each row, int64 ``[out]``; the smallest is 0."""
        used = np.array(self.scales, dtype=np.int64) @ self.weight_planes.used
        return np.asarray(sum(self.coefficients) * used)

    @property
    def planes(self) -> int:
        """Bits of an input element."""
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
        low, high = int(self.const.min()), int((self.const + self.top).max())
        border = self.border()
        if border is not None:
            low, high = low + min(0, int(border.min())), high + max(0, int(border.max()))
        return Int(low, high)

    def out_type(self) -> TensorType:
        shape = (*self.positions(), self.outputs)
        if self.thresholds is None:
            return TensorType(shape, self.acc_range)
        return TensorType(shape, level_type(self.thresholds, self.unipolar))

    def sums(self, x: np.ndarray) -> np.ndarray:
        """Sums of products with the integer weights: ``[n, *input.shape]`` -> ``[n * V, out]``.

        ``popcount(xnor(a, w) & mask)`` is the sum of ``mask * (2w - 1) * a + mask * (1 - w)``.
        """
        vectors, rows = self.vectors(x), self.outputs // self.groups
        numbers = np.zeros_like(vectors)
        for c, plane in zip(self.coefficients, planes_of(vectors, self.input.element),
                            strict=True):
            numbers += c * plane
        parts = [exact_product(numbers[:, :, g].reshape(-1, self.fan_in),
                               self.values[g * rows:(g + 1) * rows]) for g in range(self.groups)]
        negative = np.array(self.scales, dtype=np.int64) @ self.weight_planes.negative
        return np.concatenate(parts, axis=1) + sum(self.coefficients) * negative

    def popcounts(self, x: np.ndarray, count: Counter) -> np.ndarray:
        """Weighted popcounts of all planes: ``[n, *input.shape]`` -> int64 ``[n * V, out]``."""
        vectors, rows = self.vectors(x), self.outputs // self.groups
        total = np.zeros((vectors.shape[0] * vectors.shape[1], self.outputs), dtype=np.int64)
        for c, plane in zip(self.coefficients, planes_of(vectors, self.input.element),
                            strict=True):
            for q, s in enumerate(self.scales):
                for g in range(self.groups):
                    part = slice(g * rows, (g + 1) * rows)
                    mask = None if self.mask is None else self.mask[q, part]
                    total[:, part] += s * c * count(plane[:, :, g].reshape(-1, self.fan_in),
                                                    self.weights[q, part], mask)
        return total

    def accumulate(self, sums: np.ndarray) -> np.ndarray:
        """Add the constants, and corrections at the border: ``[n * V, out]`` -> the same."""
        acc = sums + self.const
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
        return count_passed(acc, self.thresholds)

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self._finish(self.sums(x[0]), len(x[0]))

    def compute_counting(self, count: Counter, *x: np.ndarray) -> np.ndarray:
        return self._finish(self.popcounts(x[0], count), len(x[0]))

    def _finish(self, sums: np.ndarray, samples: int) -> np.ndarray:
        return self.activate(self.accumulate(sums)).reshape(samples, *self.positions(),
                                                            self.outputs)

    @property
    def gathered_elements(self) -> int:
        return self.vector_count * self.groups * self.fan_in

    def params(self) -> dict[str, object]:
        few = {} if self.scales == (1,) else {"scales": list(self.scales)}
        return {"coefficients": list(self.coefficients), "unipolar": self.unipolar, **few}

    def arrays(self) -> dict[str, np.ndarray]:
        arrays = {"weights": self.weights, "const": self.const}
        if self.mask is not None:
            arrays["mask"] = self.mask
        if self.thresholds is not None:
            arrays["thresholds"] = self.thresholds
        return arrays

    @classmethod
    def parse(cls, params: Json) -> dict[str, object]:
        return {"thresholds": None, **params,
                "coefficients": tuple(int(c) for c in params["coefficients"]),
                "scales": tuple(int(s) for s in params.get("scales", [1]))}

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
        if not self.one_bit:
            products += f" with weights of {self.values.min()} to {self.values.max()}"
        windows = self.hardware_windows()
        if self.thresholds is None:
            return f"exact sums of {products}{windows}{kept}"
        each = f" x {self.levels}" if self.levels > 1 else ""
        counted = f"popcounts of {self.fan_in}" if self.one_bit and self.coefficients == (1,) \
            else f"sums of {products}"
        return f"{self.outputs}{each} integer thresholds on {counted}{windows}{kept}"

    def hardware_windows(self) -> str:
        """Say in a few words what the vectors are cut from; empty where they are the input."""
        return ""
