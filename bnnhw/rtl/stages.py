"""Stream stages of one register: fork, sum, concatenation, several outputs in one frame.

Each shows a word in the cycle after it took it, and takes the next one in the cycle in which that
word goes; so each passes one word a cycle and stops no longer than the stream behind it.
"""

from __future__ import annotations

import abc
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["AddUnit", "ConcatUnit", "Fork", "SelectUnit", "SequenceUnit"]

Shape = tuple[int, bool]
"""Width of an element, and whether it is signed."""


def _register(m: Module, unit: Any, take: Value, word: Value) -> Signal:
    """A one-word output register; returns whether it can be written in this cycle."""
    room = Signal()
    m.d.comb += room.eq(~unit.o.valid | unit.o.ready)
    with m.If(room):
        m.d.sync += unit.o.valid.eq(take)
    with m.If(take & room):
        m.d.sync += unit.o.payload.eq(word)
    return room


class Fork(SharedComponent):
    """Hand each word to two readers, each at its own time.

    Parameters
    ----------
    width : int
        Bits a word.

    Members
    -------
    i : In(stream)
    o0, o1 : Out(stream)
    """

    LATENCY = 1

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"i": In(stream.Signature(width)), "o0": Out(stream.Signature(width)),
                          "o1": Out(stream.Signature(width))})

    @property
    def module_name(self) -> str:
        return f"bnnhw_fork_{self.width}"

    def body(self, platform: Any) -> Module:
        m = Module()
        word = Signal(self.width)
        waiting0, waiting1 = Signal(name="waiting0"), Signal(name="waiting1")
        room = Signal()
        m.d.comb += [
            self.o0.valid.eq(waiting0), self.o0.payload.eq(word),
            self.o1.valid.eq(waiting1), self.o1.payload.eq(word),
            room.eq((~waiting0 | self.o0.ready) & (~waiting1 | self.o1.ready)),
            self.i.ready.eq(room),
        ]
        with m.If(self.o0.ready):
            m.d.sync += waiting0.eq(0)
        with m.If(self.o1.ready):
            m.d.sync += waiting1.eq(0)
        with m.If(self.i.valid & room):
            m.d.sync += [word.eq(self.i.payload), waiting0.eq(1), waiting1.eq(1)]
        return m


class _TwoInputs(SharedComponent):
    """Two streams in, one out of a register."""

    LATENCY = 1

    def __init__(self, width0: int, width1: int, out_width: int) -> None:
        super().__init__({"i0": In(stream.Signature(width0)), "i1": In(stream.Signature(width1)),
                          "o": Out(stream.Signature(out_width))})


class _Pairs(_TwoInputs):
    """Takes a word of each input in the same cycle."""

    @abc.abstractmethod
    def _word(self, m: Module) -> Value:
        """Make the word of the output."""

    def body(self, platform: Any) -> Module:
        m = Module()
        take = Signal()
        m.d.comb += take.eq(self.i0.valid & self.i1.valid)
        room = _register(m, self, take, self._word(m))
        m.d.comb += [self.i0.ready.eq(self.i1.valid & room),
                     self.i1.ready.eq(self.i0.valid & room)]
        return m


class AddUnit(_Pairs):
    """Add two streams lane by lane, saturating where wanted.

    Parameters
    ----------
    lanes : int
    shape0, shape1 : (int, bool)
        Width and signedness of an element of each input.
    out_width : int
    limits : (int, int) or None
        Where the sum saturates.
    """

    def __init__(self, *, lanes: int, shape0: Shape, shape1: Shape, out_width: int,
                 limits: tuple[int, int] | None) -> None:
        self.lanes, self.shapes, self.out_width = lanes, (shape0, shape1), out_width
        self.limits = limits
        super().__init__(lanes * shape0[0], lanes * shape1[0], lanes * out_width)

    @property
    def module_name(self) -> str:
        shapes = "_".join(f"{'s' if s else 'u'}{w}" for w, s in self.shapes)
        clip = "" if self.limits is None else \
            "_clip" + "_".join(str(v).replace("-", "m") for v in self.limits)
        return f"bnnhw_add_{self.lanes}x{shapes}_{self.out_width}{clip}"

    def _word(self, m: Module) -> Value:
        lanes = []
        for k in range(self.lanes):
            terms = []
            for (width, is_signed), port in zip(self.shapes, (self.i0, self.i1), strict=True):
                x = port.payload.word_select(k, width)
                terms.append(x.as_signed() if is_signed else x)
            total = terms[0] + terms[1]
            if self.limits is not None:
                low, high = self.limits
                total = Mux(total < low, low, Mux(total > high, high, total))
            lane = Signal(self.out_width, name=f"sum{k}")
            m.d.comb += lane.eq(total)
            lanes.append(lane)
        return Cat(lanes)


class ConcatUnit(_Pairs):
    """Put the channels of two words side by side, each widened to the output's elements.

    Parameters
    ----------
    lanes0, lanes1 : int
    shape0, shape1 : (int, bool)
    out_width : int
    """

    def __init__(self, *, lanes0: int, lanes1: int, shape0: Shape, shape1: Shape,
                 out_width: int) -> None:
        self.lanes, self.shapes, self.out_width = (lanes0, lanes1), (shape0, shape1), out_width
        super().__init__(lanes0 * shape0[0], lanes1 * shape1[0], (lanes0 + lanes1) * out_width)

    @property
    def module_name(self) -> str:
        parts = "_".join(f"{n}x{'s' if s else 'u'}{w}"
                         for n, (w, s) in zip(self.lanes, self.shapes, strict=True))
        return f"bnnhw_concat_{parts}_{self.out_width}"

    def _word(self, m: Module) -> Value:
        lanes = []
        for p, port in enumerate((self.i0, self.i1)):
            width, is_signed = self.shapes[p]
            for k in range(self.lanes[p]):
                x = port.payload.word_select(k, width)
                lane = Signal(self.out_width, name=f"lane{p}_{k}")
                m.d.comb += lane.eq(x.as_signed() if is_signed else x)
                lanes.append(lane)
        return Cat(lanes)


class SelectUnit(SharedComponent):
    """Choose lanes of each word: wires behind one register.

    Parameters
    ----------
    module_name : str
    lanes : int
        Of the input.
    width : int
        Bits of a lane.
    channels : list of int
        Lane of the input for each lane of the output.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    """

    LATENCY = 1

    def __init__(self, *, module_name: str, lanes: int, width: int, channels: list[int]) -> None:
        self._module_name = module_name
        self.width, self.channels = width, channels
        super().__init__({"i": In(stream.Signature(lanes * width)),
                          "o": Out(stream.Signature(len(channels) * width))})

    @property
    def module_name(self) -> str:
        return self._module_name

    def body(self, platform: Any) -> Module:
        m = Module()
        chosen = Cat(self.i.payload.word_select(c, self.width) for c in self.channels)
        m.d.comb += self.i.ready.eq(_register(m, self, self.i.valid, chosen))
        return m


class SequenceUnit(_TwoInputs):
    """Pass a frame of the first input, then a frame of the second, in words of the wider one.

    Parameters
    ----------
    width0, width1 : int
        Bits a word.
    words0, words1 : int
        Words a frame.
    """

    def __init__(self, *, width0: int, width1: int, words0: int, words1: int) -> None:
        self.widths, self.words = (width0, width1), (words0, words1)
        super().__init__(width0, width1, max(width0, width1))

    @property
    def module_name(self) -> str:
        (w0, w1), (n0, n1) = self.widths, self.words
        return f"bnnhw_sequence_{n0}x{w0}_{n1}x{w1}"

    def body(self, platform: Any) -> Module:
        m = Module()
        word = Signal(range(sum(self.words)))
        second = Signal()
        take = Signal()
        m.d.comb += [
            second.eq(word >= self.words[0]),
            take.eq(Mux(second, self.i1.valid, self.i0.valid)),
        ]
        room = _register(m, self, take, Mux(second, self.i1.payload, self.i0.payload))
        m.d.comb += [self.i0.ready.eq(room & ~second), self.i1.ready.eq(room & second)]
        with m.If(take & room):
            m.d.sync += word.eq(Mux(word == sum(self.words) - 1, 0, word + 1))
        return m


