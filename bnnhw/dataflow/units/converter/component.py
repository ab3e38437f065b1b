"""Amaranth component of the width converter (DWC): a rotator and a shift register."""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream

from bnnhw.dataflow.component import UnitComponent
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.rtl.digits import Digits

if TYPE_CHECKING:
    from bnnhw.dataflow.units.converter.params import ConverterParams

__all__ = ["WidthConverter"]


class WidthConverter(UnitComponent["ConverterParams"]):
    """Regroups the elements of a frame, at any ratio, without mixing frames or pixels.

    Elements arrive in groups (the channels of a pixel, or an entire vector), whose last word
    carries what remains of the group. They leave in groups of another size, which divides the
    first or is a multiple of it. The last output word of a group is padded with zeros; the unused
    lanes of the last input word may hold anything.

    The elements wait in a shift register of ``A + 2B - 1`` lanes, where A and B are the lanes of
    input and output. This is enough to lose no cycle inside a frame on the wider side: a full
    output word can leave while the next input word arrives.

    The number of waiting elements is always a multiple of ``step``, so each lane of the register
    could receive any of A / step input lanes. The input word is therefore rotated by the number
    of waiting elements modulo A. After that each register lane has a single source, and costs
    one multiplexer level per bit of the rotation instead of one input per position. The position
    of an element does not depend on whether an output word leaves in the same cycle: new elements
    are placed after the waiting ones first, and then all lanes shift.
    """

    def __init__(self, params: ConverterParams) -> None:
        super().__init__(params)
        self.width = params.i.width

    @property
    def module_name(self) -> str:
        i, o = self.params.i, self.params.o
        groups = f"n{i.elements}" if i.elements == o.elements else \
            f"n{i.elements}to{o.elements}"
        return f"bnnhw_dwc_{i.lanes}to{o.lanes}_{groups}x{self.width}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        a, b, in_last_lanes, out_last_lanes = (lanes // p.step for lanes in (
            p.i.lanes, p.o.lanes, p.i.last_lanes, p.o.last_lanes))
        fill, kept = (Digits(a, p.capacity // p.step, name) for name in ("fill", "kept"))
        in_last = self._last_word(m, "in", p.i, self.i)
        out_last = self._last_word(m, "out", p.o, self.o)
        lanes = Signal(p.capacity * self.width)
        merged = Signal.like(lanes)
        accepted, taken = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~fill.at_least(p.room // p.step + 1)),
            self.o.valid.eq(fill.at_least(b) if out_last_lanes == b else
                            Mux(out_last, fill.at_least(out_last_lanes), fill.at_least(b))),
            accepted.eq(self.i.valid & self.i.ready),
            taken.eq(self.o.valid & self.o.ready),
            self.o.payload.eq(self._mask(lanes, out_last)),
        ]
        remainder, row = fill.less(m, b, out_last, out_last_lanes)
        m.d.comb += [kept.remainder.eq(Mux(taken, remainder, fill.remainder)),
                     kept.row.eq(Mux(taken, row, fill.row))]
        remainder, row = kept.more(m, a, in_last, in_last_lanes)
        m.d.sync += [fill.remainder.eq(Mux(accepted, remainder, kept.remainder)),
                     fill.row.eq(Mux(accepted, row, kept.row))]
        # Without an accepted word, whatever the input carries fills lanes that are not yet valid.
        remainder = fill.remainder[:p.rotation_bits]
        word, free = self._turned(m, remainder), self._free_mask(m, remainder, fill.row)
        rows = word.replicate(-(-p.capacity // p.i.lanes))
        m.d.comb += merged.eq((lanes & ~free) | (rows & free))
        m.d.sync += lanes.eq(Mux(taken, self._shift_out(merged, out_last), merged))
        return m

    def _last_word(self, m: Module, name: str, words: StreamPlan, port: stream.Interface) -> Value:
        """Return whether the current word is the last of a group and shorter than the others."""
        if words.last_lanes == words.lanes:
            return Const(0)
        last = Signal(name=f"{name}_last")
        word = Signal(range(words.group_words), name=f"{name}_word")
        m.d.comb += last.eq(word == words.group_words - 1)
        with m.If(port.valid & port.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
        return last

    def _mask(self, lanes: Signal, last: Value) -> Value:
        full, short = (n * self.width for n in (self.params.o.lanes, self.params.o.last_lanes))
        return lanes[:full] if short == full else Mux(last, lanes[:short], lanes[:full])

    def _shift_out(self, lanes: Signal, last: Value) -> Value:
        full, short = (n * self.width for n in (self.params.o.lanes, self.params.o.last_lanes))
        return lanes[full:] if short == full else Mux(last, lanes[short:], lanes[full:])

    def _turned(self, m: Module, remainder: Value) -> Value:
        """Rotate the input word up by ``remainder`` steps, with one multiplexer level per bit."""
        word = self.i.payload
        for bit in range(len(remainder)):
            turned = Signal.like(word, name=f"turned_{bit}")
            by = (self.params.step << bit) * self.width
            m.d.comb += turned.eq(Mux(remainder[bit], word.rotate_left(by), word))
            word = turned
        return word

    def _free_mask(self, m: Module, remainder: Value, row: Signal) -> Value:
        """Return a mask of the A lanes from the first free one; empty if they do not fit."""
        p, a = self.params, self.params.i.lanes // self.params.step
        rows = p.room // p.i.lanes + 1
        here = Signal(rows)  # bit r: the first free lane is in row r
        row_free = Signal(a, name="behind")  # bit k: step k of that row is free
        m.d.comb += [
            here.eq(Cat(self.i.ready & (row == r) for r in range(rows))),
            row_free.eq(Cat(remainder <= k for k in range(a))),
        ]
        ends = Cat(Const(0, 1), here, Const(0, 1))
        steps = []
        for step in range(-(-p.capacity // p.step)):
            r, k = divmod(step, a)
            steps.append(Mux(row_free[k], ends[r + 1], ends[r]))
        return Cat(step.replicate(p.step * self.width) for step in steps)[
            :p.capacity * self.width]
