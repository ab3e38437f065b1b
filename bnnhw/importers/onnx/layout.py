"""Where the elements of a model's tensor are in a layer's output, which is [H, W, C].

Models keep channels first or last, and move them; an array of indices follows every move.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.ir import TensorType
from bnnhw.ir.types import MAX_ELEMENTS
from bnnhw.layers import Flatten, Select

__all__ = ["as_map", "as_vector", "channels_first", "check_size", "flattened", "in_order",
           "is_map", "selection"]


def check_size(sizes: tuple[int, ...], label: str) -> None:
    """Refuse a tensor that is too large, before it is allocated."""
    count = 1
    for size in sizes:
        count *= size
    if count > MAX_ELEMENTS or min(sizes, default=1) < 1:
        raise ModelError(f"gives a tensor of shape {list(sizes)}, expected 1 to {MAX_ELEMENTS} "
                         "elements", where=label)


def channels_first(type_: TensorType) -> np.ndarray:
    """Indices of a layer's output in the order of ONNX: [1, C, H, W], [1, C, T] or [1, C]."""
    index = np.arange(type_.size, dtype=np.int32).reshape(1, *type_.shape)
    return np.moveaxis(index, -1, 1) if index.ndim > 1 else index


def selection(chain: Chain, axis: int) -> np.ndarray | None:
    """Which channels a tensor holds where its other axes are the layer's own; else None."""
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
    """Whether a tensor is a layer's output with its channels (or some of them) on an axis."""
    return selection(chain, axis) is not None


def as_map(layers: LayerList, chain: Chain, label: str, axis: int = 1) -> Chain:
    """See a tensor as its layer's map, with the channels in the tensor's own order.

    Parameters
    ----------
    layers : LayerList
        Gets a ``Select`` where the tensor has other channels than the layer, or another order.
    chain : Chain
    label : str
        Node that reads it, for the error.
    axis : int
        Where the tensor has its channels.
    """
    channels = selection(chain, axis)
    if channels is None:
        raise ModelError(f"reads a tensor of shape {list(chain.shape)} that is no map of "
                         f"'{chain.source}', which gives {chain.type}", where=label,
                         hint="rows, columns and channels have to stay apart; export the model "
                         "with its activations as [1, channels, rows, columns]")
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
    """The same tensor behind a ``Flatten``: each element is a channel of its own."""
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
    """See a tensor [1, n] (or [1, 1, n], ...) as a vector.

    Returns
    -------
    chain : Chain
        Of a layer that gives a vector.
    order : integer array [n]
        Which element of that vector each element of the tensor is.
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
    """See a tensor as a vector in the model's own order: its index is 0, 1, 2, ..."""
    chain, order = as_vector(layers, chain, label)
    return as_map(layers, replace(chain, index=order.reshape(1, -1)), label)
