"""Maps the elements of a model's tensor to those of a layer's output, which is [H, W, C].

Models order their axes differently and move them, so every tensor has an array of indices into the
flattened output of its layer.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.shuffles import shuffled
from bnnhw.ir import TensorType
from bnnhw.ir.types import MAX_ELEMENTS
from bnnhw.layers import Flatten, Select

__all__ = ["as_map", "as_vector", "channels_first", "check_size", "flattened", "in_order",
           "is_map", "selection"]


def check_size(sizes: tuple[int, ...], label: str) -> None:
    """Reject a tensor that is empty or too large, before it is allocated."""
    if math.prod(sizes) > MAX_ELEMENTS or min(sizes, default=1) < 1:
        raise ModelError(f"has the output shape {list(sizes)}, expected 1 to {MAX_ELEMENTS} "
                         "elements", where=label)


def channels_first(type_: TensorType) -> np.ndarray:
    """Return indices of a layer's output in ONNX's order: [1, C, H, W], [1, C, T] or [1, C]."""
    index = np.arange(type_.size, dtype=np.int32).reshape(1, *type_.shape)
    return np.moveaxis(index, -1, 1) if index.ndim > 1 else index


def selection(chain: Chain, axis: int) -> np.ndarray | None:
    """Return the layer's channels that a tensor contains; None if its other axes differ."""
    if len(chain.shape) < 2 or chain.shape[0] != 1:
        return None
    index = np.moveaxis(chain.index[0], axis - 1 if axis > 0 else -1, -1)
    if index.shape[:-1] != chain.type.shape[:-1]:
        return None
    position = np.arange(chain.type.size // chain.channels).reshape(*index.shape[:-1], 1)
    first = index.reshape(-1, index.shape[-1])[0] % chain.channels
    same = (index // chain.channels == position).all() and (index % chain.channels == first).all()
    return np.asarray(first, dtype=np.int64) if same else None


def is_map(chain: Chain, axis: int) -> bool:
    """Whether a tensor is a layer's output with its channels, or some of them, on an axis."""
    return selection(chain, axis) is not None


def as_map(layers: LayerList, chain: Chain, label: str, axis: int = 1) -> Chain:
    """Convert a tensor to a map whose channels are in the tensor's order.

    Parameters
    ----------
    layers : LayerList
        A ``Select`` is added if the tensor has other channels than the layer, or another order;
        a layer that moves pixels where it has other rows or columns.
    chain : Chain
    label : str
        Node that reads it, for messages.
    axis : int
        Axis of the channels in the tensor.
    """
    channels = selection(chain, axis)
    moved = shuffled(layers, chain, axis, label) if channels is None else None
    if moved is not None:
        return moved
    if channels is None:
        raise ModelError(f"reads a tensor of shape {list(chain.shape)} that is not a map of "
                         f"'{chain.source}', whose output is {chain.type}", where=label,
                         hint="keep rows, columns and channels as separate axes: export the "
                         "model with activations of shape [1, channels, rows, columns]")
    if np.array_equal(channels, np.arange(chain.channels)):
        return chain
    key = ("select", chain.source, channels.tobytes())
    if key not in layers.known:
        layer = Select(layers.name(f"{chain.source}_select", "select"), chain.source, chain.type,
                       channels)
        layers.known[key] = replace(chain, source=layer.name, type=layers.add(layer))
    made = layers.known[key]
    index = channels_first(made.type)
    index = index if axis == 1 else np.moveaxis(index, 1, -1)
    return replace(chain.reindexed(made.type, channels), source=made.source, index=index)


def flattened(layers: LayerList, chain: Chain) -> Chain:
    """Return the same tensor after a ``Flatten``, which makes every element a channel."""
    if len(chain.type.shape) == 1:
        return chain
    key = ("flatten", chain.source)
    if key not in layers.known:
        layer = Flatten(layers.name(f"{chain.source}_flat", "flatten"), chain.source, chain.type)
        layers.known[key] = replace(chain, source=layer.name, type=layers.add(layer))
    made = layers.known[key]
    channels = np.arange(made.type.size) % chain.channels
    return replace(chain.reindexed(made.type, channels), source=made.source)


def as_vector(layers: LayerList, chain: Chain, label: str) -> tuple[Chain, np.ndarray]:
    """Convert a tensor [1, n] (or [1, 1, n], ...) to a vector.

    Returns
    -------
    chain : Chain
        Of a layer whose output is a vector.
    order : integer array [n]
        For each element of the tensor, its position in that vector.
    """
    if chain.shape[:-1] != (1,) * (len(chain.shape) - 1):
        raise ModelError(f"reads a tensor of shape {list(chain.shape)}, expected a vector "
                         "[1, n]", where=label, hint="flatten the activations first")
    chain = flattened(layers, chain)
    order = chain.index.reshape(-1)
    seen = np.zeros(chain.type.size, dtype=np.bool_)
    seen[order] = True
    if len(order) != chain.type.size or not seen.all():
        made = as_map(layers, replace(chain, index=order.reshape(1, -1)), label)
        return made, np.arange(made.type.size)
    return chain, order


def in_order(layers: LayerList, chain: Chain, label: str) -> Chain:
    """Convert a tensor to a vector in the model's order, so that its index is 0, 1, 2, ..."""
    chain, order = as_vector(layers, chain, label)
    return as_map(layers, replace(chain, index=order.reshape(1, -1)), label)
