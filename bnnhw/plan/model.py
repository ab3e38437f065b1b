"""The Plan and what it is made of."""

from __future__ import annotations

import abc
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats, word_bytes
from bnnhw.ir import Graph
from bnnhw.plan.timing import Block

__all__ = ["FieldPlan", "Plan", "StreamPlan", "Unit", "Wish"]


@dataclass(frozen=True)
class Wish:
    """What the user asks for: cycles a frame, or frames a second at a clock."""

    ii: int | None = None
    fps: float | None = None
    clock_mhz: float | None = None

    DEFAULT_II: ClassVar[int] = 256
    """Taken where nothing is asked for: small, and fast enough to simulate 10,000 frames."""

    def target(self) -> int:
        """Cycles that a frame may take."""
        if self.ii is not None and self.fps is not None:
            raise PlanError("both --ii and --fps are given", hint="give one of them")
        if self.ii is not None:
            if self.ii < 1:
                raise PlanError(f"--ii {self.ii} must be at least 1 cycle a frame")
            return self.ii
        if self.fps is None:
            if self.clock_mhz is not None:
                raise PlanError("--clock says nothing without --fps", hint="add --fps N")
            return self.DEFAULT_II
        if self.clock_mhz is None:
            raise PlanError("--fps needs the clock", hint="add --clock MHZ")
        if not (0 < self.fps < 1e15 and 0 < self.clock_mhz < 1e6):
            raise PlanError(f"--fps {self.fps:g} and --clock {self.clock_mhz:g} must be positive "
                            "and possible")
        cycles = int(min(self.clock_mhz * 1e6 / self.fps, 1e15))
        if cycles < 1:
            raise PlanError(f"{self.fps:g} frames/s at {self.clock_mhz:g} MHz is less than one "
                            "cycle a frame", hint=f"at most {self.clock_mhz * 1e6:g} frames/s")
        return cycles


@dataclass(frozen=True)
class StreamPlan:
    """A stream between two units: ``elements`` a frame, ``lanes`` a word, ``width`` bits each."""

    elements: int
    lanes: int
    width: int = 1
    signed: bool = False

    @property
    def words(self) -> int:
        """Words a frame."""
        return beats(self.elements, self.lanes)

    @property
    def bits(self) -> int:
        """Bits a word."""
        return self.lanes * self.width

    @property
    def bytes(self) -> int:
        """Bytes a word at the edge of the core."""
        return word_bytes(self.bits)


@dataclass(frozen=True)
class FieldPlan:
    """Where one output of the network lies in the words of the output stream.

    Parameters
    ----------
    name : str
        Of the output.
    elements, lanes, width, signed
        Of the output, as in ``StreamPlan``.
    first_bit : int
        Lowest bit of lane 0 in a word.
    last_only : bool
        The field means something in the last word of a frame only.
    """

    name: str
    elements: int
    lanes: int
    width: int
    signed: bool
    first_bit: int = 0
    last_only: bool = False


@dataclass(frozen=True)
class Unit(abc.ABC):
    """A piece of hardware between two streams.

    Parameters
    ----------
    name : str
        Instance name, unique in the design.
    layer : str or None
        The layer of the Graph that it computes.
    i, o : StreamPlan
    """

    name: str
    layer: str | None
    i: StreamPlan
    o: StreamPlan

    kind: ClassVar[str]

    @property
    @abc.abstractmethod
    def cycles(self) -> int:
        """Cycles a frame that it is busy when nothing holds it up."""

    @abc.abstractmethod
    def block(self) -> Block | None:
        """Its token model, or None where it passes words on within the cycle."""

    @abc.abstractmethod
    def build(self, graph: Graph, design: str) -> Any:
        """Make its component, with ports ``i`` and ``o``."""

    def summary(self) -> dict[str, Any]:
        """What a reader of the plan wants to see of it."""
        return {}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Plan:
    """A chain of units and what they reach together.

    Parameters
    ----------
    name, arch, device : str
    target : int
        Cycles a frame that were asked for.
    units : tuple of Unit
        In the order of the data.
    fields : tuple of FieldPlan
        The outputs of the network in the output stream.
    ii : int
        Cycles a frame in the steady state, without stalls from outside: exact.
    latency : int
        Cycles from the first input word of a frame to its last output word, each counted when it
        is transferred, in an idle core and without stalls: exact.
    """

    name: str
    arch: str
    device: str
    target: int
    units: tuple[Unit, ...]
    fields: tuple[FieldPlan, ...]
    ii: int
    latency: int

    @property
    def i(self) -> StreamPlan:
        return self.units[0].i

    @property
    def o(self) -> StreamPlan:
        return self.units[-1].o

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "arch": self.arch, "device": self.device,
                "target_ii": self.target, "ii": self.ii, "latency": self.latency,
                "fields": [dataclasses.asdict(field) for field in self.fields],
                "units": [unit.to_json() for unit in self.units]}
