"""How the first layer of a model sees its input: which elements are a channel, a row, a column.

Exporters keep channels first or last and change the layout by ``Transpose``, or by ``Reshape``
where an axis has one element (tf2onnx does so for grey-scale pictures). An array of indices follows
the nodes between the input and the first layer that works on maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.constant_folding import fold_constant
from bnnhw.importers.onnx.model_file import attributes
from bnnhw.importers.onnx.operators import ELEMENTWISE, evaluate

__all__ = ["MOVES", "first_map_view"]

MOVES = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Gather"})
"""Nodes that change where elements are, and nothing else."""

MAP_NODES = frozenset({"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean",
                       "Resize", "Upsample"})

SMALL = 64
"""Elements of constants that can be a shape, a permutation or a list of axes."""


def first_map_view(nodes: Sequence[Any], constants: dict[str, np.ndarray], name: str,
                   shape: tuple[int, ...], opset: int) -> np.ndarray | None:
    """Find the input as the first layer of maps or signals sees it.

    Parameters
    ----------
    nodes : sequence of NodeProto
        In topological order.
    constants : dict of str to array
        Initialisers.
    name : str
        Of the input.
    shape : tuple of int
        Of the input, batch first.
    opset : int

    Returns
    -------
    integer array or None
        ``[1, C, H, W]`` or ``[1, C, T]``: which element of the input each element is. None where
        no layer of the model works on maps.
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
        seen = _seen_by(node, view, small)
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
                continue  # the import itself says what is wrong with the node
    return None


def shape_of(node: Any, shape: Sequence[int]) -> np.ndarray:
    """What a ``Shape`` node gives, ``start`` and ``end`` included."""
    options = attributes(node)
    return np.array(shape, dtype=np.int64)[options.get("start", 0):options.get("end", len(shape))]


def _fold_small(node: Any, small: dict[str, np.ndarray], opset: int) -> None:
    """Compute a node of small constants, for shapes that exporters compute."""
    if any(source and source not in small for source in node.input):
        return
    try:
        found = fold_constant(node, [small[s] if s else None for s in node.input], opset)
    except ModelError:
        return
    small.update({key: array for key, array in zip(node.output, found, strict=False)
                  if array.size <= SMALL})


def _seen_by(node: Any, view: np.ndarray, small: dict[str, np.ndarray]) -> np.ndarray | None:
    """The view with its channels first, where a node works on maps or signals."""
    if view.ndim not in (3, 4):
        return None
    last = np.moveaxis(view, -1, 1)
    if node.op_type == "MatMul" and view.ndim > 2:
        return last
    if node.op_type not in MAP_NODES:
        return None
    if node.op_type == "ReduceMean":
        axes = attributes(node).get("axes")
        if axes is None and len(node.input) > 1:
            axes = small.get(node.input[1])
        found = sorted(int(a) % view.ndim for a in np.ravel(axes)) if axes is not None else []
        return last if found == list(range(1, view.ndim - 1)) else view
    return view
