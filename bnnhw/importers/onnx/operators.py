"""Evaluates single nodes of a model according to their specification.

Standard nodes run in ONNX's reference implementation, in the data type of the model.
``BatchNormalization`` is computed here by ONNX's formula for inference, because the reference
implementation of older operator sets treats the mere presence of ``momentum`` as training mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.channels_last import (
    CHANNELS_LAST,
    CHANNELS_LAST_OPERATORS,
    MAP_OPERATORS,
)
from bnnhw.importers.onnx.linear_quantisers import (
    LINEAR_QUANTISERS,
    evaluate_linear_quantiser,
    linear_ties,
)
from bnnhw.importers.onnx.model_file import attributes, node_label, onnx_module
from bnnhw.importers.onnx.quantisers import (
    QONNX_QUANTISERS,
    evaluate_quantiser,
    parameter,
    quantiser_ties,
)
from bnnhw.importers.onnx.result_size import check_result_size

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["ELEMENTWISE", "LINEAR", "PASS_THROUGH", "QUANTISERS", "cast_target", "check_domain",
           "decision_points", "evaluate", "evaluate_all"]

QUANT_DOMAINS = ("qonnx.", "onnx.brevitas", "finn.")

PASS_THROUGH = frozenset({"Identity", "Dropout", "DebugMarker"})
"""Operators whose output is their first input."""

COMPARISONS = frozenset({"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"})

LOGIC = frozenset({"Not", "And", "Or", "Xor"})

ROUNDING = frozenset({"Round", "Floor", "Ceil"})

QUANTISERS = QONNX_QUANTISERS | COMPARISONS | LOGIC | ROUNDING | {"QuantizeLinear", "Sign"}
"""Operators whose result has a few levels."""

LINEAR = PASS_THROUGH | {"Add", "Sub", "Mul", "Div", "Neg", "BatchNormalization",
                         "DequantizeLinear"}
"""Operators that scale and shift, unless the activations are the divisor."""

ELEMENTWISE = LINEAR | QUANTISERS | {
    "Abs", "Cast", "Celu", "Clip", "Elu", "Erf", "Exp", "HardSigmoid", "HardSwish", "LeakyRelu",
    "Log", "Max", "Min", "Pow", "PRelu", "Reciprocal", "Relu", "Selu", "Sigmoid", "Softplus",
    "Softsign", "Sqrt", "Tanh", "ThresholdedRelu", "Where",
}
"""Operators that treat each element separately, so that a chain can contain them."""

GENERAL = QONNX_QUANTISERS | MAP_OPERATORS | {"DebugMarker"}
"""Operators of QONNX's general domain."""


_ADVICE = {
    "FloatQuant": "train with Quant or BipolarQuant: activations and weights must be integers "
                  "times a scale",
    "Im2Col": "export before FINN lowers convolutions to matrices",
    "XnorPopcountMatMul": "export before FINN lowers matrices: MatMul with BipolarQuant weights",
    "GenericPartition": "export the model before it is partitioned",
}


def check_domain(node: NodeProto) -> None:
    """Reject a node whose operator is unknown, or only shares its name with a known one.

    Raises
    ------
    ModelError
        Names the operator where its domain is known, else the domain.
    """
    label = node_label(node)
    known = CHANNELS_LAST_OPERATORS if node.domain == CHANNELS_LAST else GENERAL
    if node.domain.startswith(QUANT_DOMAINS):
        if node.op_type not in known:
            raise ModelError(f"the operator '{node.op_type}' of the domain '{node.domain}' is not "
                             f"supported, expected one of {', '.join(sorted(known))}", where=label,
                             hint=_ADVICE.get(node.op_type, "train without it"))
    elif node.domain not in ("", "ai.onnx"):
        raise ModelError(f"belongs to the domain '{node.domain}', expected standard ONNX or "
                         "'qonnx.custom_op.general'", where=label,
                         hint="export the model without custom operators")
    elif node.op_type in GENERAL:
        raise ModelError(f"has the domain '{node.domain}', but '{node.op_type}' is an operator of "
                         "QONNX", where=label,
                         hint="set node.domain = 'qonnx.custom_op.general', and add that domain "
                         "to the model's opset_import")


def cast_target(node: NodeProto) -> np.dtype[np.generic]:
    """Return the numpy type that a ``Cast`` node converts to."""
    try:
        return np.dtype(onnx_module().helper.tensor_dtype_to_np_dtype(attributes(node)["to"]))
    except (KeyError, TypeError):
        raise ModelError("casts to an unknown type", where=node_label(node)) from None


def evaluate(node: NodeProto, inputs: list[np.ndarray | None], opset: int) -> np.ndarray:
    """Compute the first output of a node; see ``evaluate_all``."""
    return evaluate_all(node, inputs, opset)[0]


def evaluate_all(node: NodeProto, inputs: list[np.ndarray | None], opset: int) -> list[np.ndarray]:
    """Compute the outputs of a node.

    Parameters
    ----------
    node : NodeProto
    inputs : list of array or None
        None where an optional input is left out.
    opset : int
        Version of the default operator set.

    Raises
    ------
    ModelError
        The result is too large, or the operator does not allow these inputs.
    """
    check_result_size(node, inputs)
    if node.op_type in QONNX_QUANTISERS:
        return [evaluate_quantiser(node, inputs)]
    if node.op_type in LINEAR_QUANTISERS:
        return [evaluate_linear_quantiser(node, inputs)]
    if node.op_type == "BatchNormalization":
        return [_batch_norm(node, inputs)]
    if node.op_type in PASS_THROUGH:
        return [parameter(node, inputs, 0, "input")]
    return _standard(node, inputs, opset)


def _standard(node: NodeProto, inputs: list[np.ndarray | None], opset: int) -> list[np.ndarray]:
    onnx = onnx_module()
    helper, dtype_of = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    names = ["" if a is None else f"x{k}" for k, a in enumerate(inputs)]
    outputs = [f"y{k}" for k in range(len(node.output))]
    single = helper.make_node(node.op_type, names, outputs)
    single.attribute.extend(node.attribute)
    feeds = {n: a for n, a in zip(names, inputs, strict=True) if a is not None}
    try:
        infos = [helper.make_tensor_value_info(n, dtype_of(a.dtype), a.shape)
                 for n, a in feeds.items()]
        graph = helper.make_graph([single], "one", infos,
                                  [onnx.ValueInfoProto(name=name) for name in outputs])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        with np.errstate(all="ignore"):
            found = onnx.reference.ReferenceEvaluator(model).run(None, feeds)
        return [np.asarray(array) for array in found]
    except Exception as error:  # each operator raises different exceptions
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"cannot be evaluated: {reason}", where=node_label(node)) from None


def _batch_norm(node: NodeProto, inputs: list[np.ndarray | None]) -> np.ndarray:
    x, gamma, beta, mean, var = (parameter(node, inputs, k, name) for k, name in
                                 enumerate(("input", "scale", "bias", "mean", "variance")))
    epsilon = x.dtype.type(attributes(node).get("epsilon", 1e-5))
    if (var < 0).any() or (var + epsilon <= 0).any():
        raise ModelError("has variances that are not positive", where=node_label(node))
    return np.asarray(gamma * (x - mean) / np.sqrt(var + epsilon) + beta)


def decision_points(node: NodeProto, x: np.ndarray, constants: Sequence[np.ndarray | None]) -> int:
    """Count the values of ``x`` that are exactly where a quantiser changes its result.

    Parameters
    ----------
    node : NodeProto
        One of ``QUANTISERS``.
    x : float array [points, channels]
    constants : sequence of array or None
        One for each input of the node; None for ``x``.
    """
    if node.op_type in QONNX_QUANTISERS:
        return quantiser_ties(node, x, constants)
    if node.op_type == "QuantizeLinear":
        return linear_ties(x, constants)
    if node.op_type in COMPARISONS:
        return int(sum((x == value).sum() for value in constants if value is not None))
    if node.op_type == "Round":
        return int((x - np.floor(x) == x.dtype.type(0.5)).sum())
    if node.op_type in ("Floor", "Ceil"):
        return int((x == np.floor(x)).sum())
    return int((x == 0).sum())
