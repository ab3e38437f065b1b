"""A unit of a design: its name, its layer, the units before it, and its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bnnhw.dataflow.params import Memory, Params, unit_class
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.ir import Graph
from bnnhw.json_types import Json

if TYPE_CHECKING:
    from bnnhw.rtl.shared import SharedComponent

__all__ = ["Unit"]


@dataclass(frozen=True)
class Unit:
    """One unit of a design.

    Parameters
    ----------
    name : str
        Instance name, unique in the design.
    layer : str or None
        The layer of the Graph whose output the unit gives.
    sources : tuple of str
        The unit that feeds each input; ``name.1`` is the second output of a fork.
    params : Params
        The hardware.
    """

    name: str
    layer: str | None
    sources: tuple[str, ...]
    params: Params[Any]

    @property
    def kind(self) -> str:
        return self.params.kind

    @property
    def i(self) -> StreamPlan:
        return self.params.i

    @property
    def o(self) -> StreamPlan:
        return self.params.o

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        return self.params.inputs

    @property
    def out_ports(self) -> tuple[str, ...]:
        return self.params.out_ports

    @property
    def cycles(self) -> int:
        """Cycles per frame for which the unit is busy when nothing stalls it."""
        return self.params.cycles

    @property
    def products_per_cycle(self) -> int:
        return self.params.products_per_cycle

    @property
    def folding(self) -> str:
        return self.params.folding

    def memories(self) -> tuple[Memory, ...]:
        return self.params.memories()

    def summary(self) -> dict[str, object]:
        return self.params.summary()

    def create(self, graph: Graph, design: str) -> SharedComponent:
        """Make the component, with constants from ``graph``, for the design of that name."""
        return self.params.create(self.params.constants(graph, self.layer),
                                  f"{design}_{self.name}")

    def to_json(self) -> dict[str, object]:
        """Return kind, position and parameters as one flat JSON object."""
        return {"kind": self.kind, "name": self.name, "layer": self.layer, "sources": self.sources,
                **self.params.to_json()}

    @staticmethod
    def from_json(data: Json) -> Unit:
        """Rebuild a unit from ``to_json``."""
        fields: dict[str, Any] = {key: _restore(value) for key, value in data.items()
                                  if key not in ("kind", "name", "layer", "sources")}
        return Unit(data["name"], data["layer"], tuple(data["sources"]),
                    unit_class(data["kind"])(**fields))


def _restore(value: object) -> object:
    """Turn lists back into tuples, and objects into the streams that they were."""
    if isinstance(value, dict):
        return StreamPlan(**value)
    return tuple(_restore(v) for v in value) if isinstance(value, list) else value
