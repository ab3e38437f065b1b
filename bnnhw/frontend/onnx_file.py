"""Opening an ONNX file that came from a stranger."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.errors import ModelError, ToolError
from bnnhw.ir.types import MAX_ELEMENTS

__all__ = ["load_onnx", "node_label", "onnx_module", "tensor_array"]

MAX_BYTES = 1 << 30


def onnx_module() -> Any:
    """Import onnx, or say how to install it."""
    try:
        import onnx
        import onnx.reference
    except ImportError as error:
        raise ToolError("onnx is not installed", hint="pip install 'bnnhw[onnx]'") from error
    return onnx


def node_label(node: Any) -> str:
    """Name a node as its exporter and as a reader of the graph would."""
    return f"node '{node.name or ', '.join(node.output)}' ({node.op_type})"


def load_onnx(path: Path) -> Any:
    """Parse a model without following any reference out of the file.

    Raises
    ------
    ModelError
        The file is missing, too large, no ONNX model, or keeps tensors in other files.
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
    except Exception:  # protobuf raises what it likes for a broken file
        raise ModelError("is not an ONNX model, or it is cut short", where=where) from None
    if not model.graph.node:
        raise ModelError("holds no nodes, or it is cut short", where=where,
                         hint="export the model again")
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelError(f"tensor '{tensor.name}' is stored in another file, which is not "
                             "followed", where=where,
                             hint="save the model with its weights inside")
    return model


def tensor_array(tensor: Any, where: str) -> np.ndarray:
    """Decode a tensor, with its size checked first."""
    onnx = onnx_module()
    dims = [int(d) for d in tensor.dims]
    if any(d < 0 for d in dims) or math.prod(dims) > MAX_ELEMENTS:
        raise ModelError(f"tensor '{tensor.name}' has shape {dims}, at most {MAX_ELEMENTS} "
                         "elements are taken", where=where)
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise ModelError(f"tensor '{tensor.name}' is stored in another file, which is not followed",
                         where=where)
    try:
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    except Exception as error:  # unknown types and short data raise different things
        raise ModelError(f"tensor '{tensor.name}' is broken: {error}", where=where) from None
    if array.dtype.kind not in "biuf":
        raise ModelError(f"tensor '{tensor.name}' has type {array.dtype}, expected numbers",
                         where=where)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ModelError(f"tensor '{tensor.name}' holds values that are NaN or infinite",
                         where=where)
    return array
