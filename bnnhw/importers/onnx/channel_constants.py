"""Converts the constants of elementwise nodes to one value per channel of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.linear_quantisers import LINEAR_QUANTISERS, along_axis
from bnnhw.importers.onnx.model_file import attributes, node_label
from bnnhw.importers.onnx.quantisers import QONNX_QUANTISERS

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["ChannelsDiffer", "channel_constants", "fitting_constant"]


class ChannelsDiffer(ModelError):
    """Raised where a constant differs between elements of one channel."""


def fitting_constant(node: NodeProto, position: int, value: np.ndarray) -> np.ndarray:
    """Return input ``position`` of a node, a constant, in a type that the node computes with.

    Some exporters write parameters of QONNX's quantisers as integers or float64; they become
    float32. Integers and booleans keep their type.

    Raises
    ------
    ModelError
        The constant has another float type than the model, or the node is in training mode.
    """
    where = node_label(node)
    if node.op_type in QONNX_QUANTISERS:
        return value.astype(np.float32)
    if value.dtype.kind == "f" and value.dtype != np.float32:
        raise ModelError(f"computes in {value.dtype}, expected float32", where=where,
                         hint="export the model in float32")
    if node.op_type == "Dropout" and position == 2 and value.any():
        raise ModelError("drops values (training_mode)", where=where,
                         hint="export the model in evaluation mode")
    if node.op_type == "BatchNormalization" and attributes(node).get("training_mode"):
        raise ModelError("is in training mode", where=where,
                         hint="export the model in evaluation mode")
    return value


def channel_constants(node: NodeProto, constants: Sequence[np.ndarray | None], index: np.ndarray,
                      channels: int) -> tuple[np.ndarray | None, ...]:
    """Convert the constants of a node from the model's shape to the channels of a layer.

    Parameters
    ----------
    node : NodeProto
    constants : sequence of array or None
    index : integer array
        For each element of the tensor, its position in the flattened output of the layer, whose
        last axis is the channel.
    channels : int
        Number of channels of the layer.

    Raises
    ------
    ChannelsDiffer
        Elements of one channel are combined with different constants.
    ModelError
        A constant does not fit the tensor's shape.
    """
    if node.op_type == "MultiThreshold":
        return None, _threshold_rows(node, constants, index, channels)
    shape = index.shape
    axis = [1] * len(shape)
    if node.op_type == "BatchNormalization" and len(shape) > 1:
        axis[1] = shape[1]
    fitted: list[np.ndarray | None] = []
    for value in constants:
        if value is None or (value.size == 1 and value.ndim <= max(2, len(shape))):
            fitted.append(None if value is None else value.reshape(()))
            continue
        if node.op_type == "BatchNormalization" and value.shape == (axis[1],):
            value = value.reshape(axis)
        if node.op_type in LINEAR_QUANTISERS:
            value = along_axis(node, value, len(shape))
        try:
            full = np.broadcast_to(value, shape)
        except ValueError:
            raise ModelError(f"has a constant of shape {list(value.shape)} for activations of "
                             f"shape {list(shape)}, expected one value or one for each channel",
                             where=node_label(node)) from None
        fitted.append(_by_channel(node, full, index, channels))
    return tuple(fitted)


def _by_channel(node: NodeProto, full: np.ndarray, index: np.ndarray, channels: int) -> np.ndarray:
    channel = index % channels
    found = np.full(channels, full.flat[0], dtype=full.dtype)
    found[channel] = full
    if (found[channel] != full).any():
        raise ChannelsDiffer("treats the elements of one channel differently", where=node_label(
            node), hint="use constants that are equal for all rows and columns")
    return found


def _threshold_rows(node: NodeProto, constants: Sequence[np.ndarray | None], index: np.ndarray,
                    channels: int) -> np.ndarray:
    """Return the thresholds of a MultiThreshold as [channels, J]."""
    rows = constants[1] if len(constants) > 1 else None
    # Without a layout, the package qonnx assumes NC, NWC or NCHW by the number of axes.
    layout = str(attributes(node).get("data_layout", "") or {3: "NWC"}.get(index.ndim, "NCHW"))
    axis = index.ndim - 1 if layout.endswith("C") and index.ndim > 2 else 1
    count = index.shape[axis] if index.ndim > 1 else 1
    if rows is None or rows.ndim != 2 or rows.shape[0] not in (1, count):
        raise ModelError(f"needs constant thresholds of shape [{count}, J]", where=node_label(node))
    shape = [1] * index.ndim
    shape[axis] = rows.shape[0]
    columns = [_by_channel(node, np.broadcast_to(column.reshape(shape), index.shape), index,
                           channels) for column in rows.T]
    return np.stack(columns, axis=1)
