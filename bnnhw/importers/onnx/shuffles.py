"""Recognises pixel shuffles and crops in the order of a tensor's elements, and adds their layers.

Models write them as ``DepthToSpace`` or ``SpaceToDepth``, as ``Reshape``, ``Transpose`` and
``Reshape``, or as ``Slice``: all of these only move elements, so that the indices of the tensor
tell which layer moves them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.layers import Crop, DepthToSpace, Layer, SpaceToDepth
from bnnhw.layers.pixel_shuffle import ORDERS

__all__ = ["shuffled"]


def shuffled(layers: LayerList, chain: Chain, axis: int, label: str) -> Chain | None:
    """Return the tensor of a chain as the output of a layer that moves its elements.

    Parameters
    ----------
    layers : LayerList
    chain : Chain
    axis : int
        Axis of the channels in the tensor.
    label : str
        Node that reads it, for messages.

    Returns
    -------
    Chain or None
        None where no such layer gives these elements in this order.

    Raises
    ------
    ModelError
        Channels with different meanings become one channel.
    """
    if chain.shape[0] != 1 or len(chain.shape) != len(chain.type.shape) + 1 or \
            len(chain.type.shape) < 2:
        return None
    wanted = np.moveaxis(chain.index[0], axis - 1 if axis > 0 else -1, -1)
    positions = np.arange(chain.type.size, dtype=np.int64).reshape(1, *chain.type.shape)
    for layer in _candidates(layers, chain, wanted):
        if not np.array_equal(layer.compute(positions)[0], wanted):
            continue
        key = (layer.kind, chain.source, str(layer.params()))
        type_ = layer.out_type()
        if key not in layers.known:
            layers.add(layer)
            layers.known[key] = replace(chain, source=layer.name, type=type_)
        source = wanted.reshape(-1, type_.channels) % chain.channels
        index = np.arange(type_.size, dtype=np.int32).reshape(1, *type_.shape)
        made = chain.reindexed(type_, source[0])
        _check_equal(chain, source, label)
        return replace(made, source=layers.known[key].source,
                       index=np.moveaxis(index, -1, axis if axis > 0 else -1))
    return None


def _candidates(layers: LayerList, chain: Chain, wanted: np.ndarray) -> Iterator[Layer]:
    """Layers whose output has the shape of ``wanted``."""
    (height, width, channels), name = chain.type.map, chain.source
    rows, columns = (*wanted.shape[:-1], 1)[:2]
    if rows % height == 0 and columns % width == 0 and rows * columns > height * width and \
            wanted.size == chain.type.size:
        for order in ORDERS:
            yield DepthToSpace(layers.name(f"{name}_pixels", "pixels"), name, chain.type,
                               (rows // height, columns // width), order)
    if height % rows == 0 and width % columns == 0 and rows * columns < height * width and \
            wanted.size == chain.type.size:
        for order in ORDERS:
            yield SpaceToDepth(layers.name(f"{name}_blocks", "blocks"), name, chain.type,
                               (height // rows, width // columns), order)
    if wanted.shape[-1] == channels and rows <= height and columns <= width:
        first = int(wanted.reshape(-1)[0]) // channels
        top, left = first // width, first % width
        if top + rows <= height and left + columns <= width:
            yield Crop(layers.name(f"{name}_crop", "crop"), name, chain.type,
                       (top, left, height - top - rows, width - left - columns))


def _check_equal(chain: Chain, source: np.ndarray, label: str) -> None:
    """Raise an error where several channels that mean different numbers become one.

    ``source`` is the channel of the layer for each pixel and channel: ``[pixels, channels]``.
    """
    if (source == source[0]).all():
        return
    constants = [chain.start, chain.slope, chain.base, chain.error]
    same = not chain.nodes and all(
        value is None or value.ndim == 0 or (value[source] == value[source[0]]).all()
        for value in constants)
    if not same:
        raise ModelError("reads a tensor in which channels of different scales were moved to "
                         "one channel", where=label,
                         hint="train with a quantiser before or after the pixel shuffle")
