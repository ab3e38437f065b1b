"""Forks, joins and queues: what branches of a network need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.ir import Graph
from bnnhw.layers import Add, Select
from bnnhw.plan import BufferUnit, Memory, StreamPlan, Unit
from bnnhw.plan.blocks import Block, ForkBlock, JoinBlock, PipelineBlock, ReduceBlock, SequenceBlock
from bnnhw.rtl.queue import Fifo
from bnnhw.rtl.stages import AddUnit, ConcatUnit, Fork, SelectUnit, SequenceUnit

__all__ = ["AddPlan", "ConcatPlan", "FifoPlan", "ForkPlan", "SelectPlan", "SequencePlan"]


@dataclass(frozen=True)
class ForkPlan(Unit):
    """One stream for two readers."""

    kind: ClassVar[str] = "fork"
    out_ports: ClassVar[tuple[str, ...]] = ("o0", "o1")

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> Block:
        return ForkBlock(self.i.words, Fork.LATENCY)

    def build(self, graph: Graph, design: str) -> Fork:
        return Fork(width=self.i.bits)


@dataclass(frozen=True)
class FifoPlan(BufferUnit):
    """Words that wait for those of another branch."""


    kind: ClassVar[str] = "fifo"

    def round_depth(self, depth: int) -> int:
        """At least what the queue is built of."""
        return max(depth, 3)

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> Block:
        return PipelineBlock(self.i.words, 1, Fifo.LATENCY, self.depth)

    def build(self, graph: Graph, design: str) -> Fifo:
        return Fifo(width=self.i.bits, depth=self.words_held)

    def summary(self) -> dict[str, Any]:
        return {"depth": self.depth}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("queue", self.words_held - 1, self.i.bits, "auto", True),)


@dataclass(frozen=True)
class _JoinPlan(Unit):
    """``i1`` is the second input."""

    i1: StreamPlan

    in_ports: ClassVar[tuple[str, ...]] = ("i0", "i1")

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        return (self.i, self.i1)

    @property
    def cycles(self) -> int:
        return self.o.words

    def block(self, graph: Graph) -> Block:
        return JoinBlock(self.o.words, AddUnit.LATENCY)


@dataclass(frozen=True)
class AddPlan(_JoinPlan):
    """A saturating sum a lane."""

    kind: ClassVar[str] = "add"

    def build(self, graph: Graph, design: str) -> AddUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Add)
        return AddUnit(lanes=self.o.lanes, shape0=(self.i.width, self.i.signed),
                       shape1=(self.i1.width, self.i1.signed), out_width=self.o.width,
                       limits=layer.limits)


@dataclass(frozen=True)
class ConcatPlan(_JoinPlan):
    """Whole pixels side by side."""

    kind: ClassVar[str] = "concat"

    def build(self, graph: Graph, design: str) -> ConcatUnit:
        return ConcatUnit(lanes0=self.i.lanes, lanes1=self.i1.lanes,
                          shape0=(self.i.width, self.i.signed),
                          shape1=(self.i1.width, self.i1.signed), out_width=self.o.width)


@dataclass(frozen=True)
class SequencePlan(_JoinPlan):
    """Two outputs in one frame: all words of the first, then all of the second.

    The stream that comes out has one element a word, as wide as the wider one; the fields of the
    manifest say what it means.
    """

    kind: ClassVar[str] = "sequence"

    def block(self, graph: Graph) -> Block:
        return SequenceBlock((self.i.words, self.i1.words), SequenceUnit.LATENCY)

    def build(self, graph: Graph, design: str) -> SequenceUnit:
        return SequenceUnit(width0=self.i.bits, width1=self.i1.bits, words0=self.i.words,
                            words1=self.i1.words)


@dataclass(frozen=True)
class SelectPlan(Unit):
    """Channels of whole pixels, rewired."""

    kind: ClassVar[str] = "select"

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> Block:
        return ReduceBlock(self.i.words, 1, 1, SelectUnit.LATENCY)

    def build(self, graph: Graph, design: str) -> SelectUnit:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Select)
        return SelectUnit(module_name=f"{design}_{self.name}", lanes=self.i.lanes,
                          width=self.i.width, channels=[int(c) for c in layer.channels])
