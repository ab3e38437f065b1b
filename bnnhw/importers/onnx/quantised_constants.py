"""Finds the scales of constants that a quantiser computed, so that weights become integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.importers.onnx.input_layout import MOVES
from bnnhw.importers.onnx.linear_quantisers import along_axis
from bnnhw.importers.onnx.operators import PASS_THROUGH, evaluate

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["scale_of_constant"]


def scale_of_constant(node: NodeProto, inputs: Sequence[np.ndarray | None],
                      scale: np.ndarray | None, result: np.ndarray,
                      opset: int) -> np.ndarray | None:
    """Find the scale of each element of a constant.

    Parameters
    ----------
    node : NodeProto
        The node that computed the constant from other constants.
    inputs : sequence of array or None
    scale : array or None
        Scale of each element of the first input, where it is known.
    result : array
    opset : int

    Returns
    -------
    array or None
        In the shape of the result: its elements are integers times these, apart from rounding.
        None where that is not known.
    """
    given = inputs[1] if len(inputs) > 1 else None
    if node.op_type in ("Quant", "IntQuant", "BipolarQuant", "DequantizeLinear"):
        if given is None:
            return None
        if node.op_type == "DequantizeLinear":
            given = along_axis(node, given, result.ndim)
        return np.broadcast_to(given, result.shape)
    if scale is None:
        return None
    if node.op_type in PASS_THROUGH:
        return scale
    return evaluate(node, [scale, *inputs[1:]], opset) if node.op_type in MOVES else None
