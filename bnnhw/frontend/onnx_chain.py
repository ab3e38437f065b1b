"""A chain of elementwise nodes that waits to be evaluated at all attainable values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.onnx_file import node_label, onnx_module
from bnnhw.frontend.onnx_ops import decision_points, evaluate
from bnnhw.ir.layers import Dense
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["Chain", "two_levels"]

QUANTISERS = ("BipolarQuant", "Sign", "Quant")


@dataclass(frozen=True)
class _Step:
    node: Any
    constants: tuple[np.ndarray | None, ...]  # None in the place of the chain itself
    place: int


@dataclass(frozen=True)
class Chain:
    """A tensor as a function of one integer a channel.

    Attributes
    ----------
    layer : Dense or None
        Whose sums the function takes; None for the input of the network.
    points : float64 or float32 [P, C or 1]
        The framework's value at each attainable integer, before the chain.
    shape : tuple of int
        Of the tensor, batch first.
    opset : int
    steps : tuple
        The nodes, in order.
    error : float64 [C] or None
        Bound of what the framework's summation order can change; None where sums are exact.
    """

    layer: Dense | None
    points: np.ndarray
    shape: tuple[int, ...]
    opset: int
    steps: tuple[_Step, ...] = ()
    error: np.ndarray | None = None

    @staticmethod
    def of_matrix(layer: Dense, bits: np.ndarray, scales: np.ndarray, levels: tuple[float, float],
                  opset: int, node: Any, inputs: list[Any], options: dict[str, Any]) -> Chain:
        """Start a chain behind a matrix: its sums at popcount 0 to N, then Gemm's own extras.

        A sum of products ``+-s`` is exact in float32 where ``s`` is a power of two and
        ``N`` is small; otherwise the framework rounds in an order that it does not promise.
        """
        fan_in = layer.fan_in
        p = np.arange(fan_in + 1, dtype=np.float64)[:, None]
        middle, half = (levels[0] + levels[1]) / 2, (levels[1] - levels[0]) / 2
        ones = bits.sum(axis=1, dtype=np.float64)
        sums = half * (2 * p - fan_in) + middle * (2 * ones - fan_in)
        points = sums * scales.astype(np.float64)
        product = np.abs(np.array(levels)).max() * scales.astype(np.float64)
        exact = all(np.frexp(abs(v))[0] == 0.5 for v in levels if v) and \
            (np.frexp(scales)[0] == 0.5).all() and fan_in < 1 << 24
        error = None if exact else product * fan_in * fan_in * 2.0 ** -24
        chain = Chain(layer, points, (1, layer.outputs), opset, (), error)
        helper = onnx_module().helper
        for op, value, factor in (
                ("Mul", np.array(options.get("alpha", 1.0), np.float32), None),
                ("Add", inputs[2] if len(inputs) > 2 else None, options.get("beta", 1.0))):
            if not isinstance(value, np.ndarray) or (op == "Mul" and value == 1):
                continue
            if factor not in (None, 1.0):
                value = np.asarray(value * np.float32(factor))
            extra = helper.make_node(op, ["x", "c"], ["y"], name=node.name)
            chain = chain.extended(extra, [chain, value])
        return chain

    @property
    def last_label(self) -> str:
        """Name of the last node, for errors."""
        if self.steps:
            return node_label(self.steps[-1].node)
        return f"layer '{self.layer.name}'" if self.layer else "input"

    @property
    def quantised(self) -> bool:
        """Whether a quantiser is part of the chain."""
        return any(step.node.op_type in QUANTISERS for step in self.steps)

    def extended(self, node: Any, inputs: list[Any]) -> Chain:
        """Append a node; its other inputs have to be constants that fit the channels."""
        place = next(k for k, v in enumerate(inputs) if isinstance(v, Chain))
        constants = tuple(None if isinstance(v, Chain) else v for v in inputs)
        for value in constants:
            if value is not None:
                self._check_constant(node, value)
        if node.op_type == "BatchNormalization" and attributes_training(node):
            raise ModelError("is in training mode", where=node_label(node),
                             hint="export the model in evaluation mode")
        return replace(self, steps=(*self.steps, _Step(node, constants, place)))

    def _check_constant(self, node: Any, value: np.ndarray) -> None:
        """A constant is float32, and one value or one for each channel of a vector."""
        where = node_label(node)
        flag = node.op_type == "Dropout" and value.dtype == np.bool_
        if value.dtype != np.float32 and not flag:
            raise ModelError(f"computes in {value.dtype}, expected float32", where=where,
                             hint="export the model in float32")
        if flag and value.any():
            raise ModelError("drops values (training_mode)", where=where,
                             hint="export the model in evaluation mode")
        channels = self.shape[-1]
        vectors = [(channels,)] if node.op_type == "BatchNormalization" else [
            (channels,), (1, channels)]
        if len(self.shape) > 2:
            if value.size > 1 or value.ndim > len(self.shape):
                raise ModelError("treats the channels of an image differently before it is "
                                 "flattened, which is not taken", where=where)
        elif value.shape not in vectors and (value.size != 1 or value.ndim > 2):
            raise ModelError(f"has a constant of shape {list(value.shape)}, expected one value or "
                             f"one for each of {channels} channels", where=where)

    def reshaped(self, shape: tuple[int, ...], label: str) -> Chain:
        """Change the shape; a vector behind a matrix keeps its channels."""
        if int(np.prod(shape)) != int(np.prod(self.shape)) or (
                self.layer is not None and shape[-1] != self.shape[-1]):
            raise ModelError(f"turns shape {list(self.shape)} into {list(shape)}, which mixes "
                             "channels", where=label)
        return replace(self, shape=shape)

    def rounding_shifts(self) -> list[np.ndarray]:
        """Offsets of the sums that bracket what the summation order can do."""
        return [] if self.error is None else [-self.error, self.error]

    def evaluate(self, dtype: type[np.floating[Any]],
                 shift: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Evaluate the chain at all points in a float type.

        Returns
        -------
        table : float [P, C]
        ties : int
            Points at which the last quantiser sees exactly the value where it changes.
        """
        x = (self.points if shift is None else self.points + shift).astype(dtype)
        channels = self.layer.outputs if self.layer else self._channels()
        if len(x) * channels > MAX_ELEMENTS:
            raise ModelError(f"needs a table of {len(x)} sums for {channels} channels, at most "
                             f"{MAX_ELEMENTS} entries are taken", where=self.last_label)
        x = np.broadcast_to(x, (len(x), channels)).copy()
        ties = 0
        for step in self.steps:
            if step.node.op_type in QUANTISERS:
                ties = decision_points(step.node, x, step.constants)
            if step.node.op_type == "Sign" and ties:
                raise ModelError(f"gives 0 at {ties} attainable values, a third level",
                                 where=node_label(step.node),
                                 hint="use BipolarQuant, which gives +1 there")
            arrays = [x if k == step.place else _fit(c, dtype)
                      for k, c in enumerate(step.constants)]
            x = np.broadcast_to(evaluate(step.node, arrays, self.opset), x.shape)
            if np.isnan(x).any():
                raise ModelError(f"gives NaN at {int(np.isnan(x).sum())} attainable values",
                                 where=node_label(step.node))
        return x, ties

    def _channels(self) -> int:
        """Channels that the chain's constants tell apart."""
        sizes = [c.size for s in self.steps for c in s.constants if c is not None]
        return max(sizes, default=1)


def attributes_training(node: Any) -> bool:
    """Whether a batch-norm normalises with its own batch."""
    return any(a.name == "training_mode" and a.i for a in node.attribute)


def _fit(constant: np.ndarray | None, dtype: type[np.floating[Any]]) -> np.ndarray | None:
    """A constant in the type of the evaluation, as a row of channels where it has several."""
    if constant is None:
        return None
    return constant.reshape(-1).astype(dtype) if constant.size > 1 else (
        constant.reshape(()).astype(dtype) if constant.ndim == 0 else
        constant.reshape(1).astype(dtype))


def two_levels(table: np.ndarray, label: str, quantiser: str) -> tuple[tuple[float, float],
                                                                       np.ndarray]:
    """Read a table of two values as bits: ((low, high), bits [P, C])."""
    values = np.unique(table)
    if len(values) > 2:
        raise ModelError(f"its activations take {len(values)} different values behind {quantiser}, "
                         "expected two", where=label,
                         hint="binarise them with BipolarQuant before the matrix")
    if len(values) == 1:
        raise ModelError(f"its activations are always {values[0]:g} behind {quantiser}",
                         where=label, hint="a layer that never changes cannot be what was trained; "
                         "for an input, say what the model sees with --pixel-range or --input bits")
    return (float(values[0]), float(values[1])), table == values[1]
