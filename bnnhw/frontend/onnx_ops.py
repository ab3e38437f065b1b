"""Evaluating ONNX and QONNX nodes the way their specification has it.

Standard nodes go through ONNX's own reference implementation, in the data type of the model.
``BipolarQuant`` and one-bit ``Quant`` follow the QONNX specification. ``BatchNormalization``
follows ONNX's formula for inference: the reference implementation takes the mere presence of
``momentum`` for training in the older operator sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.onnx_file import node_label, onnx_module, tensor_array
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["ELEMENTWISE", "FOLDABLE", "attributes", "evaluate"]

ELEMENTWISE = frozenset({
    "Add", "Sub", "Mul", "Div", "Neg", "Identity", "Dropout", "BatchNormalization", "Clip", "Relu",
    "LeakyRelu", "Tanh", "Sigmoid", "HardSigmoid", "BipolarQuant", "Quant", "Sign",
})
"""Nodes that can stand between a sum and the next matrix: each channel for itself."""

FOLDABLE = ELEMENTWISE | {
    "Constant", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Concat", "Gather", "Shape", "Pow",
    "Sqrt", "Cast", "Flatten",
}
"""Nodes that are computed at once where all their inputs are constants."""

_ROUNDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.round, "FLOOR": np.floor, "CEIL": np.ceil, "ROUND_TO_ZERO": np.trunc,
}


def attributes(node: Any) -> dict[str, Any]:
    """Attributes by name; tensors as arrays."""
    onnx = onnx_module()
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            values[attribute.name] = tensor_array(attribute.t, node_label(node))
        else:
            value = onnx.helper.get_attribute_value(attribute)
            values[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return values


def evaluate(node: Any, inputs: list[np.ndarray | None], opset: int) -> np.ndarray:
    """Compute the first output of a node.

    Parameters
    ----------
    node : NodeProto
    inputs : list of array or None
        None where an optional input is left out.
    opset : int
        Version of the default operator set.
    """
    arrays = [a for a in inputs if a is not None]
    try:
        size = int(np.prod(np.broadcast_shapes(*(a.shape for a in arrays)), dtype=np.int64))
    except ValueError:
        size = 0  # not an elementwise node
    if size > MAX_ELEMENTS:
        raise ModelError(f"gives {size} elements, at most {MAX_ELEMENTS} are taken",
                         where=node_label(node))
    if node.op_type == "BipolarQuant":
        return _bipolar_quant(node, inputs)
    if node.op_type == "Quant":
        return _quant(node, inputs)
    if node.op_type == "BatchNormalization":
        return _batch_norm(node, inputs)
    if node.op_type == "Dropout":
        assert inputs[0] is not None
        return inputs[0]
    return _standard(node, inputs, opset)


def _standard(node: Any, inputs: list[np.ndarray | None], opset: int) -> np.ndarray:
    onnx = onnx_module()
    helper, dtype_of = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    names = ["" if a is None else f"x{k}" for k, a in enumerate(inputs)]
    single = helper.make_node(node.op_type, names, ["y"])
    single.attribute.extend(node.attribute)
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    infos = [helper.make_tensor_value_info(n, dtype_of(a.dtype), a.shape)
             for n, a in feeds.items()]
    graph = helper.make_graph([single], "one", infos, [onnx.ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    try:
        with np.errstate(all="ignore"):
            return np.asarray(onnx.reference.ReferenceEvaluator(model).run(None, feeds)[0])
    except Exception as error:  # each operator fails in its own way
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"cannot be evaluated: {reason}", where=node_label(node)) from None


def _parameter(node: Any, inputs: list[np.ndarray | None], k: int, name: str) -> np.ndarray:
    value = inputs[k] if k < len(inputs) else None
    if value is None:
        raise ModelError(f"has no {name}", where=node_label(node))
    return value


def _batch_norm(node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
    x, gamma, beta, mean, var = (_parameter(node, inputs, k, name) for k, name in
                                 enumerate(("input", "scale", "bias", "mean", "variance")))
    epsilon = x.dtype.type(attributes(node).get("epsilon", 1e-5))
    if (var < 0).any() or (var + epsilon <= 0).any():
        raise ModelError("has variances that are not positive", where=node_label(node))
    return np.asarray(gamma * (x - mean) / np.sqrt(var + epsilon) + beta)


def _bipolar_quant(node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
    x, scale = _parameter(node, inputs, 0, "input"), _parameter(node, inputs, 1, "scale")
    return np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1)) * scale.astype(x.dtype)


def _quant(node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
    x, scale, zero, bits = (_parameter(node, inputs, k, name) for k, name in
                            enumerate(("input", "scale", "zero point", "bit width")))
    if not (bits == 1).all():
        raise ModelError(f"quantises to {float(bits.flat[0]):g} bits, only 1 bit is taken so far",
                         where=node_label(node), hint="train with BipolarQuant or 1-bit Quant")
    options = attributes(node)
    low = -1.0 if options.get("signed", 1) and not options.get("narrow", 0) else 0.0
    high = 0.0 if options.get("signed", 1) else (0.0 if options.get("narrow", 0) else 1.0)
    mode = str(options.get("rounding_mode", "ROUND")).upper()
    if mode not in _ROUNDING:
        raise ModelError(f"has rounding mode '{mode}', expected {', '.join(_ROUNDING)}",
                         where=node_label(node))
    dtype = x.dtype.type
    scale, zero = scale.astype(x.dtype), zero.astype(x.dtype)
    levels = _ROUNDING[mode](np.clip(x / scale + zero, dtype(low), dtype(high)))
    return np.asarray((levels - zero) * scale)
