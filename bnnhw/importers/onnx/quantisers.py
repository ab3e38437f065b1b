"""Evaluates the quantisers of QONNX as its specification and the package qonnx define them.

``Quant`` (``IntQuant``) clips and rounds to a range of integers; one signed bit is bipolar, -1 and
+1. ``BipolarQuant`` is the sign with +1 at zero. ``MultiThreshold`` counts thresholds. ``Trunc``
removes the lowest bits of integers, as after an average.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import attributes, node_label

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["QONNX_QUANTISERS", "evaluate_quantiser", "parameter", "quantiser_ties"]

QONNX_QUANTISERS = frozenset({"BipolarQuant", "Quant", "IntQuant", "MultiThreshold", "Trunc"})

MAX_BITS = 32
"""Maximum width of a ``Quant``, as biases have it; activations use few of its levels."""

_ROUNDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.round, "HALF_EVEN": np.round, "FLOOR": np.floor, "CEIL": np.ceil,
    "DOWN": np.trunc, "UP": lambda v: np.sign(v) * np.ceil(np.abs(v)),
    "HALF_UP": lambda v: np.sign(v) * np.floor(np.abs(v) + v.dtype.type(0.5)),
    "HALF_DOWN": lambda v: np.sign(v) * np.ceil(np.abs(v) - v.dtype.type(0.5)),
}


def evaluate_quantiser(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> np.ndarray:
    """Compute the output of a quantiser in the float type of its input."""
    if node.op_type == "BipolarQuant":
        x, scale = parameter(node, inputs, 0, "input"), parameter(node, inputs, 1, "scale")
        return np.where(x >= 0, x.dtype.type(1), x.dtype.type(-1)) * scale.astype(x.dtype)
    if node.op_type == "MultiThreshold":
        return _multi_threshold(node, inputs)
    if node.op_type == "Trunc":
        return _trunc(node, inputs)
    return _quant(node, inputs)


def parameter(node: NodeProto, inputs: Sequence[np.ndarray | None], k: int,
              name: str) -> np.ndarray:
    """Return input ``k`` of a node, or raise ``ModelError`` if it is left out."""
    value = inputs[k] if k < len(inputs) else None
    if value is None:
        raise ModelError(f"has no {name}", where=node_label(node))
    return value


def quantiser_ties(node: NodeProto, x: np.ndarray, constants: Sequence[np.ndarray | None]) -> int:
    """Count the values of ``x`` that are exactly where a quantiser changes its result."""
    if node.op_type == "BipolarQuant":
        return int((x == 0).sum())
    if node.op_type == "MultiThreshold":
        assert constants[1] is not None
        return int(sum((x == level).sum() for level in constants[1].T))
    if node.op_type == "Trunc":
        return 0  # it reads integers, which are not at its decision points by chance
    scale, zero, bits = (parameter(node, constants, k, name).astype(x.dtype) for k, name in
                         ((1, "scale"), (2, "zero point"), (3, "bit width")))
    low, high, bipolar = _quant_range(node, bits)
    scaled = x / scale + zero
    if bipolar:
        return int((scaled == 0).sum())
    inside = (scaled > low) & (scaled < high)
    return int((inside & (scaled - np.floor(scaled) == x.dtype.type(0.5))).sum())


def _quant(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> np.ndarray:
    x, scale, zero, bits = (parameter(node, inputs, k, name) for k, name in
                            enumerate(("input", "scale", "zero point", "bit width")))
    low, high, bipolar = _quant_range(node, bits)
    dtype = x.dtype.type
    scale, zero = scale.astype(x.dtype), zero.astype(x.dtype)
    scaled = x / scale + zero
    if bipolar:
        levels = np.where(scaled >= 0, dtype(1), dtype(-1))
    else:
        levels = _rounding(node)(np.clip(scaled, dtype(low), dtype(high)))
    return np.asarray((levels - zero) * scale)


def _rounding(node: NodeProto, default: str = "ROUND") -> Callable[[np.ndarray], np.ndarray]:
    mode = str(attributes(node).get("rounding_mode", default)).upper()
    if mode not in _ROUNDING:
        raise ModelError(f"has rounding mode '{mode}', expected {', '.join(_ROUNDING)}",
                         where=node_label(node))
    return _ROUNDING[mode]


def _quant_range(node: NodeProto, bits: np.ndarray,
                 default_narrow: int = 1) -> tuple[int, int, bool]:
    """Return the lowest and highest integer of a ``Quant``, and whether it is bipolar.

    One signed bit is bipolar to QONNX, not the two's complement pair -1 and 0. Two signed bits of
    a narrow range are also -1..1, but those are three levels.
    """
    width = _width(node, bits)
    options, count = attributes(node), 1 << width
    narrow = bool(options.get("narrow", default_narrow))
    if not options.get("signed", 1):
        return 0, count - 1 - narrow, False
    if width == 1:
        return -1, 1, True
    return narrow - count // 2, count // 2 - 1, False


def _width(node: NodeProto, bits: np.ndarray) -> int:
    """Return the number of bits that a parameter of a quantiser gives."""
    width = float(bits.flat[0]) if bits.size else 0.0
    if not (bits == width).all() or width != int(width) or not 1 <= width <= MAX_BITS:
        raise ModelError(f"quantises to {width:g} bits, expected one integer from 1 "
                         f"to {MAX_BITS} for all channels", where=node_label(node))
    return int(width)


def _trunc(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> np.ndarray:
    """Remove the lowest bits of ``x / scale + zero``.

    Version 1 of the operator has the inputs (x, scale, zero point, input bits, output bits) and
    keeps the scale; version 2 has (x, scale, zero point, input bits, output scale, output bits),
    clips, and returns multiples of the output scale.
    """
    second = len(inputs) > 5
    names = ("input", "scale", "zero point", "input bit width",
             *(("output scale",) if second else ()), "output bit width")
    x, scale, zero, bits, *others = (parameter(node, inputs, k, name)
                                     for k, name in enumerate(names))
    scale, zero = scale.astype(x.dtype), zero.astype(x.dtype)
    integers = np.round(x / scale + zero)
    if not second:
        removed = x.dtype.type(2.0 ** (_width(node, bits) - _width(node, others[0])))
        return np.asarray((_rounding(node, "FLOOR")(integers / removed) - zero) * scale)
    out_scale, out_bits = others[0].astype(x.dtype), others[1]
    removed = 2 ** np.round(np.log2(out_scale / scale))
    low, high, bipolar = _quant_range(node, out_bits, default_narrow=0)
    if bipolar:  # Trunc of one signed bit is two's complement, unlike Quant
        low, high = -1, 0
    kept = np.clip(integers / removed, x.dtype.type(low), x.dtype.type(high))
    return np.asarray((_rounding(node, "FLOOR")(kept) - zero / removed) * out_scale)


def _multi_threshold(node: NodeProto, inputs: Sequence[np.ndarray | None]) -> np.ndarray:
    """Count the thresholds ``[C or 1, J]`` that each value ``[P, C]`` reaches."""
    x = parameter(node, inputs, 0, "input")
    thresholds = parameter(node, inputs, 1, "thresholds")
    options = attributes(node)
    count = np.zeros(x.shape, dtype=x.dtype)
    for level in thresholds.T:
        count += x >= level
    scale, bias = (x.dtype.type(options.get(k, d)) for k, d in (("out_scale", 1), ("out_bias", 0)))
    return np.asarray(count * scale + bias)
