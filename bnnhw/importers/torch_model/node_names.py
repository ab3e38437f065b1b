"""Prepares the nodes of an exported model: names by module paths, and casts of known types."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection
from typing import TYPE_CHECKING

from bnnhw.importers.onnx.layer_list import free_name
from bnnhw.importers.onnx.model_file import onnx_module

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["name_nodes", "resolve_casts"]

SCOPES = "pkg.torch.onnx.name_scopes"
"""Metadata of a node: the paths of the modules around it, outermost first, then its own name."""

PRODUCTS = frozenset({"Conv", "Gemm", "MatMul"})


def name_nodes(model: ModelProto, inner: Collection[str] = ()) -> None:
    """Set the names of the nodes: ``features.3`` for the product of a module with this path.

    Other nodes of a module have their operator appended, such as ``features.3.where``. Nodes of the
    model's own ``forward`` keep the names of their tensors.

    Parameters
    ----------
    model : ModelProto
    inner : collection of str
        Names of modules at which a path ends, such as quantisers inside of a layer.
    """
    used: set[str] = set()
    for node in model.graph.node:
        path = _path(node, inner)
        name = node.output[0] if not path else path if node.op_type in PRODUCTS else \
            f"{path}.{node.op_type.lower()}"
        node.name = free_name(name, used)
        used.add(node.name)


def _path(node: NodeProto, inner: Collection[str]) -> str:
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            try:
                scopes = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError):
                return ""
            paths = [str(scope) for scope in scopes[:-1] if scope]
            words = itertools.takewhile(lambda word: word not in inner,
                                        paths[-1].split(".") if paths else ())
            return ".".join(words)
    return ""


def resolve_casts(model: ModelProto) -> None:
    """Turn every ``CastLike`` whose type is known into the ``Cast`` that it means."""
    make = onnx_module().helper.make_attribute
    graph = model.graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for info in (*graph.input, *graph.output, *graph.value_info):
        types[info.name] = info.type.tensor_type.elem_type
    for node in graph.node:
        if node.op_type == "CastLike" and types.get(node.input[1]):
            node.op_type = "Cast"
            node.attribute.append(make("to", types[node.input[1]]))
            del node.input[1]
