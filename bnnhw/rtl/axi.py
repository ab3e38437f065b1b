"""The edges of a core: AXI4-Stream in and out, with ``tlast`` at the end of each frame."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.frame import rest_of_frame, words_of_frame
from bnnhw.rtl.shared import SharedComponent

__all__ = ["AxiInput", "AxiOutput"]


class AxiInput(SharedComponent):
    """Check the frame, clear the unused lanes of its last word, and binarise pixels.

    Combinational from ``i`` to ``o``.

    Parameters
    ----------
    lanes, elements : int
        Elements a word and a group; the last word of a group holds what is left of it.
    width : int
        Bits of an element of ``i``.
    threshold : int or None
        ``o = [x >= threshold]``, one bit an element; None hands on the elements.
    groups : int
        Groups a frame: pixels of a map, 1 for a vector.

    Members
    -------
    i : In(stream of lanes * width bits)
    last : In(1)
        ``tlast``; frames are counted, so it is only checked.
    error : Out(1)
        Set, until reset, once ``last`` was not where the frame ended.
    o : Out(stream of lanes bits)
    """

    def __init__(self, *, lanes: int, elements: int, width: int, threshold: int | None,
                 groups: int = 1) -> None:
        self.lanes, self.elements, self.width, self.threshold = lanes, elements, width, threshold
        self.groups = groups
        super().__init__({
            "i": In(stream.Signature(lanes * width)), "last": In(1), "error": Out(1),
            "o": Out(stream.Signature(lanes * (width if threshold is None else 1))),
        })

    @property
    def module_name(self) -> str:
        tail = "" if self.threshold is None else f"_t{self.threshold}"
        frame = f"{self.elements}" if self.groups == 1 else f"{self.groups}x{self.elements}"
        return f"bnnhw_axi_input_{self.lanes}of{frame}x{self.width}{tail}"

    def body(self, platform: Any) -> Module:
        m = Module()
        words = words_of_frame(self.elements, self.lanes)
        rest = rest_of_frame(self.elements, self.lanes)
        word, group = Signal(range(words)), Signal(range(self.groups))
        last, frame_end = Signal(), Signal()
        m.d.comb += [
            last.eq(word == words - 1),
            frame_end.eq(last & (group == self.groups - 1)),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += word.eq(Mux(last, 0, word + 1))
            with m.If(last):
                m.d.sync += group.eq(Mux(frame_end, 0, group + 1))
            with m.If(self.last != frame_end):
                m.d.sync += self.error.eq(1)
        bits: list[Value] = []
        for k in range(self.lanes):
            x = self.i.payload.word_select(k, self.width)
            bit = x if self.threshold is None else x >= self.threshold
            bits.append(bit if k < rest else Mux(last, Const(0, len(bit)), bit))
        m.d.comb += self.o.payload.eq(Cat(bits))
        return m


class AxiOutput(SharedComponent):
    """Mark the last word of each frame. Combinational from ``i`` to ``o``.

    Parameters
    ----------
    width : int
        Bits a word.
    words : int
        Words a frame.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    last : Out(1)
    """

    def __init__(self, *, width: int, words: int) -> None:
        self.width, self.words = width, words
        super().__init__({
            "i": In(stream.Signature(width)), "o": Out(stream.Signature(width)), "last": Out(1),
        })

    @property
    def module_name(self) -> str:
        return f"bnnhw_axi_output_{self.width}x{self.words}"

    def body(self, platform: Any) -> Module:
        m = Module()
        word = Signal(range(self.words))
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(self.i.payload),
            self.i.ready.eq(self.o.ready),
            self.last.eq(word == self.words - 1),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += word.eq(Mux(self.last, 0, word + 1))
        return m
