"""Sequence unit: emits two outputs in one frame, first all words of one, then of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Mux, Signal

from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.tokens import Block, Bounds, Times, lag, one_a_cycle
from bnnhw.dataflow.units.join import TwoInputParams, TwoInputs
from bnnhw.rtl.output_register import output_register

__all__ = ["SequenceParams", "SequenceUnit"]


@register_unit
@dataclass(frozen=True)
class SequenceParams(TwoInputParams[None]):
    """A choice between two streams that alternates frame by frame.

    The output stream has one element per word, as wide as the wider input; the fields of the
    manifest say which bits belong to which output.
    """

    kind: ClassVar[str] = "sequence"

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        packed = [np.array(s.pack(w), dtype=object).reshape(len(w), -1)
                  for s, w in zip(self.inputs, words, strict=True)]
        return np.concatenate(packed, axis=1)[:, :, None]

    def create(self, constants: None = None, module_name: str = "unit") -> SequenceUnit:
        return SequenceUnit(self)

    def token_model(self) -> Block:
        return SequenceBlock((self.i.words, self.i1.words), self.latency)


class SequenceBlock(Block):
    """Passes a frame of the first stream, then a frame of the second."""

    def __init__(self, words: tuple[int, int], latency: int) -> None:
        self.words, self.latency = words, latency
        self.serial_cycles = sum(words) + latency

    def bounds(self, frames: int, taken: list[Times], given: list[Times]) -> Bounds:
        first, second = (t.reshape(frames, n) for t, n in zip(taken, self.words, strict=True))
        merged = np.concatenate([first, second], axis=1).ravel()
        step = one_a_cycle(np.maximum(merged, lag(given[0], 1, 0)))
        split = step.reshape(frames, -1)
        return [split[:, :self.words[0]].ravel(), split[:, self.words[0]:].ravel()], \
            [step + self.latency]


class SequenceUnit(TwoInputs):
    """Passes a frame of the first input, then a frame of the second, in words of the wider one.

    Parameters
    ----------
    params : SequenceParams
    """

    @property
    def module_name(self) -> str:
        first, second = self.params.inputs
        return f"bnnhw_sequence_{first.words}x{first.bits}_{second.words}x{second.bits}"

    def body(self, platform: object) -> Module:
        m = Module()
        words = [s.words for s in self.params.inputs]
        word = Signal(range(sum(words)))
        second = Signal()
        take = Signal()
        m.d.comb += [
            second.eq(word >= words[0]),
            take.eq(Mux(second, self.i1.valid, self.i0.valid)),
        ]
        room = output_register(m, self, take, Mux(second, self.i1.payload, self.i0.payload))
        m.d.comb += [self.i0.ready.eq(room & ~second), self.i1.ready.eq(room & second)]
        with m.If(take & room):
            m.d.sync += word.eq(Mux(word == sum(words) - 1, 0, word + 1))
        return m
