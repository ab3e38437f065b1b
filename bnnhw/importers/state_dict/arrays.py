"""Converts tensors of PyTorch into the arrays of a layers.yaml: signs, axes and their order."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from bnnhw.errors import ConfigError
from bnnhw.importers.state_dict.description import BATCH_NORM, LayerState, StateDescription
from bnnhw.importers.state_dict.read import StateDict
from bnnhw.ir import Graph
from bnnhw.ir.layer import Layer

__all__ = ["convert_arrays"]

SAME_ORDER = frozenset({"threshold", "binarize", "affine", "argmax"})
"""Kinds of layers whose output has the elements of their input, in the same order."""

LATENT = "weights"


def convert_arrays(state: StateDict, description: StateDescription,
                   graph: Graph) -> dict[str, np.ndarray]:
    """Convert the tensors that a description names.

    PyTorch stores the weights of a convolution as [outputs, channels, rows, columns] and flattens a
    map channel by channel. A layers.yaml has the channels last, and flattens pixel by pixel.

    Parameters
    ----------
    state : StateDict
    description : StateDescription
    graph : Graph
        The same layers with any weights, for the shapes of the maps that they flatten.

    Returns
    -------
    dict of str to array
        By ``LAYER.PARAMETER``.

    Raises
    ------
    ConfigError
        A tensor is missing or has the wrong shape; latent weights are 0 and the description does
        not say what their sign is; or a tensor is read by no layer.
    """
    orders = _orders(graph, tuple(description.config.input.shape))
    layers = {layer.name: layer for layer in graph.layers}
    items = dict(zip(description.config.names(), description.config.layers, strict=True))
    arrays: dict[str, np.ndarray] = {}
    for name, layer_state in description.states.items():
        layer = layers[name]
        literal = getattr(items[name], "weight_bits", 1) > 1
        for key, tensor in _keys(layer_state, state).items():
            array = state.array(tensor)
            if key == LATENT:
                array = _rows(array, layer, orders.get(layer.source), tensor, state.name)
                if not literal:
                    array = _signs(array, description.sign_of_zero, tensor, state.name)
            elif layer.kind in SAME_ORDER and orders.get(layer.source) is not None:
                array = array[orders[layer.source]] if array.ndim else array
            arrays[f"{name}.{key}"] = array
    unread = [key for key in state.unread() if not description.ignores(key)]
    if unread:
        raise ConfigError(f"has tensors that no layer reads: {', '.join(unread[:6])}",
                          where=state.name, hint="name them under 'state' of a layer, or under "
                          "'ignore'")
    return arrays


def _keys(layer_state: LayerState, state: StateDict) -> Mapping[str, str]:
    """Name the tensor of each array of a layer."""
    keys = dict(layer_state.arrays)
    if layer_state.module is not None:
        keys.setdefault(LATENT, f"{layer_state.module}.weight")
        if f"{layer_state.module}.bias" in state:
            keys.setdefault("bias", f"{layer_state.module}.bias")
    if layer_state.batch_norm is not None:
        for key, tensor in BATCH_NORM.items():
            keys.setdefault(key, f"{layer_state.batch_norm}.{tensor}")
    return keys


def _orders(graph: Graph, input_shape: tuple[int, ...]) -> dict[str, np.ndarray | None]:
    """Find where PyTorch has the elements of each vector that comes from a flattened map.

    Returns
    -------
    dict of str to int64 [C] or None
        For each element of a layer's output, its position in PyTorch's order. None where both
        orders are equal.
    """
    flattened = len(graph.input.shape) == 1 and len(input_shape) > 1
    orders = {"input": _channels_first(input_shape) if flattened else None}
    for layer in graph.layers:
        before = [orders[source] for source in layer.sources]
        if layer.kind == "flatten":
            orders[layer.name] = _channels_first(layer.input.shape)
        elif layer.kind in SAME_ORDER:
            orders[layer.name] = before[0]
        elif any(order is not None for order in before) and layer.kind != "dense":
            raise ConfigError(f"layer '{layer.name}' ({layer.kind}) reads a flattened map, whose "
                              "order of elements differs from PyTorch's",
                              hint="describe it before 'flatten'")
        else:
            orders[layer.name] = None
    return orders


def _channels_first(shape: tuple[int, ...]) -> np.ndarray | None:
    if min(shape[-1], math.prod(shape[:-1])) == 1:
        return None
    positions = np.arange(math.prod(shape)).reshape(shape[-1], *shape[:-1])
    return np.moveaxis(positions, 0, -1).reshape(-1)


def _rows(array: np.ndarray, layer: Layer, order: np.ndarray | None, tensor: str,
          where: str) -> np.ndarray:
    """Bring weights into the order [outputs, rows, columns, channels], or [outputs, inputs]."""
    if layer.kind == "dense":
        expected = (getattr(layer, "outputs"), layer.input.size)  # noqa: B009
        if array.shape != expected:
            raise ConfigError(f"tensor '{tensor}' has shape {array.shape}, expected {expected} "
                              f"for layer '{layer.name}'", where=where)
        return array if order is None else array[:, order]
    return np.moveaxis(array, 1, -1) if array.ndim > 2 else array


def _signs(array: np.ndarray, zero: int | None, tensor: str, where: str) -> np.ndarray:
    """Return -1 and +1 for latent weights."""
    count = int((array == 0).sum())
    if count and zero is None:
        raise ConfigError(f"tensor '{tensor}' has {count} weights that are exactly 0, whose sign "
                          "depends on the training program", where=where,
                          hint="add 'sign_of_zero: 1' (or -1) to the description")
    if np.isnan(array).any():
        raise ConfigError(f"tensor '{tensor}' contains NaN", where=where)
    return np.where(array == 0, zero or 0, np.sign(array)).astype(np.int8)
