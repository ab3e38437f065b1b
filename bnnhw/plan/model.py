"""The Plan and what it is made of."""

from __future__ import annotations

import abc
import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bnnhw.golden.layout import beats, word_bytes
from bnnhw.ir import Graph
from bnnhw.plan.blocks import Block

__all__ = ["BufferUnit", "FieldPlan", "LabelUnit", "Memory", "Plan", "StreamPlan", "Unit"]


@dataclass(frozen=True)
class StreamPlan:
    """A stream between two units.

    Parameters
    ----------
    elements : int
        Elements a group: the channels of a pixel (or of a group of channels), or a whole vector.
        The last word of a group holds what is left of it.
    lanes, width : int
        Elements a word, and bits of an element.
    signed : bool
    groups : int
        Groups a frame.
    """

    elements: int
    lanes: int
    width: int = 1
    signed: bool = False
    groups: int = 1

    @property
    def group_words(self) -> int:
        """Words a group."""
        return beats(self.elements, self.lanes)

    @property
    def rest(self) -> int:
        """Elements in the last word of a group; lanes beyond them are 0 inside a core."""
        return (self.elements - 1) % self.lanes + 1

    @property
    def words(self) -> int:
        """Words a frame."""
        return self.groups * self.group_words

    @property
    def size(self) -> int:
        """Elements a frame."""
        return self.groups * self.elements

    @property
    def bits(self) -> int:
        """Bits a word."""
        return self.lanes * self.width

    @property
    def bytes(self) -> int:
        """Bytes a word at the edge of the core."""
        return word_bytes(self.bits)

    def same_words(self, other: StreamPlan) -> bool:
        """Whether both are the same words in the same order, however they are grouped."""
        whole = all(s.elements % s.lanes == 0 for s in (self, other))
        return (self.lanes, self.width, self.size) == (other.lanes, other.width, other.size) and \
            (whole or self.elements == other.elements)


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
        The field means something in the last of its words only.
    groups : int
        As in ``StreamPlan``.
    first_word, words : int
        Its words in the frame of the output stream.
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
class Unit(abc.ABC):
    """A piece of hardware between streams.

    Parameters
    ----------
    name : str
        Instance name, unique in the design.
    layer : str or None
        The layer of the Graph that its output is.
    sources : tuple of str
        The unit that gives each of its inputs; ``name.1`` is the second output of a fork.
    i, o : StreamPlan
    """

    name: str
    layer: str | None
    sources: tuple[str, ...]
    i: StreamPlan
    o: StreamPlan

    kind: ClassVar[str]
    in_ports: ClassVar[tuple[str, ...]] = ("i",)
    out_ports: ClassVar[tuple[str, ...]] = ("o",)
    """Stream ports of the component, in the order of the inputs and outputs."""

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        return (self.i,)

    @property
    @abc.abstractmethod
    def cycles(self) -> int:
        """Cycles a frame that it is busy when nothing holds it up."""

    @abc.abstractmethod
    def block(self, graph: Graph) -> Block | None:
        """Its token model, or None where it passes words on within the cycle."""

    @abc.abstractmethod
    def build(self, graph: Graph, design: str) -> Any:
        """Make its component."""

    @property
    def products_per_cycle(self) -> int:
        """Products of a weight and an input that the unit computes in each busy cycle."""
        return 0

    @property
    def folding(self) -> str:
        """How it folds its layer or regroups words, for people; empty where it does neither."""
        return ""

    def summary(self) -> dict[str, Any]:
        """What a reader of the plan wants to see of it."""
        return {}

    def memories(self) -> tuple[Memory, ...]:
        """What it stores, for the choice of memories and the estimate of resources."""
        return ()

    def contents(self, graph: Graph, what: str) -> list[int]:
        """Words of one of its tables, by address."""
        raise ValueError(f"unit '{self.name}' has no words for its memory '{what}'")

    def counted(self) -> tuple[int, int] | None:
        """Lookup tables and flip-flops, where they are known rather than estimated."""
        return None

    def features(self) -> dict[str, float]:
        """Counts that its logic grows with, for the estimate of resources (memories apart)."""
        return {"unit": 1, "in": self.i.bits, "out": self.o.bits}

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class BufferUnit(Unit):
    """A unit that stores ``depth`` words; None until the token model has decided how many."""

    depth: int | None = field(default=None, kw_only=True)

    @property
    def words_held(self) -> int:
        """The depth, once it is decided."""
        assert self.depth is not None, self.name
        return self.depth

    @abc.abstractmethod
    def round_depth(self, depth: int) -> int:
        """The next depth that can be built."""


@dataclass(frozen=True)
class LabelUnit(Unit):
    """A unit that can end in a label, with or without the scores that it is the largest of.

    Parameters
    ----------
    forward : bool
        The scores go out too, below the label in each word.
    """

    forward: bool = field(default=True, kw_only=True)

    labelled = True

    @property
    @abc.abstractmethod
    def scores(self) -> StreamPlan:
        """The scores as they leave, or would."""


@dataclass(frozen=True)
class Memory:
    """Something that a unit stores.

    Parameters
    ----------
    what : str
        ``weights``, ``thresholds``, ``lines``, ``vector`` or ``queue``.
    depth, width : int
        Words, and bits of a word.
    style : str
        ``block``, ``lut`` or ``constant``; ``spram`` for a table that is loaded at start-up;
        ``auto`` where synthesis chooses by size.
    written : bool
        The hardware writes it; else it is a table.
    """

    what: str
    depth: int
    width: int
    style: str
    written: bool


@dataclass(frozen=True)
class Plan:
    """Units, the streams between them, and what they reach together.

    Parameters
    ----------
    name, arch, device : str
    target_cycles : int
        Cycles a frame that were asked for.
    units : tuple of Unit
        In the order of the data: each comes behind its sources. The first one is the input, the
        last one the output.
    fields : tuple of FieldPlan
        The outputs of the network in the output stream.
    ii : int
        Cycles a frame in the steady state, without stalls from outside: exact.
    latency : int
        Cycles from the first input word of a frame to its last output word, each counted when it
        is transferred, in a core that comes out of reset and without stalls: exact.
    spans : tuple of (str, int, int)
        For units with a token model: cycle in which the first frame's first word enters and its
        last one leaves.
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

    def unit(self, name: str) -> Unit:
        return next(unit for unit in self.units if unit.name == name)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "arch": self.arch, "device": self.device,
                "target_ii": self.target_cycles, "ii": self.ii, "latency": self.latency,
                "spans": [list(span) for span in self.spans],
                "fields": [dataclasses.asdict(field) for field in self.fields],
                "units": [unit.to_json() for unit in self.units]}
