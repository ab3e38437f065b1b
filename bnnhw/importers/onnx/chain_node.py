"""One node of a chain: a function of the value before it, with constants for each channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.operators import (
    LINEAR,
    PASS_THROUGH,
    QUANTISERS,
    cast_target,
    decision_points,
    evaluate,
)

__all__ = ["ChainNode", "FloatType", "run_nodes"]

FloatType = type[np.floating[Any]]

Constant = np.ndarray | None

APPROXIMATED = frozenset({"Celu", "Elu", "Erf", "Exp", "Selu", "Sigmoid", "Softplus", "Tanh"})
"""Functions whose implementations give 0 where others give a tiny number: sigmoid(-18), say."""


@dataclass(frozen=True)
class ChainNode:
    """A node, what it reads, and its constants by channel.

    Attributes
    ----------
    node : NodeProto
    constants : tuple of array or None
        One for each input of the node: one value or ``[C]``; None where a value of the chain goes,
        or where an optional input is left out.
    branches : tuple of (int, tuple of ChainNode)
        The inputs of the node that are values of the chain: the position of each, and the nodes
        from the value before this node to that input. Most nodes have a single branch without
        nodes; ``x * sigmoid(x)`` has two.
    """

    node: Any
    constants: tuple[Constant, ...]
    branches: tuple[tuple[int, tuple[ChainNode, ...]], ...]

    @property
    def linear(self) -> bool:
        """Whether it scales and shifts."""
        kind = self.node.op_type
        if kind not in LINEAR or not all(s.linear for _, nodes in self.branches for s in nodes):
            return kind == "Cast" and _keeps_floats(self.node)
        places = [place for place, _ in self.branches]
        if len(places) > 1:
            return kind in ("Add", "Sub")
        return places == [0] or kind in ("Add", "Sub", "Mul")

    @property
    def quantised(self) -> bool:
        """Whether only a few levels are left."""
        if self.node.op_type in QUANTISERS:
            return True
        if self.node.op_type == "Cast":
            return not _keeps_floats(self.node)
        return len(self.branches) > 1 and all(
            any(s.quantised for s in nodes) for _, nodes in self.branches)

    @property
    def size(self) -> int:
        """Nodes that it evaluates."""
        return 1 + sum(s.size for _, nodes in self.branches for s in nodes)

    @property
    def shared(self) -> bool:
        """Whether all channels have the same constants."""
        return all(c is None or c.ndim == 0 for c in self.constants) and \
            all(s.shared for _, nodes in self.branches for s in nodes)

    def mapped(self, change: Callable[[np.ndarray | None], np.ndarray | None]) -> ChainNode:
        """Return the same step with other constants."""
        return replace(self, constants=tuple(change(c) for c in self.constants), branches=tuple(
            (place, tuple(s.mapped(change) for s in nodes)) for place, nodes in self.branches))

    def evaluate(self, x: np.ndarray, dtype: FloatType, opset: int,
                 jitter: float = 0.0) -> tuple[np.ndarray, int]:
        """Compute the node at values ``[points, channels]`` and count decision points."""
        values = [_in_type(c, dtype) for c in self.constants]
        ties = 0
        if self.node.op_type in QUANTISERS and len(self.branches) == 1:
            (_, nodes), = self.branches
            inner, ties = run_nodes(nodes, x, dtype, opset, jitter)
            ties = decision_points(self.node, inner, values) or ties
        for place, nodes in self.branches:
            values[place] = run_nodes(nodes, x, dtype, opset, jitter)[0]
        if self.node.op_type in PASS_THROUGH or (
                self.node.op_type == "Cast" and _keeps_floats(self.node)):
            first = values[0]
            assert first is not None
            y = first.astype(dtype)
        else:
            y = evaluate(self.node, values, opset)
        y = np.broadcast_to(y, x.shape)
        if np.isnan(y).any():
            raise ModelError(f"gives NaN at {int(np.isnan(y).sum())} attainable values",
                             where=node_label(self.node))
        return y, ties


def run_nodes(nodes: tuple[ChainNode, ...], x: np.ndarray, dtype: FloatType, opset: int,
              jitter: float = 0.0) -> tuple[np.ndarray, int]:
    """Evaluate nodes one after the other.

    Parameters
    ----------
    nodes : tuple of ChainNode
    x : float array [points, channels]
    dtype : float type
        Of the evaluation.
    opset : int
    jitter : float
        Part by which each result is moved that no quantiser gave, to see what rounding can do.
        Results of ``APPROXIMATED`` near 0 are moved to both sides of 0.

    Returns
    -------
    y : array [points, channels]
    ties : int
        Values at decision points of the last quantiser.
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


def _keeps_floats(node: Any) -> bool:
    """Whether a ``Cast`` gives the float type of the model, or a wider one."""
    return cast_target(node) in (np.dtype(np.float32), np.dtype(np.float64))


def _in_type(constant: np.ndarray | None, dtype: FloatType) -> np.ndarray | None:
    """A constant in the float type of the evaluation; integers and booleans stay."""
    if constant is None or constant.dtype.kind != "f":
        return constant
    return constant.astype(dtype)
