"""Opens an ONNX file from an untrusted source, and reads its tensors and attributes."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.errors import ModelError, ToolError
from bnnhw.extras import install_command
from bnnhw.importers.onnx.external_data import read_external
from bnnhw.importers.unsupported import reject_unsupported
from bnnhw.ir.types import MAX_ELEMENTS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

__all__ = ["SMALL_INTEGERS", "Attributes", "attributes", "is_number", "load_onnx", "node_label",
           "onnx_module", "tensor_array"]

MAX_BYTES = 1 << 30

SMALL_INTEGERS = frozenset({"int2", "uint2", "int4", "uint4"})
"""Types of integers that numpy has only through the package ml_dtypes, which onnx uses."""

Attributes = dict[str, Any]
"""Attributes of a node by name: numbers, strings, lists and arrays."""


def onnx_module() -> ModuleType:
    """Import the package onnx, or raise an error with the command that installs it."""
    try:
        import onnx
        import onnx.reference
        import onnx.shape_inference
    except ImportError as error:
        raise ToolError("onnx is not installed", hint=install_command("onnx")) from error
    return onnx


def node_label(node: NodeProto) -> str:
    """Name a node for a message: its name, or else its outputs, and its operator."""
    return f"node '{node.name or ', '.join(node.output)}' ({node.op_type})"


def attributes(node: NodeProto) -> Attributes:
    """Return the attributes of a node by name, tensors as arrays."""
    onnx = onnx_module()
    values: Attributes = {}
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


def load_onnx(path: Path) -> ModelProto:
    """Parse a model, and read the tensors that are stored in other files of its folder.

    Raises
    ------
    ModelError
        The file is missing, too large, no ONNX model, or refers to files outside of its folder.
    """
    onnx = onnx_module()
    where = path.name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"is larger than {MAX_BYTES} bytes", where=where)
        raw = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", where=str(path)) from None
    try:
        model = onnx.load_model_from_string(raw)
    except Exception:  # protobuf raises many types of exceptions for a broken file
        reject_unsupported(path)
        raise ModelError("is not an ONNX model, or it is cut short", where=where) from None
    if not model.graph.node:
        raise ModelError("contains no nodes, or it is cut short", where=where,
                         hint="export the model again")
    size = len(raw)
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            read_external(tensor, path.parent, _itemsize(tensor, where), where)
            size += len(tensor.raw_data)
            if size > MAX_BYTES:
                raise ModelError(f"is larger than {MAX_BYTES} bytes with its external data",
                                 where=where)
    return model


def _itemsize(tensor: TensorProto, where: str) -> int:
    try:
        return int(onnx_module().helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, TypeError):
        raise ModelError(f"tensor '{tensor.name}' has an unknown type ({tensor.data_type})",
                         where=where) from None


def is_number(dtype: np.dtype[np.generic]) -> bool:
    """Whether an array has booleans, integers or floats."""
    return dtype.kind in "biuf" or dtype.name in SMALL_INTEGERS


def tensor_array(tensor: TensorProto, where: str) -> np.ndarray:
    """Decode a tensor after checking its size.

    Raises
    ------
    ModelError
        It is too large, broken, not numeric, or contains NaN or infinity.
    """
    onnx = onnx_module()
    dims = [int(d) for d in tensor.dims]
    if any(d < 0 for d in dims) or math.prod(dims) > MAX_ELEMENTS:
        raise ModelError(f"tensor '{tensor.name}' has shape {dims}, expected at most "
                         f"{MAX_ELEMENTS} elements", where=where)
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(f"tensor '{tensor.name}' of an attribute is stored in another file, "
                         "expected its values in the model", where=where,
                         hint="save the model with its weights inside")
    try:
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception as error:  # unknown types and short data raise different exceptions
        raise ModelError(f"tensor '{tensor.name}' is broken: {error}", where=where) from None
    if not is_number(array.dtype):
        raise ModelError(f"tensor '{tensor.name}' has type {array.dtype}, expected numbers",
                         where=where)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"tensor '{tensor.name}' contains NaN or infinity",
                         where=where)
    return array
