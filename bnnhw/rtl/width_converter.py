"""The width converter (DWC): words of A lanes to words of B lanes, frame by frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.digits import Digits
from bnnhw.rtl.frame import rest_of_frame, words_of_frame
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Regrouping", "WidthConverter"]


@dataclass(frozen=True)
class Regrouping:
    """Numbers of a width converter, see there."""

    in_lanes: int
    out_lanes: int
    elements: int
    out_elements: int

    @property
    def capacity(self) -> int:
        """Lanes of the shift register."""
        return self.in_lanes + 2 * self.out_lanes - 1

    @property
    def room(self) -> int:
        """Lanes that may be filled while another input word is taken."""
        return self.capacity - self.in_lanes

    @property
    def in_rest(self) -> int:
        """Elements in the last input word of a group."""
        return rest_of_frame(self.elements, self.in_lanes)

    @property
    def out_rest(self) -> int:
        """Elements in the last output word of a group."""
        return rest_of_frame(self.out_elements, self.out_lanes)

    @property
    def step(self) -> int:
        """Lanes that the number of waiting elements is always a multiple of."""
        return math.gcd(self.in_lanes, self.out_lanes, self.in_rest, self.out_rest)

    @property
    def turns(self) -> int:
        """Bits of how far the elements are into a row of A lanes, where a word is taken."""
        return min(self.in_lanes // self.step - 1, self.room // self.step).bit_length()


class WidthConverter(SharedComponent):
    """Regroup the elements of a frame, at any ratio, without mixing frames or pixels.

    Elements come in groups (the channels of a pixel, or all of a vector) whose last word holds
    what is left of the group; they leave in groups of another size, which divides the first or is
    a multiple of it.

    The elements wait in a shift register of ``A + 2B - 1`` lanes. That is room enough to never
    lose a cycle inside a frame on the wider side: a full output word can leave while the next
    input word comes in. The last word of a group holds what is left, padded with zeros on the
    output and with anything on the input.

    Elements end at any multiple of what all words have in common, so that a lane may take any of
    many lanes of the input. The input word is turned as far as the elements have passed a
    row of A lanes; then each lane has one lane of it to take, which is one choice a bit of the
    turn instead of one a place. Where an element goes does not depend on whether a word leaves in
    the same cycle: words are put behind the elements first, and all lanes move on then.

    Latency: an output word is valid in the cycle after its last element was accepted.

    Parameters
    ----------
    in_lanes, out_lanes : int
        Elements a word, A and B.
    elements : int
        Elements a group of the input.
    width : int
        Bits an element.
    out_elements : int or None
        Elements a group of the output; None for that of the input.

    Members
    -------
    i : In(stream of in_lanes * width bits)
    o : Out(stream of out_lanes * width bits)
    """

    LATENCY = 1

    def __init__(self, *, in_lanes: int, out_lanes: int, elements: int, width: int = 1,
                 out_elements: int | None = None) -> None:
        if min(in_lanes, out_lanes, elements, width, out_elements or 1) < 1:
            raise ValueError("in_lanes, out_lanes, elements and width must be positive")
        self.shape = Regrouping(in_lanes, out_lanes, elements, out_elements or elements)
        self.width = width
        super().__init__({
            "i": In(stream.Signature(in_lanes * width)),
            "o": Out(stream.Signature(out_lanes * width)),
        })

    @property
    def module_name(self) -> str:
        s = self.shape
        groups = f"n{s.elements}" if s.elements == s.out_elements else \
            f"n{s.elements}to{s.out_elements}"
        return f"bnnhw_dwc_{s.in_lanes}to{s.out_lanes}_{groups}x{self.width}"

    def body(self, platform: Any) -> Module:
        m, shape = Module(), self.shape
        a, b, in_rest, out_rest = (lanes // shape.step for lanes in (
            shape.in_lanes, shape.out_lanes, shape.in_rest, shape.out_rest))
        fill, kept = (Digits(a, shape.capacity // shape.step, name) for name in ("fill", "kept"))
        in_last = self._last_word(m, "in", shape.in_lanes, shape.elements, self.i)
        out_last = self._last_word(m, "out", shape.out_lanes, shape.out_elements, self.o)
        lanes = Signal(shape.capacity * self.width)
        merged = Signal.like(lanes)
        accepted, taken = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~fill.at_least(shape.room // shape.step + 1)),
            self.o.valid.eq(fill.at_least(b) if out_rest == b else
                            Mux(out_last, fill.at_least(out_rest), fill.at_least(b))),
            accepted.eq(self.i.valid & self.i.ready),
            taken.eq(self.o.valid & self.o.ready),
            self.o.payload.eq(self._mask(lanes, out_last)),
        ]
        turn, row = fill.less(m, b, out_last, out_rest)
        m.d.comb += [kept.turn.eq(Mux(taken, turn, fill.turn)),
                     kept.row.eq(Mux(taken, row, fill.row))]
        turn, row = kept.more(m, a, in_last, in_rest)
        m.d.sync += [fill.turn.eq(Mux(accepted, turn, kept.turn)),
                     fill.row.eq(Mux(accepted, row, kept.row))]
        # A word that is not there is put behind the elements as well, where nobody looks.
        turn = fill.turn[:shape.turns]
        word, places = self._turned(m, turn), self._places(m, turn, fill.row)
        rows = word.replicate(-(-shape.capacity // shape.in_lanes))
        m.d.comb += merged.eq((lanes & ~places) | (rows & places))
        m.d.sync += lanes.eq(Mux(taken, self._shift_out(merged, out_last), merged))
        return m

    def _last_word(self, m: Module, name: str, lanes: int, elements: int,
                   port: stream.Interface) -> Value:
        """Whether the current word is the last of a group and shorter than the others."""
        words = words_of_frame(elements, lanes)
        if rest_of_frame(elements, lanes) == lanes:
            return Const(0)
        last = Signal(name=f"{name}_last")
        word = Signal(range(words), name=f"{name}_word")
        m.d.comb += last.eq(word == words - 1)
        with m.If(port.valid & port.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
        return last

    def _mask(self, lanes: Signal, last: Value) -> Value:
        whole, rest = (n * self.width for n in (self.shape.out_lanes, self.shape.out_rest))
        return lanes[:whole] if rest == whole else Mux(last, lanes[:rest], lanes[:whole])

    def _shift_out(self, lanes: Signal, last: Value) -> Value:
        whole, rest = (n * self.width for n in (self.shape.out_lanes, self.shape.out_rest))
        return lanes[whole:] if rest == whole else Mux(last, lanes[rest:], lanes[whole:])

    def _turned(self, m: Module, turn: Value) -> Value:
        """The input word, rotated up by ``turn`` steps: one choice a bit of the turn."""
        word = self.i.payload
        for bit in range(len(turn)):
            turned = Signal.like(word, name=f"turned_{bit}")
            by = (self.shape.step << bit) * self.width
            m.d.comb += turned.eq(Mux(turn[bit], word.rotate_left(by), word))
            word = turned
        return word

    def _places(self, m: Module, turn: Value, row: Signal) -> Value:
        """Mask of the lanes from the first free one to A behind it; none without room for them."""
        shape, a = self.shape, self.shape.in_lanes // self.shape.step
        rows = shape.room // shape.in_lanes + 1
        here = Signal(rows)  # bit r: the first free lane is in row r
        behind = Signal(a)  # bit k: step k of that row is free
        m.d.comb += [
            here.eq(Cat(self.i.ready & (row == r) for r in range(rows))),
            behind.eq(Cat(turn <= k for k in range(a))),
        ]
        ends = Cat(Const(0, 1), here, Const(0, 1))
        steps = []
        for step in range(-(-shape.capacity // shape.step)):
            r, k = divmod(step, a)
            steps.append(Mux(behind[k], ends[r + 1], ends[r]))
        return Cat(step.replicate(shape.step * self.width) for step in steps)[
            :shape.capacity * self.width]
