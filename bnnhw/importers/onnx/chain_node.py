"""Evaluates one node of a chain: a function of one value, with constants for each channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.linear_quantisers import LINEAR_QUANTISERS
from bnnhw.importers.onnx.model_file import attributes, node_label
from bnnhw.importers.onnx.operators import (
    LINEAR,
    PASS_THROUGH,
    QUANTISERS,
    cast_target,
    decision_points,
    evaluate,
)
from bnnhw.importers.onnx.quantisers import QONNX_QUANTISERS
from bnnhw.layers.building.fold import FloatType

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["ChainNode", "run_nodes"]

Constant = np.ndarray | None

MONOTONIC = PASS_THROUGH | QONNX_QUANTISERS | LINEAR_QUANTISERS | {
    "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Floor", "Greater", "GreaterOrEqual",
    "HardSigmoid", "LeakyRelu", "Less", "LessOrEqual", "Max", "Min", "Mul", "Neg", "Not", "PRelu",
    "Relu", "Round", "Sign", "Sub",
}
"""Functions that only rise or only fall. They are computed from operations that IEEE 754 rounds
correctly, so that no rounding changes that."""

LIMITS = frozenset({"Clip", "Max", "Min"})
"""Functions whose constants have the type of the tensor."""

APPROXIMATED = frozenset({"Celu", "Elu", "Erf", "Exp", "Selu", "Sigmoid", "Softplus", "Tanh"})
"""Functions that underflow to 0 in some implementations only, such as sigmoid(-18)."""


@dataclass(frozen=True)
class ChainNode:
    """A node of the model, with its constants by channel.

    Attributes
    ----------
    node : NodeProto
    constants : tuple of array or None
        For each input of the node: one value or ``[C]``; None for a value of the chain, and for an
        optional input that is left out.
    branches : tuple of (int, tuple of ChainNode)
        The inputs of the node that are values of the chain: the position of each, and the nodes
        between the common value of all branches and that input. Most nodes have one branch, which
        is empty; the product in ``x * sigmoid(x)`` has two.
    """

    node: NodeProto
    constants: tuple[Constant, ...]
    branches: tuple[tuple[int, tuple[ChainNode, ...]], ...]

    @property
    def linear(self) -> bool:
        """Whether it only scales and shifts."""
        kind = self.node.op_type
        if kind not in LINEAR or not all(s.linear for _, nodes in self.branches for s in nodes):
            return kind == "Cast" and _keeps_floats(self.node)
        positions = [position for position, _ in self.branches]
        if len(positions) > 1:
            return kind in ("Add", "Sub")
        return positions == [0] or kind in ("Add", "Sub", "Mul")

    @property
    def quantised(self) -> bool:
        """Whether its result has only a few levels."""
        if self.node.op_type in QUANTISERS:
            return True
        if self.node.op_type == "Cast":
            return not _keeps_floats(self.node)
        return len(self.branches) > 1 and all(
            any(s.quantised for s in nodes) for _, nodes in self.branches)

    @property
    def monotonic(self) -> bool:
        """Whether it provably only rises, or only falls, for each channel."""
        kind = self.node.op_type
        if kind == "Cast":
            return _keeps_floats(self.node)
        if kind not in MONOTONIC or len(self.branches) != 1:
            return False
        (position, nodes), = self.branches
        if not all(node.monotonic for node in nodes):
            return False
        if kind == "LeakyRelu":
            return float(attributes(self.node).get("alpha", 0.01)) >= 0
        if kind == "PRelu":
            return position == 0 and bool((np.asarray(self.constants[1]) >= 0).all())
        return position == 0 or kind in ("Add", "Sub", "Mul", "Max", "Min")

    @property
    def size(self) -> int:
        """Number of nodes that it evaluates."""
        return 1 + sum(s.size for _, nodes in self.branches for s in nodes)

    @property
    def shared(self) -> bool:
        """Whether all channels have the same constants."""
        return all(c is None or c.ndim == 0 for c in self.constants) and \
            all(s.shared for _, nodes in self.branches for s in nodes)

    def mapped(self, change: Callable[[np.ndarray | None], np.ndarray | None]) -> ChainNode:
        """Return the same node with other constants."""
        return replace(self, constants=tuple(change(c) for c in self.constants), branches=tuple(
            (position, tuple(s.mapped(change) for s in nodes))
            for position, nodes in self.branches))

    def evaluate(self, x: np.ndarray, dtype: FloatType, opset: int,
                 jitter: float = 0.0) -> tuple[np.ndarray, int]:
        """Compute the node at values ``[points, channels]`` and count decision points."""
        values = [_in_type(c, dtype) for c in self.constants]
        ties = 0
        if self.node.op_type in QUANTISERS and len(self.branches) == 1:
            (_, nodes), = self.branches
            inner, ties = run_nodes(nodes, x, dtype, opset, jitter)
            ties = decision_points(self.node, inner, values) or ties
        for position, nodes in self.branches:
            values[position] = run_nodes(nodes, x, dtype, opset, jitter)[0]
        if self.node.op_type in LIMITS and len({v.dtype for v in values if v is not None}) > 1:
            # Integers of a QuantizeLinear that a layer stores are floats here.
            values = [None if v is None else v.astype(dtype) for v in values]
        if self.node.op_type in PASS_THROUGH or (
                self.node.op_type == "Cast" and _keeps_floats(self.node)):
            first = values[0]
            assert first is not None
            y = first.astype(dtype)
        else:
            y = evaluate(self.node, values, opset)
        y = np.broadcast_to(y, x.shape)
        if np.isnan(y).any():
            raise ModelError(f"computes NaN at {int(np.isnan(y).sum())} attainable values",
                             where=node_label(self.node))
        return y, ties


def run_nodes(nodes: tuple[ChainNode, ...], x: np.ndarray, dtype: FloatType, opset: int,
              jitter: float = 0.0) -> tuple[np.ndarray, int]:
    """Evaluate nodes in order.

    Parameters
    ----------
    nodes : tuple of ChainNode
    x : float array [points, channels]
    dtype : float type
        Type in which the nodes are evaluated.
    opset : int
    jitter : float
        Relative amount that is added to every result except a quantiser's, to see the effect of
        rounding. Results of ``APPROXIMATED`` near 0 are moved by an eighth of it.

    Returns
    -------
    y : array [points, channels]
    ties : int
        Number of values at decision points of the last quantiser.
    """
    ties = 0
    for one in nodes:
        x, found = one.evaluate(x, dtype, opset, jitter)
        if one.quantised:
            ties = found
        elif jitter and x.dtype.kind == "f":
            near_zero = jitter / 8 if one.node.op_type in APPROXIMATED else 0.0
            x = (x * (1 + jitter) + near_zero).astype(dtype)
    return x, ties


def _keeps_floats(node: NodeProto) -> bool:
    """Whether a ``Cast`` converts to the float type of the model, or to a wider one."""
    return cast_target(node) in (np.dtype(np.float32), np.dtype(np.float64))


def _in_type(constant: np.ndarray | None, dtype: FloatType) -> np.ndarray | None:
    """Convert a float constant to the type of the evaluation; integers and booleans are kept."""
    if constant is None or constant.dtype.kind != "f":
        return constant
    return constant.astype(dtype)
