"""AXI4-Stream input and output of a core, with ``tlast`` at the end of each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.component import UnitComponent
from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import CombinationalParams
from bnnhw.rtl.shared import SharedComponent

__all__ = ["AxiInput", "AxiOutput", "InputParams", "OutputParams"]


@register_unit
@dataclass(frozen=True)
class InputParams(CombinationalParams[None]):
    """AXI4-Stream input; binarises pixels where the network begins with a ``binarize`` layer.

    Parameters
    ----------
    threshold : int or None
        An element of the output is ``x >= threshold``, one bit; None passes the elements on.
    """

    threshold: int | None

    kind: ClassVar[str] = "input"

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        values = self.i.from_words(words[0])
        if self.threshold is not None:
            values = (values >= self.threshold).astype(np.int64)
        return self.o.to_words(values)

    def create(self, constants: None = None, module_name: str = "unit") -> AxiInput:
        return AxiInput(self)


@register_unit
@dataclass(frozen=True)
class OutputParams(CombinationalParams[None]):
    """AXI4-Stream output, with ``tlast`` on the last word of each frame."""

    kind: ClassVar[str] = "output"

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return words[0]

    def create(self, constants: None = None, module_name: str = "unit") -> AxiOutput:
        return AxiOutput(self)


class AxiInput(SharedComponent):
    """Checks the frame, clears the unused lanes of its last word, and binarises pixels.

    Combinational from ``i`` to ``o``.

    Parameters
    ----------
    params : InputParams

    Members
    -------
    i : In(stream)
    last : In(1)
        ``tlast``; the unit counts words itself and only checks it.
    error : Out(1)
        Set, until reset, once ``last`` was not at the end of a frame.
    o : Out(stream)
    """

    def __init__(self, params: InputParams) -> None:
        self.params = params
        super().__init__({
            "i": In(stream.Signature(params.i.bits)), "last": In(1), "error": Out(1),
            "o": Out(stream.Signature(params.o.bits)),
        })

    @property
    def module_name(self) -> str:
        i, threshold = self.params.i, self.params.threshold
        tail = "" if threshold is None else f"_t{threshold}"
        frame = f"{i.elements}" if i.groups == 1 else f"{i.groups}x{i.elements}"
        return f"bnnhw_axi_input_{i.lanes}of{frame}x{i.width}{tail}"

    def body(self, platform: object) -> Module:
        m = Module()
        i, threshold = self.params.i, self.params.threshold
        word, group = Signal(range(i.group_words)), Signal(range(i.groups))
        last, frame_end = Signal(), Signal()
        m.d.comb += [
            last.eq(word == i.group_words - 1),
            frame_end.eq(last & (group == i.groups - 1)),
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
        for k in range(i.lanes):
            x = self.i.payload.word_select(k, i.width)
            bit = x if threshold is None else x >= threshold
            bits.append(bit if k < i.last_lanes else Mux(last, Const(0, len(bit)), bit))
        m.d.comb += self.o.payload.eq(Cat(bits))
        return m


class AxiOutput(UnitComponent[OutputParams]):
    """Marks the last word of each frame. Combinational from ``i`` to ``o``.

    Parameters
    ----------
    params : OutputParams

    Members
    -------
    i : In(stream)
    o : Out(stream)
    last : Out(1)
    """

    def __init__(self, params: OutputParams) -> None:
        super().__init__(params, last=Out(1))

    @property
    def module_name(self) -> str:
        return f"bnnhw_axi_output_{self.params.i.bits}x{self.params.i.words}"

    def body(self, platform: object) -> Module:
        m, words = Module(), self.params.i.words
        word = Signal(range(words))
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(self.i.payload),
            self.i.ready.eq(self.o.ready),
            self.last.eq(word == words - 1),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += word.eq(Mux(self.last, 0, word + 1))
        return m
