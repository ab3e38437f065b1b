"""The tables of a plan that are loaded at start-up, and the image of their words."""

from __future__ import annotations

from bnnhw.dataflow.unit import Unit
from bnnhw.hostlink.wire.weights import LoadedMemory, WeightImage
from bnnhw.ir import Graph
from bnnhw.plan.model import Plan

__all__ = ["load_tables", "weight_image"]


def load_tables(plan: Plan) -> tuple[LoadedMemory, ...]:
    """Tables that are loaded, in the order in which they are."""
    return tuple(LoadedMemory(unit.name, memory.depth, memory.width)
                 for unit in plan.units for memory in unit.memories() if memory.style == "spram")


def weight_image(plan: Plan, graph: Graph) -> WeightImage | None:
    """What a core of the plan has to load; None where it has all it needs.

    ``graph`` is the one that the plan was made for.
    """
    tables = load_tables(plan)
    if not tables:
        return None
    return WeightImage.of((table, _contents(plan.unit(table.unit), graph))
                          for table in tables)


def _contents(unit: Unit, graph: Graph) -> list[int]:
    return unit.params.contents(unit.params.constants(graph, unit.layer), "weights")
