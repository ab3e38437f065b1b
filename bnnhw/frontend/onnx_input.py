"""The input of a model: what a sample is, and what the model sees of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.frontend.onnx_chain import Chain
from bnnhw.frontend.onnx_file import onnx_module
from bnnhw.frontend.onnx_layout import channels_first
from bnnhw.frontend.onnx_ops import ELEMENTWISE, attributes
from bnnhw.ir import Bits, Element, Int, TensorType
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["INPUT_TYPES", "input_chain"]

INPUT_TYPES = ("uint8", "int8", "bits")

MAP_NODES = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean",
                       "Resize", "Upsample", "Pad"})


def input_chain(graph: Any, info: Any, input_type: str, pixel_range: tuple[float, float],
                opset: int) -> Chain:
    """Make the chain that the input is.

    Parameters
    ----------
    graph : GraphProto
    info : ValueInfoProto
        Of the input.
    input_type : str
    pixel_range : (float, float)
        See ``import_qonnx``.
    opset : int
    """
    where = f"input '{info.name}'"
    dims = [int(d.dim_value) for d in info.type.tensor_type.shape.dim]
    if info.type.tensor_type.elem_type != onnx_module().TensorProto.FLOAT:
        raise ModelError("is not float32", where=where, hint="export the model in float32")
    if len(dims) < 2 or dims[0] > 1 or any(d < 1 for d in dims[1:]):
        raise ModelError(f"has shape {dims}, expected [1, ...] with known sizes", where=where,
                         hint="export with a batch of one")
    size = int(np.prod(dims[1:], dtype=object))
    if size > MAX_ELEMENTS:
        raise ModelError(f"has {size} elements, at most {MAX_ELEMENTS} are taken", where=where)
    type_, index = _layout(graph, info.name, (1, *dims[1:]), _element(input_type))
    ones = np.ones(type_.channels)
    if input_type == "bits":
        return Chain("input", type_, index, np.full(type_.channels, -1, dtype=np.int64), 2, 2,
                     ones, 0 * ones, opset)
    low, high = pixel_range
    if input_type == "int8":
        start, slope, base = -128, high / 127, 0.0
        steps = np.arange(-128, 128, dtype=np.float32) / np.float32(127)
        points = steps * np.float32(high)
    else:
        start, slope, base = 0, (high - low) / 255, low
        steps = np.arange(256, dtype=np.float32) / np.float32(255)
        points = np.float32(low) + steps * np.float32(high - low)
    return Chain("input", type_, index, np.full(type_.channels, start, dtype=np.int64), 1, 256,
                 slope * ones, base * ones, opset, exact_points=points)


def _element(input_type: str) -> Element:
    if input_type == "bits":
        return Bits()
    return Int(-128, 127) if input_type == "int8" else Int(0, 255)


def _layout(graph: Any, name: str, shape: tuple[int, ...],
            element: Element) -> tuple[TensorType, np.ndarray]:
    """A map [H, W, C] or signal [T, C] where the model has layers of maps, else a vector."""
    flat = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    if len(shape) not in (3, 4) or not any(n.op_type in MAP_NODES for n in graph.node):
        return TensorType((flat.size,), element), flat
    if _channels_last(graph, name, len(shape)):
        return TensorType(shape[1:], element), flat
    type_ = TensorType((*shape[2:], shape[1]), element)
    return type_, channels_first(type_)


def _channels_last(graph: Any, name: str, rank: int) -> bool:
    """Whether the input goes through a Transpose (or a MatMul) that says so."""
    names, seen = [name], {name}
    while names:
        current = names.pop()
        for node in graph.node:
            if current not in node.input:
                continue
            if node.op_type == "Transpose":
                return attributes(node).get("perm") == [0, rank - 1, *range(1, rank - 1)]
            if node.op_type == "MatMul":
                return True
            if node.op_type in ELEMENTWISE:
                names += [o for o in node.output if o not in seen]
                seen.update(node.output)
    return False
