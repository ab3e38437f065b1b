"""Makes the image of the weight ROMs that a core loads at start-up."""

from __future__ import annotations

from bnnhw.dataflow.unit import Unit
from bnnhw.hostlink.wire.weights import LoadedMemory, WeightImage
from bnnhw.ir import Graph
from bnnhw.plan.model import Plan

__all__ = ["loaded_memories", "weight_image"]


def loaded_memories(plan: Plan) -> tuple[LoadedMemory, ...]:
    """List the ROMs that are loaded at start-up, in the order of loading."""
    return tuple(LoadedMemory(unit.name, memory.depth, memory.width)
                 for unit in plan.units for memory in unit.memories() if memory.style == "spram")


def weight_image(plan: Plan, graph: Graph) -> WeightImage | None:
    """Make the image that a core of the plan loads; None where nothing is loaded.

    Parameters
    ----------
    plan : Plan
    graph : Graph
        The network that the plan was made for.
    """
    memories = loaded_memories(plan)
    if not memories:
        return None
    return WeightImage.of((memory, _contents(plan.unit(memory.unit), graph))
                          for memory in memories)


def _contents(unit: Unit, graph: Graph) -> list[int]:
    return unit.params.contents(unit.params.constants(graph, unit.layer), "weights")
