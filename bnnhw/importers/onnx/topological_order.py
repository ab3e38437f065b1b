"""The nodes of a model in an order in which each comes after what it reads."""

from __future__ import annotations

from typing import Any

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.operators import check_domain

__all__ = ["ordered_nodes"]


def ordered_nodes(graph: Any) -> list[Any]:
    """Sort the nodes of a graph topologically.

    Raises
    ------
    ModelError
        A node is part of a cycle, reads what nothing gives, gives nothing or a name that is
        taken, or belongs to an unknown domain.
    """
    known = {t.name for t in graph.initializer} | {i.name for i in graph.input} | {""}
    made: set[str] = set()
    for node in graph.node:
        texts = (node.name, node.op_type, node.domain, *node.input, *node.output)
        # protobuf leaves broken UTF-8 as bytes
        if not all(isinstance(text, str) for text in texts):
            raise ModelError("has a node with a name that is no text", where="model",
                             hint="export the model again")
        check_domain(node)
        outputs = [name for name in node.output if name]
        if not outputs:
            raise ModelError("gives nothing", where=node_label(node))
        for name in outputs:
            if name in known or name in made:
                raise ModelError(f"gives '{name}', which another node or tensor gives too",
                                 where=node_label(node))
        made.update(outputs)
    for node in graph.node:
        for source in node.input:
            if source not in made and source not in known:
                raise ModelError(f"reads '{source}', which nothing gives", where=node_label(node))
    ordered, waiting = [], list(graph.node)
    while waiting:
        ready = [n for n in waiting if all(s in known for s in n.input)]
        if not ready:
            raise ModelError("is part of a cycle", where=node_label(waiting[0]),
                             hint="only feed-forward networks are taken")
        ordered += ready
        known |= {name for n in ready for name in n.output}
        waiting = [n for n in waiting if not any(n is r for r in ready)]
    return ordered
