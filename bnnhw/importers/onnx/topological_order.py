"""Sorts the nodes of a model so that each one follows the nodes that it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.operators import check_domain

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

__all__ = ["ordered_nodes"]


def ordered_nodes(graph: GraphProto) -> list[NodeProto]:
    """Sort the nodes of a graph topologically.

    Raises
    ------
    ModelError
        A node is part of a cycle, reads a tensor that does not exist, has no output or one whose
        name is in use, or belongs to an unknown domain.
    """
    known = {t.name for t in graph.initializer} | {i.name for i in graph.input} | {""}
    made: set[str] = set()
    for node in graph.node:
        strings = (node.name, node.op_type, node.domain, *node.input, *node.output)
        # protobuf returns broken UTF-8 as bytes
        if not all(isinstance(string, str) for string in strings):
            raise ModelError("has a node whose name is not valid UTF-8", where="model",
                             hint="export the model again")
        check_domain(node)
        outputs = [name for name in node.output if name]
        if not outputs:
            raise ModelError("has no outputs", where=node_label(node))
        for name in outputs:
            if name in known or name in made:
                raise ModelError(f"defines '{name}', which another node or tensor defines too",
                                 where=node_label(node))
        made.update(outputs)
    for node in graph.node:
        for source in node.input:
            if source not in made and source not in known:
                raise ModelError(f"reads '{source}', which no node or tensor defines",
                                 where=node_label(node))
    ordered, waiting = [], list(graph.node)
    while waiting:
        ready = [n for n in waiting if all(s in known for s in n.input)]
        if not ready:
            raise ModelError("is part of a cycle", where=node_label(waiting[0]),
                             hint="only feed-forward networks can be imported")
        ordered += ready
        known |= {name for n in ready for name in n.output}
        waiting = [n for n in waiting if not any(n is r for r in ready)]
    return ordered
