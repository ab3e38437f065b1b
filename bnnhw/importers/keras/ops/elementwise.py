"""Operations on each element: activations, quantisers, batch normalisation, sums of branches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.keras.nodes import Nodes
from bnnhw.importers.keras.ops.base import Op, Shape
from bnnhw.importers.keras.quantisers.base import Elementwise
from bnnhw.importers.onnx.rounding import Rounding

__all__ = ["Activation", "Add", "BatchNorm", "Concatenate", "Multiply", "PRelu", "ScaleShift",
           "Softmax"]


@dataclass(frozen=True, eq=False)
class Activation(Op):
    """An activation function or a quantiser.

    Parameters
    ----------
    function : Elementwise
    """

    function: Elementwise

    def out_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return self.function.compute(x[0])

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        try:
            self.function.lower(nodes, self.sources[0], self.name)
            nodes.round(self.name, Rounding(self.function.rounding, self.function.input_rounding,
                                            self.sources[0]))
        except ModelError as error:
            raise self.error(error.message, error.hint) from None


@dataclass(frozen=True, eq=False)
class BatchNorm(Op):
    """Batch normalisation with the stored statistics.

    Parameters
    ----------
    gamma, beta : float32 [C] or None
    mean, variance : float32 [C]
    epsilon : float
    axis : int
        Of the channels, without the batch.
    fused : bool
        Whether the framework computes ``(x - mean) * factor + beta``, as its fused kernel for maps
        in Keras 2 does; else it is ``x * factor + (beta - mean * factor)``.
    """

    gamma: np.ndarray | None
    beta: np.ndarray | None
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float
    axis: int
    fused: bool

    def out_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        arrays = [a for a in (self.gamma, self.beta, self.mean, self.variance) if a is not None]
        if any(a.shape != (shape[self.axis],) for a in arrays):
            raise self.error(f"has parameters of the shapes {[list(a.shape) for a in arrays]} for "
                             f"activations of shape {list(shape)}")
        if (self.variance + np.float32(self.epsilon) <= 0).any():
            raise self.error("has variances that are not positive")
        return shape

    def _factor(self) -> np.ndarray:
        factor = np.float32(1) / np.sqrt(self.variance + np.float32(self.epsilon))
        return factor if self.gamma is None else factor * self.gamma

    def _shift(self) -> np.ndarray:
        """What is added after the multiplication in the form that is not fused."""
        product = self.mean * self._factor()
        return -product if self.beta is None else self.beta - product

    def _shaped(self, values: np.ndarray, rank: int) -> np.ndarray:
        return values.reshape([-1 if a == self.axis else 1 for a in range(rank)])

    def compute(self, *x: np.ndarray) -> np.ndarray:
        rank = x[0].ndim - 1
        factor = self._shaped(self._factor(), rank)
        if self.fused:
            y = (x[0] - self._shaped(self.mean, rank)) * factor
            return np.asarray(y if self.beta is None else y + self._shaped(self.beta, rank))
        return np.asarray(x[0] * factor + self._shaped(self._shift(), rank))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        def constant(values: np.ndarray) -> str:
            return nodes.constant(self._shaped(values, len(shapes[0])))

        if not self.fused:
            scaled = nodes.add("Mul", self.sources[0], constant(self._factor()))
            nodes.add("Add", scaled, constant(self._shift()), output=self.name)
            return
        centred = nodes.add("Sub", self.sources[0], constant(self.mean))
        if self.beta is None:
            nodes.add("Mul", centred, constant(self._factor()), output=self.name)
            return
        scaled = nodes.add("Mul", centred, constant(self._factor()))
        nodes.add("Add", scaled, constant(self.beta), output=self.name)


@dataclass(frozen=True, eq=False)
class ScaleShift(Op):
    """``x * scale + shift``, as the layer Rescaling computes it.

    Parameters
    ----------
    scale, shift : float
    """

    scale: float
    shift: float

    def out_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0] * np.float32(self.scale) + np.float32(self.shift))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        scaled = nodes.add("Mul", self.sources[0], nodes.constant(self.scale))
        nodes.add("Add", scaled, nodes.constant(self.shift), output=self.name)


@dataclass(frozen=True, eq=False)
class PRelu(Op):
    """``max(x, 0) - slope * max(-x, 0)`` with a slope for each channel or element.

    Parameters
    ----------
    slope : float32 array
        In the shape of the activations, 1 along shared axes.
    """

    slope: np.ndarray

    def out_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        fits = len(self.slope.shape) == len(shape) and all(
            a in (1, b) for a, b in zip(self.slope.shape, shape, strict=True))
        if not fits:
            raise self.error(f"has slopes of shape {list(self.slope.shape)} for activations of "
                             f"shape {list(shape)}")
        return shape

    def compute(self, *x: np.ndarray) -> np.ndarray:
        zero = np.float32(0)
        return np.asarray(np.maximum(x[0], zero) + -self.slope * np.maximum(-x[0], zero))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("PRelu", self.sources[0], nodes.constant(self.slope), output=self.name)


@dataclass(frozen=True, eq=False)
class Softmax(Op):
    """The softmax of the last axis, which keeps the order of the scores."""

    def out_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        y = np.exp(x[0] - x[0].max(axis=-1, keepdims=True))
        return np.asarray(y / y.sum(axis=-1, keepdims=True))

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("Softmax", self.sources[0], output=self.name, axis=-1)


@dataclass(frozen=True, eq=False)
class Add(Op):
    """The sum of two or more tensors, from left to right, or the difference of two.

    Parameters
    ----------
    subtract : bool
    """

    subtract: bool = False

    def out_shape(self, *shapes: Shape) -> Shape:
        if len(shapes) < 2 or len(set(shapes)) != 1 or (self.subtract and len(shapes) != 2):
            raise self.error(f"combines tensors of the shapes {[list(s) for s in shapes]}, "
                             "expected two equal ones")
        return shapes[0]

    def compute(self, *x: np.ndarray) -> np.ndarray:
        total = x[0]
        for value in x[1:]:
            total = total - value if self.subtract else total + value
        return total

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        total = self.sources[0]
        operator = "Sub" if self.subtract else "Add"
        for k, source in enumerate(self.sources[1:], 2):
            last = k == len(self.sources)
            total = nodes.add(operator, total, source, output=self.name if last else "",
                              name=self.layer if last else "")


@dataclass(frozen=True, eq=False)
class Concatenate(Op):
    """Joins tensors along an axis.

    Parameters
    ----------
    axis : int
        Without the batch.
    """

    axis: int

    def out_shape(self, *shapes: Shape) -> Shape:
        others = {(*s[:self.axis], *s[self.axis + 1:]) for s in shapes}
        if len(shapes) < 2 or len({len(s) for s in shapes}) != 1 or len(others) != 1:
            raise self.error(f"joins tensors of the shapes {[list(s) for s in shapes]} along axis "
                             f"{self.axis + 1}")
        total = sum(s[self.axis] for s in shapes)
        return (*shapes[0][:self.axis], total, *shapes[0][self.axis + 1:])

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.concatenate(x, axis=self.axis + 1)

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        nodes.add("Concat", *self.sources, output=self.name, name=self.layer, axis=self.axis + 1)


@dataclass(frozen=True, eq=False)
class Multiply(Op):
    """The product of two tensors, of which one may have one number for each channel."""

    def out_shape(self, *shapes: Shape) -> Shape:
        try:
            if len(shapes) == 2 and len({len(s) for s in shapes}) == 1:
                return tuple(np.broadcast_shapes(*shapes))
        except ValueError:
            pass
        raise self.error(f"multiplies tensors of the shapes {[list(s) for s in shapes]}, expected "
                         "two equal ones, or axes of one element")

    def compute(self, *x: np.ndarray) -> np.ndarray:
        return np.asarray(x[0] * x[1])

    def lower(self, nodes: Nodes, *shapes: Shape) -> None:
        if shapes[0] == shapes[1] or (1, 1) not in (shapes[0][:2], shapes[1][:2]):
            nodes.add("Mul", *self.sources, output=self.name, name=self.layer)
            return
        moved = [nodes.add("Transpose", source, perm=[0, 3, 1, 2]) for source in self.sources]
        made = nodes.add("Mul", *moved, name=self.layer)  # ONNX has the channels first
        nodes.add("Transpose", made, output=self.name, perm=[0, 2, 3, 1])
