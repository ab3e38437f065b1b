"""Join units: add the words of two branches with saturation, or concatenate their channels."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import Block, Bounds, Times, lag
from bnnhw.ir import Graph
from bnnhw.layers import Add
from bnnhw.rtl.output_register import output_register
from bnnhw.rtl.shared import SharedComponent

__all__ = ["AddParams", "AddUnit", "ConcatParams", "ConcatUnit", "Limits", "TwoInputParams",
           "TwoInputs"]

C = TypeVar("C")

Limits = tuple[int, int]
"""Smallest and largest value of a saturating sum."""


@dataclass(frozen=True)
class TwoInputParams(RegisterParams[C]):
    """A unit of two inputs and an output register.

    Parameters
    ----------
    i1 : StreamPlan
        The second input.
    """

    i1: StreamPlan

    in_ports: ClassVar[tuple[str, ...]] = ("i0", "i1")

    @property
    def inputs(self) -> tuple[StreamPlan, ...]:
        return (self.i, self.i1)


class JoinBlock(Block):
    """Accepts one word of each of two streams in the same cycle."""

    def __init__(self, words: int, latency: int) -> None:
        self.latency = latency
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        both = np.maximum(np.maximum(taken[0], taken[1]), lag(given[0], 1, 0))
        return [both, both], [both + self.latency]


@register_unit
@dataclass(frozen=True)
class AddParams(TwoInputParams[Limits]):
    """A sum of two streams, lane by lane.

    Its constants are the limits between which the sum saturates; None where it cannot overflow.
    """

    kind: ClassVar[str] = "add"

    def constants(self, graph: Graph, layer: str | None) -> Limits | None:
        found = graph.layer(str(layer))
        assert isinstance(found, Add)
        return found.limits

    def compute(self, *words: np.ndarray, constants: Limits | None = None) -> np.ndarray:
        total = words[0] + words[1]
        total = total if constants is None else np.clip(total, *constants)
        return self.o.to_words(self.o.from_words(total))

    def create(self, constants: Limits | None = None, module_name: str = "unit") -> AddUnit:
        return AddUnit(self, constants)

    def token_model(self) -> Block:
        return JoinBlock(self.o.words, self.latency)


@register_unit
@dataclass(frozen=True)
class ConcatParams(TwoInputParams[None]):
    """The channels of two pixels side by side. A word is an entire pixel."""

    kind: ClassVar[str] = "concat"

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return np.concatenate(words, axis=2)

    def create(self, constants: None = None, module_name: str = "unit") -> ConcatUnit:
        return ConcatUnit(self)

    def token_model(self) -> Block:
        return JoinBlock(self.o.words, self.latency)


class TwoInputs(SharedComponent):
    """Two input streams, and one output stream from a register.

    Members
    -------
    i0, i1 : In(stream)
    o : Out(stream)
    """

    def __init__(self, params: TwoInputParams[C]) -> None:
        self.params = params
        super().__init__({"i0": In(stream.Signature(params.i.bits)),
                          "i1": In(stream.Signature(params.i1.bits)),
                          "o": Out(stream.Signature(params.o.bits))})


class _Pairs(TwoInputs):
    """Accepts a word of each input in the same cycle."""

    @abc.abstractmethod
    def _word(self, m: Module) -> Value:
        """Make the output word."""

    def body(self, platform: object) -> Module:
        m = Module()
        take = Signal()
        m.d.comb += take.eq(self.i0.valid & self.i1.valid)
        room = output_register(m, self, take, self._word(m))
        m.d.comb += [self.i0.ready.eq(self.i1.valid & room),
                     self.i1.ready.eq(self.i0.valid & room)]
        return m


class AddUnit(_Pairs):
    """Adds two streams lane by lane, and saturates where limits are given.

    Parameters
    ----------
    params : AddParams
    limits : (int, int) or None
        Between which the sum saturates.
    """

    def __init__(self, params: AddParams, limits: Limits | None) -> None:
        self.limits = limits
        super().__init__(params)

    @property
    def module_name(self) -> str:
        p = self.params
        shapes = "_".join(f"{'s' if s.signed else 'u'}{s.width}" for s in p.inputs)
        clip = "" if self.limits is None else \
            "_clip" + "_".join(str(v).replace("-", "m") for v in self.limits)
        return f"bnnhw_add_{p.o.lanes}x{shapes}_{p.o.width}{clip}"

    def _word(self, m: Module) -> Value:
        lanes = []
        for k in range(self.params.o.lanes):
            terms = []
            for shape, port in zip(self.params.inputs, (self.i0, self.i1), strict=True):
                x = port.payload.word_select(k, shape.width)
                terms.append(x.as_signed() if shape.signed else x)
            total = terms[0] + terms[1]
            if self.limits is not None:
                low, high = self.limits
                total = Mux(total < low, low, Mux(total > high, high, total))
            lane = Signal(self.params.o.width, name=f"sum{k}")
            m.d.comb += lane.eq(total)
            lanes.append(lane)
        return Cat(lanes)


class ConcatUnit(_Pairs):
    """Puts the channels of two words side by side, each extended to the output's width.

    Parameters
    ----------
    params : ConcatParams
    """

    @property
    def module_name(self) -> str:
        parts = "_".join(f"{s.lanes}x{'s' if s.signed else 'u'}{s.width}"
                         for s in self.params.inputs)
        return f"bnnhw_concat_{parts}_{self.params.o.width}"

    def _word(self, m: Module) -> Value:
        lanes = []
        for p, (shape, port) in enumerate(zip(self.params.inputs, (self.i0, self.i1),
                                              strict=True)):
            for k in range(shape.lanes):
                x = port.payload.word_select(k, shape.width)
                lane = Signal(self.params.o.width, name=f"lane{p}_{k}")
                m.d.comb += lane.eq(x.as_signed() if shape.signed else x)
                lanes.append(lane)
        return Cat(lanes)
