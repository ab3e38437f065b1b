"""Finds out which axes of a model's input are channels, rows and columns.

Exporters put channels first or last and change the layout by ``Transpose``, or by ``Reshape``
where an axis has one element (tf2onnx does so for greyscale images). The nodes between the input
and the first layer that works on maps are applied to an array of indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ConfigError, ModelError, option
from bnnhw.importers.onnx.channels_last import is_rewritten, reads_channels_last
from bnnhw.importers.onnx.constant_folding import fold_constant
from bnnhw.importers.onnx.model_file import attributes
from bnnhw.importers.onnx.operators import ELEMENTWISE, evaluate

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["MOVES", "first_map_view", "given_view"]

MOVES = frozenset({"DepthToSpace", "Flatten", "Gather", "Reshape", "Slice", "SpaceToDepth",
                   "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that only move elements."""

MAP_NODES = frozenset({"AveragePool", "Conv", "ConvTranspose", "DepthToSpace",
                       "GlobalAveragePool", "MaxPool", "ReduceMean", "Resize", "SpaceToDepth",
                       "Upsample"})

LAYOUTS = ("NCHW", "NHWC")

SMALL = 64
"""Maximum size of a constant that can be a shape, a permutation or a list of axes."""


def first_map_view(nodes: Sequence[NodeProto], constants: dict[str, np.ndarray], name: str,
                   shape: tuple[int, ...], opset: int) -> np.ndarray | None:
    """Find the indices of the input in the order in which the first layer of maps reads them.

    Parameters
    ----------
    nodes : sequence of NodeProto
        In topological order.
    constants : dict of str to array
        Initialisers.
    name : str
        Of the input.
    shape : tuple of int
        Shape of the input, batch first.
    opset : int

    Returns
    -------
    integer array or None
        ``[1, C, H, W]`` or ``[1, C, T]``: for each element its position in the flattened input.
        None where no layer of the model works on maps or signals.
    """
    small = {key: array for key, array in constants.items() if array.size <= SMALL}
    views = {name: np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)}
    for node in nodes:
        if not any(source in views for source in node.input):
            _fold_small(node, small, opset)
            continue
        view = views.get(node.input[0])
        if view is None:
            if node.op_type in ELEMENTWISE:
                view = next(views[source] for source in node.input if source in views)
            else:
                continue
        seen = _view_of_node(node, view, small)
        if seen is not None:
            return seen
        if node.op_type == "Shape":
            small[node.output[0]] = shape_of(node, view.shape)
        elif node.op_type in ELEMENTWISE or node.op_type == "Pad":
            views[node.output[0]] = view
        elif node.op_type in MOVES and all(s in small for s in node.input[1:] if s):
            inputs = [view, *(small[s] if s else None for s in node.input[1:])]
            try:
                views[node.output[0]] = evaluate(node, inputs, opset)
            except ModelError:
                continue  # the translation of the node reports what is wrong
    return None


def given_view(shape: tuple[int, ...], layout: str) -> np.ndarray:
    """Return what ``first_map_view`` returns, for a given order of the axes of the input.

    Parameters
    ----------
    shape : tuple of int
        Shape of the input, batch first.
    layout : str
        ``NCHW`` or ``NHWC``.

    Raises
    ------
    ConfigError
        The layout is unknown, or the input has another number of axes than a map.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"{option('layout', layout)} is unknown",
                          hint=f"use one of {', '.join(LAYOUTS)}")
    if len(shape) != len(layout):
        raise ConfigError(f"{option('layout', layout)} names {len(layout)} axes, and the input of "
                          f"the model has the shape {list(shape)}",
                          hint=f"leave out {option('layout')}, or give a sample with four axes")
    view = np.arange(int(np.prod(shape)), dtype=np.int32).reshape(shape)
    return view if layout == "NCHW" else np.moveaxis(view, -1, 1)


def shape_of(node: NodeProto, shape: Sequence[int]) -> np.ndarray:
    """Return the result of a ``Shape`` node, with its ``start`` and ``end``."""
    options = attributes(node)
    return np.array(shape, dtype=np.int64)[options.get("start", 0):options.get("end", len(shape))]


def _fold_small(node: NodeProto, small: dict[str, np.ndarray], opset: int) -> None:
    """Compute a node of small constants: exporters compute shapes from constants."""
    if any(source and source not in small for source in node.input):
        return
    try:
        found = fold_constant(node, [small[s] if s else None for s in node.input], opset)
    except ModelError:
        return
    small.update({key: array for key, array in zip(node.output, found, strict=False)
                  if array.size <= SMALL})


def _view_of_node(node: NodeProto, view: np.ndarray,
                  small: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return the view with its channels first, if a node works on maps or signals."""
    if view.ndim not in (3, 4):
        return None
    last = np.moveaxis(view, -1, 1)
    if node.op_type == "MatMul" and view.ndim > 2:
        return last
    if is_rewritten(node):
        return last if reads_channels_last(node) else view
    if node.op_type not in MAP_NODES:
        return None
    if node.op_type == "ReduceMean":
        axes = attributes(node).get("axes")
        if axes is None and len(node.input) > 1:
            axes = small.get(node.input[1])
        found = sorted(int(a) % view.ndim for a in np.ravel(axes)) if axes is not None else []
        return last if found == list(range(1, view.ndim - 1)) else view
    return view
