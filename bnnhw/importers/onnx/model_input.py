"""Describes the input of a model: the shape of a sample, and the float that each integer means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layout import channels_first
from bnnhw.importers.onnx.model_file import onnx_module
from bnnhw.ir import Bits, Element, TensorType
from bnnhw.ir.types import MAX_ELEMENTS, NAMED_INTEGERS

if TYPE_CHECKING:
    from onnx import ValueInfoProto

__all__ = ["input_chain", "input_shape", "integer_input"]


def input_shape(info: ValueInfoProto) -> tuple[int, ...]:
    """Return the shape of the input, batch first.

    Raises
    ------
    ModelError
        The input has unknown sizes, or is too large.
    """
    where = f"input '{info.name}'"
    dims = [int(d.dim_value) for d in info.type.tensor_type.shape.dim]
    if len(dims) < 2 or dims[0] > 1 or any(d < 1 for d in dims[1:]):
        raise ModelError(f"has shape {dims}, expected [1, ...] with known sizes", where=where,
                         hint="export with a batch of one")
    size = int(np.prod(dims[1:], dtype=object))
    if size > MAX_ELEMENTS:
        raise ModelError(f"has {size} elements, expected at most {MAX_ELEMENTS}", where=where)
    return (1, *dims[1:])


def integer_input(info: ValueInfoProto) -> str | None:
    """Return the integer type of an input, which no option can change; None for float32.

    Raises
    ------
    ModelError
        The input is neither float32 nor an integer of 8 bits.
    """
    proto, kind = onnx_module().TensorProto, info.type.tensor_type.elem_type
    if kind == proto.FLOAT:
        return None
    for name in NAMED_INTEGERS:
        if kind == getattr(proto, name.upper()):
            return name
    raise ModelError(f"is not float32, {' or '.join(NAMED_INTEGERS)}", where=f"input '{info.name}'",
                     hint="export the model in float32, or with integers of 8 bits as its input")


def input_chain(shape: tuple[int, ...], view: np.ndarray | None, input_type: str,
                pixel_range: tuple[float, float] | None, opset: int) -> Chain:
    """Make the chain that stands for the input.

    Parameters
    ----------
    shape : tuple of int
        See ``input_shape``.
    view : integer array or None
        See ``first_map_view``.
    input_type : str
    pixel_range : (float, float) or None
        See ``ImportOptions``; None where the model sees the integers themselves.
    opset : int
    """
    type_, index = _layout(view, shape, _element(input_type))
    ones = np.ones(type_.channels)
    if input_type == "bits":
        return Chain("input", type_, index, np.full(type_.channels, -1, dtype=np.int64), 2, 2,
                     ones, 0 * ones, opset)
    if pixel_range is None:
        element = NAMED_INTEGERS[input_type]
        return Chain("input", type_, index, np.full(type_.channels, element.lo, dtype=np.int64), 1,
                     element.hi - element.lo + 1, ones, 0 * ones, opset)
    low, high = pixel_range
    if input_type == "int8":
        start, slope, base = -128, high / 127, 0.0
        fractions = np.arange(-128, 128, dtype=np.float32) / np.float32(127)
        points = fractions * np.float32(high)
    else:
        start, slope, base = 0, (high - low) / 255, low
        fractions = np.arange(256, dtype=np.float32) / np.float32(255)
        points = np.float32(low) + fractions * np.float32(high - low)
    return Chain("input", type_, index, np.full(type_.channels, start, dtype=np.int64), 1, 256,
                 slope * ones, base * ones, opset, exact_points=points)


def _element(input_type: str) -> Element:
    return Bits() if input_type == "bits" else NAMED_INTEGERS[input_type]


def _layout(view: np.ndarray | None, shape: tuple[int, ...],
            element: Element) -> tuple[TensorType, np.ndarray]:
    """Return the type of a sample: a map or signal if the model has layers of maps, else a vector.

    Parameters
    ----------
    view : integer array or None
        See ``first_map_view``.
    shape : tuple of int
        Shape of the input, batch first.
    element : Element

    Returns
    -------
    type : TensorType
    index : integer array
        For each element of the model's input, its position in a flattened sample.
    """
    flat = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    if view is None:
        return TensorType((flat.size,), element), flat
    if view.shape[0] != 1 or not np.array_equal(np.sort(view, axis=None), flat.reshape(-1)):
        if len(shape) not in (3, 4):
            return TensorType((flat.size,), element), flat
        view = flat  # the first layer reads a part of the input: assume channels first, as in ONNX
    type_ = TensorType((*view.shape[2:], view.shape[1]), element)
    index = np.empty_like(flat)
    index.reshape(-1)[view.reshape(-1)] = channels_first(type_).reshape(-1)
    return type_, index
