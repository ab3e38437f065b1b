"""The base class of hardware units: one frozen ``Params`` object describes one unit completely."""

from __future__ import annotations

import abc
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block
from bnnhw.errors import PlanError
from bnnhw.families import Device
from bnnhw.families.costs import Cost, estimate
from bnnhw.ir import Graph

if TYPE_CHECKING:
    from bnnhw.rtl.shared import SharedComponent

__all__ = ["UNITS", "BufferParams", "LabelParams", "Memory", "Params", "WordPerCycleParams",
           "optional_field", "register_unit", "unit_class"]

C = TypeVar("C")
"""What a unit stores in its ROMs or wires: weights, thresholds, channel numbers."""

UNITS: dict[str, type[Params[Any]]] = {}
"""Every kind of unit, by the name that plans use."""


OPTIONAL = "optional"
"""Metadata of fields that plans leave out at their default."""


def optional_field(default: Any) -> Any:
    """Declare a field of parameters that a plan contains only where it is not ``default``."""
    return field(default=default, metadata={OPTIONAL: True})


@dataclass(frozen=True)
class Memory:
    """One memory of a unit.

    Parameters
    ----------
    what : str
        ``weights``, ``thresholds``, ``lines``, ``vector``, ``scales`` or ``queue``.
    depth, width : int
        Words, and bits per word.
    style : str
        ``block``, ``lut`` or ``constant``; ``spram`` for a ROM that is loaded at start-up;
        ``auto`` where synthesis chooses by size.
    written : bool
        True for a RAM that the hardware writes, False for a ROM.
    """

    what: str
    depth: int
    width: int
    style: str
    written: bool

    @classmethod
    def of_queue(cls, depth: int, width: int) -> Memory:
        """The memory of a ``CreditQueue``; one of its ``depth`` words is in its output register."""
        return cls("queue", depth - 1, width, "auto", True)


@dataclass(frozen=True)
class Params(abc.ABC, Generic[C]):
    """Describes one hardware unit: the plan, token model, component, cost and tests read it.

    Parameters
    ----------
    i, o : StreamPlan
        Streams at the input and the output. A unit of two inputs has a field ``i1`` as well.
    """

    i: StreamPlan
    o: StreamPlan

    kind: ClassVar[str]
    in_ports: ClassVar[tuple[str, ...]] = ("i",)
    out_ports: ClassVar[tuple[str, ...]] = ("o",)
    """Stream ports of the component, in the order of the inputs and outputs."""

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        """The streams of all inputs."""
        return (self.i,)

    @property
    @abc.abstractmethod
    def cycles(self) -> int:
        """Cycles per frame for which the unit is busy when nothing stalls it."""

    @property
    @abc.abstractmethod
    def latency(self) -> int:
        """Cycles from accepting the last word that an output word needs until it is valid."""

    @abc.abstractmethod
    def compute(self, *words: np.ndarray, constants: C | None = None) -> np.ndarray:
        """Evaluate the unit's integer function on entire frames.

        Parameters
        ----------
        words : int64 [frames, words, lanes]
            The words of each input (``StreamPlan.to_words``); unused lanes may hold anything.
        constants : C or None
            What the unit stores, as for ``create``.

        Returns
        -------
        int64 [frames, o.words, o.lanes]
            Object elements where 63 bits are too few; unused lanes are 0. All outputs of a unit
            carry the same words.
        """

    @abc.abstractmethod
    def create(self, constants: C | None = None, module_name: str = "unit") -> SharedComponent:
        """Make the Amaranth component.

        Parameters
        ----------
        constants : C or None
            What the unit stores; None for units that store nothing.
        module_name : str
            Name of its Verilog module, for units whose constants make each instance unique.
        """

    @abc.abstractmethod
    def token_model(self) -> Block | None:
        """Make the timing model; None where words pass within the cycle that brings them."""

    def constants(self, graph: Graph, layer: str | None) -> C | None:
        """Read what the unit stores from the layer that it implements; None for nothing."""
        return None

    def cost(self, device: Device) -> Cost:
        """Estimate LUTs and flip-flops, and count block RAM and SPRAM.

        Raises
        ------
        PlanError
            The cost model of the device's family lacks this kind of unit.
        """
        return estimate(self, device)

    @property
    def products_per_cycle(self) -> int:
        """Products of a weight and an input that the unit computes in each busy cycle."""
        return 0

    @property
    def emits_elements(self) -> bool:
        """Whether output words carry the elements of the layer's output, and nothing else."""
        return True

    @property
    def folding(self) -> str:
        """Description of how the unit folds its layer or regroups words; empty where neither."""
        return ""

    def features(self) -> dict[str, float]:
        """Return the counts that the unit's logic grows with, memories excluded."""
        return {"unit": 1, "in": self.i.bits, "out": self.o.bits}

    def counted(self) -> tuple[int, int] | None:
        """Return LUTs and flip-flops where they are counted rather than estimated."""
        return None

    def memories(self) -> tuple[Memory, ...]:
        """List what the unit stores, for the choice of memories and the estimate of resources."""
        return ()

    def contents(self, constants: C | None, what: str) -> list[int]:
        """Return the words of the ROM called ``what``, by address."""
        raise ValueError(f"a unit of kind '{self.kind}' has no words for its memory '{what}'")

    def summary(self) -> dict[str, object]:
        """Return the facts about the unit that a reader of the plan wants to see."""
        return {}

    def to_json(self) -> dict[str, object]:
        """Return the fields, without optional ones that have their default."""
        left_out = {f.name for f in fields(self)
                    if OPTIONAL in f.metadata and getattr(self, f.name) == f.default}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    def require(self, constants: C | None) -> C:
        """Return the constants, which this kind of unit cannot do without."""
        if constants is None:
            raise ValueError(f"a unit of kind '{self.kind}' needs its constants")
        return constants


@dataclass(frozen=True)
class WordPerCycleParams(Params[C]):
    """A unit that transfers a word per cycle on the stream with the most words."""

    @property
    def cycles(self) -> int:
        return max(self.i.words, self.o.words)


@dataclass(frozen=True)
class BufferParams(WordPerCycleParams[C]):
    """A unit that stores words until others need them; the token model decides how many.

    Parameters
    ----------
    depth : int or None
        Words; None until it is decided.
    """

    depth: int | None = field(default=None, kw_only=True)

    removed_below: ClassVar[int] = 0
    """Where a smaller depth is enough, the unit is left out of the design."""

    @property
    def words_held(self) -> int:
        """The depth in words, once it is decided."""
        assert self.depth is not None, self.kind
        return self.depth

    @abc.abstractmethod
    def round_depth(self, depth: int) -> int:
        """Round up to a depth that can be built."""

    def with_storage(self, device: Device) -> Self:
        """Choose the kind of memory, once the depth is decided."""
        return self


@dataclass(frozen=True)
class LabelParams(Params[C]):
    """A unit that can end in a label, with or without the scores that the label is chosen from.

    Parameters
    ----------
    forward : bool
        Each word carries the scores too, below the label.
    """

    forward: bool = field(default=True, kw_only=True)

    labelled = True

    @property
    def emits_elements(self) -> bool:
        return not (self.labelled and self.forward)

    @property
    @abc.abstractmethod
    def scores(self) -> StreamPlan:
        """The stream of the scores, whether or not they leave the unit."""


REQUIRED = {"compute": "integer function", "create": "component", "cycles": "cycle count",
            "latency": "latency", "registers": "number of pipeline registers",
            "token_model": "token model"}
"""What a kind of unit must define, in words."""


def register_unit(unit: type[Params[C]]) -> type[Params[C]]:
    """Add a kind of unit to ``UNITS``; use it as a class decorator.

    Raises
    ------
    PlanError
        The kind lacks one of its parts, or its name is taken by another class.
    """
    kind = getattr(unit, "kind", None)
    if kind is None:
        raise PlanError(f"unit class {unit.__name__} has no name", hint="set its attribute kind")
    missing = sorted(getattr(unit, "__abstractmethods__", ()))
    if missing:
        parts = ", ".join(f"{REQUIRED.get(name, name)} ({name})" for name in missing)
        raise PlanError(f"unit kind '{kind}' has no {parts}",
                        hint=f"define it in class {unit.__name__}")
    if UNITS.setdefault(kind, unit) is not unit:
        raise PlanError(f"two classes of units are called '{kind}'")
    return unit


def unit_class(kind: str) -> type[Params[Any]]:
    """Look up a kind of unit by name.

    Raises
    ------
    PlanError
        There is no such kind.
    """
    if kind not in UNITS:
        raise PlanError(f"unknown kind of unit '{kind}'", hint=f"use one of {', '.join(UNITS)}")
    return UNITS[kind]
