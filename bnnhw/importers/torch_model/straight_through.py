"""Removes straight-through expressions, whose forward value is one of their operands.

``(q - x).detach() + x`` and ``q.detach() - x.detach() + x`` have the value q and the gradient of x.
In floats the value is q except for rounding, so that a sign becomes 0.99999994 for some x. Only q
is meant, and only q has an exact integer meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bnnhw.importers.torch_model.packages import torch_module

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

__all__ = ["remove_straight_through"]


def remove_straight_through(program: ExportedProgram) -> int:
    """Replace straight-through expressions of an exported program by their forward values.

    Parameters
    ----------
    program : torch.export.ExportedProgram
        Without operations in place; it is changed.

    Returns
    -------
    int
        Number of expressions that were replaced.
    """
    aten = torch_module().ops.aten
    graph = program.graph_module.graph
    values = _Values()
    removed = 0
    for node in list(graph.nodes):
        values.number(node)
        if node.op != "call_function" or node.target is not aten.add.Tensor or node.kwargs:
            continue
        for one, other in (node.args, node.args[::-1]):
            hard = values.minuend(one, other)
            if hard is not None and _same_shape(hard, node):
                node.replace_all_uses_with(hard)
                graph.erase_node(node)
                removed += 1
                break
    graph.eliminate_dead_code()
    program.graph_module.recompile()
    return removed


class _Values:
    """Gives nodes that compute the same value the same number."""

    def __init__(self) -> None:
        self._aten = torch_module().ops.aten
        names = ("detach", "alias", "clone", "lift_fresh_copy")
        self._moves = {getattr(self._aten, name).default for name in names}
        self._numbers: dict[Node, int] = {}
        self._known: dict[object, int] = {}

    def number(self, node: Node) -> int:
        """Number a node whose arguments are numbered."""
        if node.op == "call_function" and node.target in self._moves:
            self._numbers[node] = self._numbers[node.args[0]]
            return self._numbers[node]
        seeded = torch_module().Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        key: object = node if node.op != "call_function" or seeded else (
            node.target, self._key(node.args), self._key(node.kwargs))
        self._numbers[node] = self._known.setdefault(key, len(self._known))
        return self._numbers[node]

    def minuend(self, node: object, subtrahend: object) -> Node | None:
        """Return q where a node is ``q - x`` or its copy, for x or an expression equal to it."""
        fx = torch_module().fx
        while isinstance(node, fx.Node) and node.target in self._moves:
            node = node.args[0]
        if not isinstance(node, fx.Node) or node.target is not self._aten.sub.Tensor or \
                node.kwargs or not isinstance(subtrahend, fx.Node):
            return None
        hard, soft = node.args
        equal = isinstance(soft, fx.Node) and self._numbers[soft] == self._numbers[subtrahend]
        return hard if equal and isinstance(hard, fx.Node) else None

    def _key(self, value: object) -> object:
        if isinstance(value, torch_module().fx.Node):
            return "value", self._numbers[value]
        if isinstance(value, (list, tuple)):
            return tuple(self._key(part) for part in value)
        if isinstance(value, dict):
            return tuple((name, self._key(part)) for name, part in sorted(value.items()))
        return type(value).__name__, str(value)


def _same_shape(one: Node, other: Node) -> bool:
    shapes = [getattr(node.meta.get("val"), "shape", None) for node in (one, other)]
    return shapes[0] is not None and shapes[0] == shapes[1]
