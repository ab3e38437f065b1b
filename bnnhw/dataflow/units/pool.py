"""Pool unit: computes the maximum, the minimum or the sum of the taps of a window."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.tokens import ReduceBlock
from bnnhw.golden.layout import channel_words, pack_integers
from bnnhw.ir import Graph
from bnnhw.layers import MaxPool, Pool

__all__ = ["PoolConstants", "PoolParams", "PoolUnit", "pool_params"]


@dataclass(frozen=True, eq=False)
class PoolConstants:
    """The operation of a pool.

    Parameters
    ----------
    op : str
        ``max`` or ``sum``.
    smallest : uint8 [channels]
        1 for channels of a ``max`` pool whose smallest element is wanted.
    """

    op: str
    smallest: np.ndarray

    def __post_init__(self) -> None:
        if self.op not in ("max", "sum"):
            raise ValueError(f"op must be max or sum, not {self.op!r}")


@register_unit
@dataclass(frozen=True)
class PoolParams(RegisterParams[PoolConstants]):
    """The reduction of the windows that the input brings tap by tap, or of an entire map.

    Parameters
    ----------
    taps : int
        Pixels of a window.
    """

    taps: int

    kind: ClassVar[str] = "pool"

    def constants(self, graph: Graph, layer: str | None) -> PoolConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, Pool)
        if isinstance(found, MaxPool):
            return PoolConstants("max", found.smallest)
        return PoolConstants("sum", np.zeros(self.i.elements, dtype=np.uint8))

    def compute(self, *words: np.ndarray, constants: PoolConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        taps = self.i.from_words(words[0]).reshape(-1, self.o.groups, self.taps, self.i.elements)
        if c.op == "sum":
            return self.o.to_words(taps.sum(axis=2))
        return self.o.to_words(np.where(c.smallest, taps.min(axis=2), taps.max(axis=2)))

    def create(self, constants: PoolConstants | None = None,
               module_name: str = "unit") -> PoolUnit:
        return PoolUnit(self, self.require(constants), module_name)

    def token_model(self) -> ReduceBlock:
        return ReduceBlock(self.o.groups, self.taps, self.o.group_words, self.latency)

    def features(self) -> dict[str, float]:
        return {"unit": 1, "out": self.o.bits, "in": self.i.bits,
                "kept": self.o.bits * self.o.group_words, "count": self.i.words.bit_length()}

    def summary(self) -> dict[str, object]:
        return {"taps": self.taps}


def pool_params(layer: Pool, i: StreamPlan) -> PoolParams:
    """Describe the reduction of the taps that stream ``i`` brings, a pixel per group."""
    out = layer.reduced_type()
    height, width, _ = out.map
    return PoolParams(i, StreamPlan(i.elements, i.lanes, out.element.width, out.element.signed,
                                    height * width), layer.window.taps)


class PoolUnit(ConstantUnit[PoolParams, PoolConstants]):
    """Reduces ``taps`` pixels to one pixel, one word per cycle.

    The smallest element is the largest one of the inverted bits, so a mask of the channels that
    want it is enough.

    A lane adds one element per cycle, so there is no bit heap to compress: on ECP5 and iCE40 a
    netlist of ``logic`` would take as many LUTs as ``+`` does, one per bit of the sum.
    """

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        words, adds = p.o.group_words, self.constants.op == "sum"
        word, tap = Signal(range(words)), Signal(range(p.taps), name="tap")
        step, first, last = Signal(), Signal(), Signal()
        m.d.comb += [
            first.eq(tap == 0),
            last.eq(tap == p.taps - 1),
            self.i.ready.eq(~last | ~self.o.valid | self.o.ready),
            step.eq(self.i.valid & self.i.ready),
        ]
        with m.If(step):
            m.d.sync += word.eq(Mux(word == words - 1, 0, word + 1))
            with m.If(word == words - 1):
                m.d.sync += tap.eq(Mux(last, 0, tap + 1))
        # A shift register holds the partial results of a pixel; the oldest is always at the end.
        width = p.o.bits
        kept = [Signal(width, name=f"kept{k}") for k in range(words)]
        flips = self._flips(m, word)
        results: list[Value] = []
        for k in range(p.i.lanes):
            x = self._lane(k, flips)
            before = kept[-1].word_select(k, p.o.width)
            before = before.as_signed() if p.i.signed else before
            value = before + x if adds else Mux(first | (x > before), x, before)
            result = Signal(p.o.width, name=f"result{k}")
            m.d.comb += result.eq(value)
            results.append(result)
        with m.If(step):
            for newer, older in itertools.pairwise(kept):
                m.d.sync += older.eq(newer)
        # Sums begin at 0 by the synchronous reset of the flip-flops, not by a multiplexer.
        with m.If(step & last & Const(adds)):
            m.d.sync += kept[0].eq(0)
        with m.Elif(step):
            m.d.sync += kept[0].eq(Cat(results))
        with m.If(step & last):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(Cat(
                r ^ flips[k].replicate(p.o.width) for k, r in enumerate(results)))]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _lane(self, k: int, flips: Value) -> Value:
        width, is_signed = self.params.i.width, self.params.i.signed
        x = self.i.payload.word_select(k, width) ^ flips[k].replicate(width)
        return x.as_signed() if is_signed else x

    def _flips(self, m: Module, word: Signal) -> Value:
        """Return one bit per lane of the current word: invert the lane at input and output."""
        lanes = self.params.i.lanes
        smallest = pack_integers(channel_words(self.constants.smallest, lanes), 1)
        if len(set(smallest)) == 1:
            return Const(smallest[0], lanes)
        flips = Signal(lanes)
        with m.Switch(word):
            for k, bits in enumerate(smallest):
                with m.Case(k):
                    m.d.comb += flips.eq(bits)
        return flips
