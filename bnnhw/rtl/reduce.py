"""Pooling: the largest, the smallest, or the sum of the taps of a window."""

from __future__ import annotations

import itertools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["ReduceUnit"]


class ReduceUnit(SharedComponent):
    """Reduce ``taps`` pixels of ``words`` words to one pixel, one word each cycle.

    The smallest element is the largest one of the inverted bits, so a mask of the channels that
    want it is all that it takes.

    A lane adds one element a cycle to its sum, so that there is nothing to count: on ECP5 and iCE40
    a netlist of ``count`` for it takes the places that ``+`` takes, one a bit of the sum.

    Latency: a result word is valid in the cycle after its last tap was taken.

    Parameters
    ----------
    module_name : str
    op : str
        ``max`` or ``sum``.
    taps, words : int
        Pixels of a window, and words of a pixel.
    lanes : int
        Channels a word.
    in_shape : (int, bool)
        Width and signedness of an element.
    out_width : int
        Bits of an element of the output; that of the input for ``max``.
    smallest : list of int
        A word for each word of a pixel, a bit a lane: the smallest element is wanted.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    LATENCY = 1

    def __init__(self, *, module_name: str, op: str, taps: int, words: int, lanes: int,
                 in_shape: tuple[int, bool], out_width: int, smallest: list[int]) -> None:
        if op not in ("max", "sum"):
            raise ValueError(f"op must be max or sum, not {op!r}")
        if len(smallest) != words:
            raise ValueError(f"needs {words} words of 'smallest', not {len(smallest)}")
        self._module_name = module_name
        self.op, self.taps, self.words, self.lanes = op, taps, words, lanes
        self.in_shape, self.out_width, self.smallest = in_shape, out_width, smallest
        super().__init__({
            "i": In(stream.Signature(lanes * in_shape[0])),
            "o": Out(stream.Signature(lanes * out_width)),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    def body(self, platform: Any) -> Module:
        m = Module()
        word, tap = Signal(range(self.words)), Signal(range(self.taps), name="tap")
        step, first, last = Signal(), Signal(), Signal()
        m.d.comb += [
            first.eq(tap == 0),
            last.eq(tap == self.taps - 1),
            self.i.ready.eq(~last | ~self.o.valid | self.o.ready),
            step.eq(self.i.valid & self.i.ready),
        ]
        with m.If(step):
            m.d.sync += word.eq(Mux(word == self.words - 1, 0, word + 1))
            with m.If(word == self.words - 1):
                m.d.sync += tap.eq(Mux(last, 0, tap + 1))
        # The results so far of a pixel's words go round, so that the oldest is always at the end.
        width = self.lanes * self.out_width
        kept = [Signal(width, name=f"kept{k}") for k in range(self.words)]
        flips = self._flips(m, word)
        results: list[Value] = []
        for k in range(self.lanes):
            x = self._lane(k, flips)
            before = kept[-1].word_select(k, self.out_width)
            before = before.as_signed() if self.in_shape[1] else before
            value = before + x if self.op == "sum" else Mux(first | (x > before), x, before)
            result = Signal(self.out_width, name=f"result{k}")
            m.d.comb += result.eq(value)
            results.append(result)
        with m.If(step):
            for newer, older in itertools.pairwise(kept):
                m.d.sync += older.eq(newer)
        # Sums begin at 0, by a reset that flip-flops have, and not by a choice behind the adder.
        with m.If(step & last & Const(self.op == "sum")):
            m.d.sync += kept[0].eq(0)
        with m.Elif(step):
            m.d.sync += kept[0].eq(Cat(results))
        with m.If(step & last):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(Cat(
                r ^ flips[k].replicate(self.out_width) for k, r in enumerate(results)))]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _lane(self, k: int, flips: Value) -> Value:
        width, is_signed = self.in_shape
        x = self.i.payload.word_select(k, width) ^ flips[k].replicate(width)
        return x.as_signed() if is_signed else x

    def _flips(self, m: Module, word: Signal) -> Value:
        """A bit a lane of the current word: invert it on its way in and out."""
        if len(set(self.smallest)) == 1:
            return Const(self.smallest[0], self.lanes)
        flips = Signal(self.lanes)
        with m.Switch(word):
            for k, bits in enumerate(self.smallest):
                with m.Case(k):
                    m.d.comb += flips.eq(bits)
        return flips
