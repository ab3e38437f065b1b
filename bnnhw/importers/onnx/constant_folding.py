"""Computes nodes that read only constants, which exporters often leave in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.linear_quantisers import LINEAR_QUANTISERS, along_axis
from bnnhw.importers.onnx.model_file import attributes, is_number, node_label
from bnnhw.importers.onnx.operators import ELEMENTWISE, evaluate_all

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["fold_constant"]

FOLDABLE = (ELEMENTWISE - {"MultiThreshold", "BatchNormalization"}) | {
    "Acos", "And", "ArgMax", "ArgMin", "Asin", "Atan", "BitShift", "Compress", "Concat",
    "ConstantOfShape", "Cos", "CumSum", "DepthToSpace", "Expand", "Flatten", "Gather",
    "GatherElements", "GatherND", "Gemm", "IsInf", "IsNaN", "LogSoftmax", "MatMul", "Mean", "Mod",
    "NonZero", "Pad", "Range", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare",
    "Reshape", "ScatterElements", "ScatterND", "Shape", "Sin", "Size", "Slice", "Softmax",
    "SpaceToDepth", "Split", "Squeeze", "Sum", "Tan", "Tile", "TopK", "Transpose", "Trilu",
    "Unsqueeze",
}
"""Operators that are computed if all inputs are constants; their results have a known size."""


def fold_constant(node: NodeProto, inputs: list[np.ndarray | None], opset: int) -> list[np.ndarray]:
    """Compute all outputs of a node that reads only constants.

    Raises
    ------
    ModelError
        The operator is not supported on constants, or its result is not a number.
    """
    label = node_label(node)
    if node.op_type == "Constant":
        return [_constant(node)]
    if node.op_type not in FOLDABLE:
        raise ModelError(f"the operator '{node.op_type}' is not supported on constants",
                         where=label, hint="let the exporter fold constants, or simplify the "
                         "model with onnxsim first")
    if node.op_type in LINEAR_QUANTISERS and inputs[0] is not None:
        rank = inputs[0].ndim
        inputs = [inputs[0], *(None if a is None else along_axis(node, a, rank)
                               for a in inputs[1:])]
    found = evaluate_all(node, inputs, opset)
    for array in found:
        if not is_number(array.dtype):
            raise ModelError(f"computes type {array.dtype}, expected numbers", where=label)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelError("computes NaN or infinity from constants", where=label,
                             hint="look for a division by zero among the weights and scales")
    return found


def _constant(node: NodeProto) -> np.ndarray:
    """Return the value of a ``Constant`` node, which may be a tensor, a number or a list."""
    options = attributes(node)
    value = options.get("value")
    if value is None:
        value = np.asarray(next(iter(options.values()), 0))
        if value.dtype.kind == "f":
            value = value.astype(np.float32)
    if not is_number(np.asarray(value).dtype):
        raise ModelError("is not a number", where=node_label(node))
    return np.asarray(value)
