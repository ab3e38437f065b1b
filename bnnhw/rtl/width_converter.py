"""The width converter (DWC): words of A lanes to words of B lanes, frame by frame."""

from __future__ import annotations

import math
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.frame import rest_of_frame, words_of_frame
from bnnhw.rtl.shared import SharedComponent

__all__ = ["WidthConverter"]


class WidthConverter(SharedComponent):
    """Regroup the elements of a frame, at any ratio, without mixing frames or pixels.

    Elements come in groups (the channels of a pixel, or all of a vector) whose last word holds
    what is left of the group; they leave in groups of another size, which divides the first or is
    a multiple of it.

    The elements wait in a shift register of ``A + 2B - 1`` lanes. That is room enough to never
    lose a cycle inside a frame on the wider side: a full output word can leave while the next
    input word comes in. The last word of a group holds what is left, padded with zeros on the
    output and with anything on the input.

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
        self.in_lanes = in_lanes
        self.out_lanes = out_lanes
        self.elements = elements
        self.out_elements = elements if out_elements is None else out_elements
        self.width = width
        super().__init__({
            "i": In(stream.Signature(in_lanes * width)),
            "o": Out(stream.Signature(out_lanes * width)),
        })

    @staticmethod
    def capacity(in_lanes: int, out_lanes: int) -> int:
        """Lanes of the shift register."""
        return in_lanes + 2 * out_lanes - 1

    @property
    def room(self) -> int:
        """Lanes that may be filled while another input word is taken."""
        return self.capacity(self.in_lanes, self.out_lanes) - self.in_lanes

    @property
    def module_name(self) -> str:
        groups = f"n{self.elements}" if self.elements == self.out_elements else \
            f"n{self.elements}to{self.out_elements}"
        return f"bnnhw_dwc_{self.in_lanes}to{self.out_lanes}_{groups}x{self.width}"

    def body(self, platform: Any) -> Module:
        m = Module()
        capacity = self.capacity(self.in_lanes, self.out_lanes)
        in_count = Const(self.in_lanes, range(capacity + 1))
        out_count = Const(self.out_lanes, range(capacity + 1))
        take = self._word_size(m, "in", self.in_lanes, self.elements, in_count, self.i)
        give = self._word_size(m, "out", self.out_lanes, self.out_elements, out_count, self.o)
        lanes = Signal(capacity * self.width)
        fill = Signal(range(capacity + 1))
        kept = Signal(range(capacity + 1))  # lanes left when the output word of this cycle is gone
        accepted = Signal()
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq(fill <= self.room),
            self.o.valid.eq(fill >= give),
            accepted.eq(self.i.valid & self.i.ready),
            taken.eq(self.o.valid & self.o.ready),
            kept.eq(Mux(taken, fill - give, fill)),
            self.o.payload.eq(self._mask(lanes, give)),
        ]
        m.d.sync += fill.eq(Mux(accepted, kept + take, kept))
        shifted = Signal.like(lanes)
        m.d.comb += shifted.eq(Mux(taken, self._shift_out(lanes, give), lanes))
        m.d.sync += lanes.eq(shifted)
        with m.If(accepted), m.Switch(kept):
            for at in self._fills():
                with m.Case(at):
                    low = shifted[:at * self.width]
                    m.d.sync += lanes.eq(Cat(low, self.i.payload))
        return m

    def _word_size(self, m: Module, name: str, lanes: int, elements: int, full: Const,
                   port: stream.Interface) -> Value:
        """Lanes of the current word: all of them, or what is left in the last word of a group."""
        words, rest = words_of_frame(elements, lanes), rest_of_frame(elements, lanes)
        if rest == lanes:
            return full
        last = Signal(name=f"{name}_last")
        word = Signal(range(words), name=f"{name}_word")
        m.d.comb += last.eq(word == words - 1)
        with m.If(port.valid & port.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
        return Mux(last, Const(rest, len(full)), full)

    @property
    def _in_rest(self) -> int:
        return rest_of_frame(self.elements, self.in_lanes)

    @property
    def _out_rest(self) -> int:
        return rest_of_frame(self.out_elements, self.out_lanes)

    def _mask(self, lanes: Signal, give: Value) -> Value:
        word = lanes[:self.out_lanes * self.width]
        rest = self._out_rest
        if rest == self.out_lanes:
            return word
        return Mux(give == self.out_lanes, word, word[:rest * self.width])

    def _shift_out(self, lanes: Signal, give: Value) -> Value:
        full = lanes[self.out_lanes * self.width:]
        rest = self._out_rest
        if rest == self.out_lanes:
            return full
        return Mux(give == self.out_lanes, full, lanes[rest * self.width:])

    def _fills(self) -> range:
        """Where a new word can begin: multiples of what all steps have in common."""
        step = math.gcd(self.in_lanes, self.out_lanes,
                        self._in_rest, self._out_rest)
        capacity = self.capacity(self.in_lanes, self.out_lanes)
        return range(0, capacity - self.in_lanes + 1, step)
