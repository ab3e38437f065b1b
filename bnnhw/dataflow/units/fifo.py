"""FIFO: buffers the words of one branch until the words of the other branch arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Out

from bnnhw.dataflow.component import UnitComponent
from bnnhw.dataflow.params import BufferParams, Memory, register_unit
from bnnhw.dataflow.tokens import Block, PipelineBlock
from bnnhw.rtl.queue import CreditQueue, attach_queue

__all__ = ["Fifo", "FifoParams"]


@register_unit
@dataclass(frozen=True)
class FifoParams(BufferParams[None]):
    """A queue of ``depth`` words."""

    kind: ClassVar[str] = "fifo"
    removed_below: ClassVar[int] = 3

    def round_depth(self, depth: int) -> int:
        """Round up to the minimum depth of a ``CreditQueue``."""
        return max(depth, 3)

    @property
    def latency(self) -> int:
        return CreditQueue.LATENCY

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        return self.o.to_words(self.i.from_words(words[0]))

    def create(self, constants: None = None, module_name: str = "unit") -> Fifo:
        return Fifo(self)

    def token_model(self) -> Block:
        return PipelineBlock(self.i.words, 1, self.latency, self.depth)

    def memories(self) -> tuple[Memory, ...]:
        return (Memory.of_queue(self.words_held, self.i.bits),)

    def summary(self) -> dict[str, object]:
        return {"depth": self.depth}


class Fifo(UnitComponent[FifoParams]):
    """A queue between two streams.

    Parameters
    ----------
    params : FifoParams
        With a depth of at least 3 words.

    Members
    -------
    i : In(stream)
    o : Out(stream)
    level : Out
        Words that it stores.
    """

    def __init__(self, params: FifoParams) -> None:
        super().__init__(params, level=Out(range(params.words_held + 1)))

    @property
    def module_name(self) -> str:
        return f"bnnhw_fifo_{self.params.i.bits}x{self.params.words_held}"

    def body(self, platform: object) -> Module:
        m = Module()
        queue = attach_queue(m, self, self.params.words_held)
        accepted = Signal()
        m.d.comb += [
            self.i.ready.eq(queue.free),
            accepted.eq(self.i.valid & queue.free),
            queue.reserve.eq(accepted),
            queue.write.eq(accepted),
            queue.word.eq(self.i.payload),
            self.level.eq(queue.used),
        ]
        return m
