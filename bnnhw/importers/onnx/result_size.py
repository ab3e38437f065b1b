"""Bounds the size of a node's result before it is computed, since files are not trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import attributes, node_label
from bnnhw.ir.types import MAX_ELEMENTS

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["check_result_size"]


def check_result_size(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> None:
    """Raise ``ModelError`` if the result would have more than ``MAX_ELEMENTS`` elements."""
    size = _result_size(node, inputs)
    if size > MAX_ELEMENTS:
        raise ModelError(f"computes {size:.0f} elements, expected at most {MAX_ELEMENTS}",
                         where=node_label(node))


def _result_size(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    """Return an upper bound of the number of elements of the result."""
    arrays = [a for a in inputs if a is not None]
    rule = _RULES.get(node.op_type)
    if rule is not None:
        return rule(node, [*inputs, None, None])
    try:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        return float(max(a.size for a in arrays))  # not elementwise: the node moves elements
    return _product(shape)


def _product(sizes: np.ndarray | Sequence[int]) -> float:
    return math.prod(float(max(0, n)) for n in np.ravel(sizes))


def _concat(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    return float(sum(a.size for a in inputs if a is not None))


def _gather(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    data, where = inputs[:2]
    if data is None or where is None or not data.size:
        return 0.0
    return float(where.size) * (data.size // min(data.shape, default=1))


def _shape_operand(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    return 0.0 if inputs[0] is None else _product(inputs[0])


def _expand(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    data, shape = inputs[:2]
    return 0.0 if data is None or shape is None else data.size * max(1.0, _product(shape))


def _tile(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    data, repeats = inputs[:2]
    return 0.0 if data is None or repeats is None else data.size * _product(repeats)


def _range(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    start, limit, delta = (float(np.ravel(a)[0]) if a is not None and a.size else 0.0
                           for a in inputs[:3])
    return math.inf if delta == 0 else max(0.0, (limit - start) / delta)


def _matmul(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    """Return the number of products, which is at least the number of elements of the result."""
    one, other = inputs[:2]
    if one is None or other is None or not one.size or not other.size:
        return 0.0
    return float(one.size) * other.size / max(1, one.shape[-1] if one.ndim else 1)


def _pad(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> float:
    data, pads = inputs[0], inputs[1]
    if pads is None:
        pads = np.asarray(attributes(node).get("pads", []), dtype=np.int64)
    if data is None or pads.size != 2 * data.ndim:
        return 0.0 if data is None else data.size * max(1.0, _product(1 + np.abs(pads)))
    ends = pads.reshape(2, -1).sum(axis=0)
    return _product([n + int(e) for n, e in zip(data.shape, ends, strict=True)])


_RULES = {
    "Concat": _concat, "Gather": _gather, "GatherND": _gather, "ConstantOfShape": _shape_operand,
    "Expand": _expand, "Tile": _tile, "Range": _range, "MatMul": _matmul, "Gemm": _matmul,
    "Pad": _pad,
}
