"""Fork: hands each word of one stream to two readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.tokens import Block, Bounds, Times, lag
from bnnhw.rtl.shared import SharedComponent

__all__ = ["Fork", "ForkParams"]


@register_unit
@dataclass(frozen=True)
class ForkParams(RegisterParams[None]):
    """Parameters of the fork: a register whose word two readers accept independently."""

    kind: ClassVar[str] = "fork"
    out_ports: ClassVar[tuple[str, ...]] = ("o0", "o1")

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return self.o.to_words(self.i.from_words(words[0]))

    def create(self, constants: None = None, module_name: str = "unit") -> Fork:
        return Fork(self)

    def token_model(self) -> Block:
        return ForkBlock(self.i.words, self.latency)


class ForkBlock(Block):
    """Accepts a word when both readers have accepted, or accept now, the word before it."""

    def __init__(self, words: int, latency: int) -> None:
        self.latency = latency
        self.serial_cycles = words + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        ready = np.maximum(lag(given[0], 1, 0), lag(given[1], 1, 0))
        shown = taken[0] + self.latency
        return [ready], [shown, shown]


class Fork(SharedComponent):
    """Sends each word to two readers, which accept it independently.

    Parameters
    ----------
    params : ForkParams

    Members
    -------
    i : In(stream)
    o0, o1 : Out(stream)
    """

    def __init__(self, params: ForkParams) -> None:
        self.width = params.i.bits
        super().__init__({"i": In(stream.Signature(self.width)),
                          "o0": Out(stream.Signature(self.width)),
                          "o1": Out(stream.Signature(self.width))})

    @property
    def module_name(self) -> str:
        return f"bnnhw_fork_{self.width}"

    def body(self, platform: object) -> Module:
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
