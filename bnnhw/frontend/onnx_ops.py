"""Evaluating ONNX and QONNX nodes the way their specification has it.

Standard nodes go through ONNX's own reference implementation, in the data type of the model.
``BipolarQuant``, ``Quant`` and ``MultiThreshold`` follow the QONNX specification; one signed bit of
``Quant`` is bipolar. ``BatchNormalization`` follows ONNX's formula for inference: the reference
implementation takes the mere presence of ``momentum`` for training in the older operator sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.onnx_file import node_label, onnx_module, tensor_array
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["ELEMENTWISE", "FOLDABLE", "LINEAR", "QUANTISERS", "attributes", "check_domain",
           "decision_points", "evaluate"]

QUANT_DOMAINS = ("qonnx.", "onnx.brevitas", "finn.")

ELEMENTWISE = frozenset({
    "Add", "Sub", "Mul", "Div", "Neg", "Identity", "Dropout", "BatchNormalization", "Clip", "Relu",
    "LeakyRelu", "PRelu", "Elu", "Tanh", "Sigmoid", "HardSigmoid", "BipolarQuant", "Quant", "Sign",
    "MultiThreshold",
})
"""Nodes that can stand between a sum and the next matrix: each channel for itself."""

LINEAR = frozenset({"Add", "Sub", "Mul", "Div", "Neg", "Identity", "Dropout",
                    "BatchNormalization"})
"""Those of them that scale and shift, where the channels are not what is divided by."""

QUANTISERS = frozenset({"BipolarQuant", "Sign", "Quant", "MultiThreshold"})
"""Those of them that leave a few levels."""

MAX_BITS = 8
"""Widest ``Quant`` that is evaluated."""

FOLDABLE = (ELEMENTWISE - {"BatchNormalization", "MultiThreshold"}) | {
    "Constant", "Transpose", "Reshape", "Unsqueeze", "Squeeze", "Concat", "Gather", "Shape", "Pow",
    "Sqrt", "Cast", "Flatten",
}
"""Nodes that are computed at once where all their inputs are constants."""

_ROUNDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.round, "HALF_EVEN": np.round, "FLOOR": np.floor, "CEIL": np.ceil,
    "DOWN": np.trunc, "UP": lambda v: np.sign(v) * np.ceil(np.abs(v)),
    "HALF_UP": lambda v: np.sign(v) * np.floor(np.abs(v) + v.dtype.type(0.5)),
    "HALF_DOWN": lambda v: np.sign(v) * np.ceil(np.abs(v) - v.dtype.type(0.5)),
}


def check_domain(node: Any) -> None:
    """Refuse a node that only shares its name with one that is known."""
    quantiser = node.op_type in ("BipolarQuant", "Quant", "MultiThreshold")
    known = node.domain.startswith(QUANT_DOMAINS) if quantiser else node.domain in ("", "ai.onnx")
    if not known:
        raise ModelError(f"belongs to the domain '{node.domain}', which is not taken",
                         where=node_label(node))


def attributes(node: Any) -> dict[str, Any]:
    """Attributes by name; tensors as arrays."""
    onnx = onnx_module()
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            values[attribute.name] = tensor_array(attribute.t, node_label(node))
        else:
            value = onnx.helper.get_attribute_value(attribute)
            if value is None:
                raise ModelError(f"has an attribute '{attribute.name}' without a value",
                                 where=node_label(node))
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
    size = _result_size(node, [a for a in inputs if a is not None])
    if size > MAX_ELEMENTS:
        raise ModelError(f"gives {size} elements, at most {MAX_ELEMENTS} are taken",
                         where=node_label(node))
    if node.op_type == "BipolarQuant":
        return _bipolar_quant(node, inputs)
    if node.op_type == "Quant":
        return _quant(node, inputs)
    if node.op_type == "MultiThreshold":
        return _multi_threshold(node, inputs)
    if node.op_type == "BatchNormalization":
        return _batch_norm(node, inputs)
    if node.op_type == "Dropout":
        assert inputs[0] is not None
        return inputs[0]
    return _standard(node, inputs, opset)


def _result_size(node: Any, arrays: Sequence[np.ndarray]) -> int:
    """Elements of the result, before it is computed; a bound where that is enough."""
    if node.op_type == "Concat":
        return sum(a.size for a in arrays)
    if node.op_type == "Gather" and len(arrays) == 2 and arrays[0].size:
        return arrays[1].size * (arrays[0].size // min(arrays[0].shape, default=1))
    try:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        return max(a.size for a in arrays)  # no elementwise node: it moves what is there
    return int(np.prod(shape, dtype=np.float64))


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


def _parameter(node: Any, inputs: Sequence[np.ndarray | None], k: int, name: str) -> np.ndarray:
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
    low, high = _quant_range(node, bits)
    dtype = x.dtype.type
    scale, zero = scale.astype(x.dtype), zero.astype(x.dtype)
    scaled = x / scale + zero
    if (low, high) == (-1, 1):
        # One signed bit is bipolar to QONNX, not the two's complement pair -1 and 0.
        levels = np.where(scaled >= 0, dtype(1), dtype(-1))
    else:
        levels = _rounding(node)(np.clip(scaled, dtype(low), dtype(high)))
    return np.asarray((levels - zero) * scale)


def _rounding(node: Any) -> Callable[[np.ndarray], np.ndarray]:
    mode = str(attributes(node).get("rounding_mode", "ROUND")).upper()
    if mode not in _ROUNDING:
        raise ModelError(f"has rounding mode '{mode}', expected {', '.join(_ROUNDING)}",
                         where=node_label(node))
    return _ROUNDING[mode]


def _quant_range(node: Any, bits: np.ndarray) -> tuple[int, int]:
    """Lowest and highest integer of a ``Quant``; -1 and 1 for a signed bit."""
    width = float(bits.flat[0]) if bits.size else 0.0
    if not (bits == width).all() or width != int(width) or not 1 <= width <= MAX_BITS:
        raise ModelError(f"quantises to {width:g} bits, expected one width of 1 to {MAX_BITS}",
                         where=node_label(node), hint="train with BipolarQuant or a Quant of few "
                         "bits")
    options, count = attributes(node), 1 << int(width)
    narrow = bool(options.get("narrow", 1))
    if not options.get("signed", 1):
        return 0, count - 1 - narrow
    return (-1, 1) if count == 2 else (narrow - count // 2, count // 2 - 1)


def _multi_threshold(node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
    """Count the thresholds ``[C or 1, J]`` that each value ``[P, C]`` reaches."""
    x, thresholds = _parameter(node, inputs, 0, "input"), _parameter(node, inputs, 1, "thresholds")
    options = attributes(node)
    count = np.zeros(x.shape, dtype=x.dtype)
    for level in thresholds.T:
        count += x >= level
    scale, bias = (x.dtype.type(options.get(k, d)) for k, d in (("out_scale", 1), ("out_bias", 0)))
    return np.asarray(count * scale + bias)


def decision_points(node: Any, x: np.ndarray, constants: Sequence[np.ndarray | None]) -> int:
    """How many values of ``x`` are exactly where a quantiser changes its result."""
    if node.op_type == "MultiThreshold":
        assert constants[1] is not None
        return int(sum((x == level).sum() for level in constants[1].T))
    if node.op_type == "Quant":
        scale, zero, bits = (_parameter(node, constants, k, name).astype(x.dtype) for k, name in
                             ((1, "scale"), (2, "zero point"), (3, "bit width")))
        low, high = _quant_range(node, bits)
        scaled = x / scale + zero
        if (low, high) != (-1, 1):
            inside = (scaled > low) & (scaled < high)
            return int((inside & (scaled - np.floor(scaled) == x.dtype.type(0.5))).sum())
        return int((scaled == 0).sum())
    return int((x == 0).sum())
