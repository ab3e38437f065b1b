"""Evaluates ``QuantizeLinear`` and ``DequantizeLinear`` as ONNX specifies them.

``QuantizeLinear`` rounds half to even and saturates to the type of its zero point, from 2 to 16
bits. Results of fewer than 8 bits are arrays of 8 bits, because numpy has no such type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import attributes, node_label, onnx_module

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["LINEAR_QUANTISERS", "along_axis", "evaluate_linear_quantiser", "linear_ties",
           "quantised_range"]

LINEAR_QUANTISERS = frozenset({"QuantizeLinear", "DequantizeLinear"})

_RANGES = {"int2": (-2, 1), "uint2": (0, 3), "int4": (-8, 7), "uint4": (0, 15),
           **{name: (int(np.iinfo(name).min), int(np.iinfo(name).max))
              for name in ("int8", "uint8", "int16", "uint16")}}
"""Lowest and highest integer of each type that ``QuantizeLinear`` can return."""


def along_axis(node: NodeProto, value: np.ndarray, rank: int) -> np.ndarray:
    """Reshape a scale or zero point so that it broadcasts along the axis of a node.

    Parameters
    ----------
    node : NodeProto
        One of ``LINEAR_QUANTISERS``.
    value : array
        One value, or one for each element of the axis.
    rank : int
        Number of axes of the tensor that is quantised.
    """
    options = attributes(node)
    if options.get("block_size") or value.ndim > 1:
        raise ModelError("quantises in blocks, expected one scale for the tensor or one for each "
                         "channel", where=node_label(node), hint="export with per-tensor or "
                         "per-channel quantisation")
    if value.size == 1:
        return value.reshape(())
    axis = int(options.get("axis", 1))
    if not -rank <= axis < rank:
        raise ModelError(f"has axis {axis} for a tensor of {rank} axes", where=node_label(node))
    shape = [1] * rank
    shape[axis] = value.size
    return value.reshape(shape)


def quantised_range(node: NodeProto, zero: np.ndarray | None) -> tuple[int, int]:
    """Return the lowest and highest integer of a ``QuantizeLinear``.

    Raises
    ------
    ModelError
        Its type is none of integers.
    """
    name = "uint8" if zero is None else zero.dtype.name
    given = int(attributes(node).get("output_dtype", 0))
    if zero is None and given:
        helper = onnx_module().helper
        name = np.dtype(helper.tensor_dtype_to_np_dtype(given)).name
    if name not in _RANGES:
        raise ModelError(f"quantises to {name}, expected one of {', '.join(_RANGES)}",
                         where=node_label(node))
    return _RANGES[name]


def evaluate_linear_quantiser(node: NodeProto,
                              inputs: Sequence[np.ndarray | None]) -> np.ndarray:
    """Compute a node whose scale and zero point broadcast with its input.

    Returns
    -------
    array
        Integers after ``QuantizeLinear``; floats in the type of the scale after
        ``DequantizeLinear``.
    """
    x, scale, *others = inputs
    zero = others[0] if others else None
    if x is None or scale is None:
        raise ModelError("has no scale", where=node_label(node))
    if (scale <= 0).any():
        raise ModelError("has a scale that is not positive", where=node_label(node))
    offset = 0 if zero is None else zero.astype(np.int64)
    if node.op_type == "DequantizeLinear":
        return np.asarray((x.astype(np.float64) - offset).astype(scale.dtype) * scale)
    low, high = quantised_range(node, zero)
    rounded = np.rint(x / scale).astype(np.float64) + offset
    narrow = next(np.dtype(name) for name in ("int8", "uint8", "int16", "uint16")
                  if np.iinfo(name).min <= low and high <= np.iinfo(name).max
                  and (np.iinfo(name).min < 0) == (low < 0))
    return np.clip(rounded, low, high).astype(narrow)


def linear_ties(x: np.ndarray, constants: Sequence[np.ndarray | None]) -> int:
    """Count the values of ``x`` that are halfway between two integers of a ``QuantizeLinear``."""
    assert constants[1] is not None
    scaled = x / constants[1].astype(x.dtype)
    return int((scaled - np.floor(scaled) == x.dtype.type(0.5)).sum())
