"""The plan of a streaming design: its units, their streams, and its exact timing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.unit import Unit
from bnnhw.json_types import Json

__all__ = ["FieldPlan", "Plan"]


@dataclass(frozen=True)
class FieldPlan:
    """The bits of the output stream that carry one output of the network.

    Parameters
    ----------
    name : str
        Name of the output.
    elements, lanes, width, signed
        Shape of the output, as in ``StreamPlan``.
    first_bit : int
        Lowest bit of lane 0 in a word.
    last_only : bool
        Only the last word of each group carries the output.
    groups : int
        Groups per frame, as in ``StreamPlan``.
    first_word, words : int
        First word and number of words in a frame of the output stream.
    """

    name: str
    elements: int
    lanes: int
    width: int
    signed: bool
    first_bit: int = 0
    last_only: bool = False
    groups: int = 1
    first_word: int = 0
    words: int = 1


@dataclass(frozen=True)
class Plan:
    """Units, the streams between them, and their joint timing.

    Parameters
    ----------
    name, arch, device : str
    target_cycles : int
        Largest number of cycles per frame that the goal allows.
    units : tuple of Unit
        In the order of the data: each one after its sources. The first one is the input, the
        last one the output.
    fields : tuple of FieldPlan
        The outputs of the network in the output stream.
    ii : int
        Cycles per frame in the steady state, without external stalls: exact.
    latency : int
        Cycles from the transfer of the first input word of a frame to that of its last output
        word, in a core that was reset, without external stalls: exact.
    spans : tuple of (str, int, int)
        For each unit with a token model: the cycles in which the first word of the first frame
        enters and its last word leaves.
    """

    name: str
    arch: str
    device: str
    target_cycles: int
    units: tuple[Unit, ...]
    fields: tuple[FieldPlan, ...]
    ii: int
    latency: int
    spans: tuple[tuple[str, int, int], ...] = ()

    @property
    def i(self) -> StreamPlan:
        return self.units[0].i

    @property
    def o(self) -> StreamPlan:
        return self.units[-1].o

    def buffer_depths(self) -> dict[str, int]:
        """Words that each line buffer and FIFO stores, by the name of its unit."""
        return {unit.name: unit.params.words_held for unit in self.units
                if isinstance(unit.params, BufferParams)}

    def unit(self, name: str) -> Unit:
        return next(unit for unit in self.units if unit.name == name)

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "arch": self.arch, "device": self.device,
                "target_ii": self.target_cycles, "ii": self.ii, "latency": self.latency,
                "spans": [list(span) for span in self.spans],
                "fields": [dataclasses.asdict(field) for field in self.fields],
                "units": [unit.to_json() for unit in self.units]}

    @staticmethod
    def from_json(data: Json) -> Plan:
        """Rebuild a plan from ``to_json``.

        Raises
        ------
        PlanError
            The document names an unknown kind of unit.
        """
        return Plan(data["name"], data["arch"], data["device"], data["target_ii"],
                    tuple(Unit.from_json(item) for item in data["units"]),
                    tuple(FieldPlan(**item) for item in data["fields"]), data["ii"],
                    data["latency"], tuple((str(n), int(a), int(b)) for n, a, b in data["spans"]))
