"""Base classes of units by their latency: none, one register, or a pipeline before a queue."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TypeVar

from bnnhw.dataflow.params import Memory, WordPerCycleParams
from bnnhw.dataflow.tokens import PipelineBlock
from bnnhw.rtl.queue import CreditQueue

__all__ = ["CombinationalParams", "PipelineParams", "RegisterParams"]

C = TypeVar("C")


@dataclass(frozen=True)
class CombinationalParams(WordPerCycleParams[C]):
    """A unit that passes each word on within the cycle that brings it."""

    @property
    def latency(self) -> int:
        return 0

    def token_model(self) -> None:
        return None


@dataclass(frozen=True)
class RegisterParams(WordPerCycleParams[C]):
    """A unit with one register between its input and its output."""

    @property
    def latency(self) -> int:
        return 1


@dataclass(frozen=True)
class PipelineParams(WordPerCycleParams[C]):
    """A pipeline that never stalls, because it only starts a word that its output queue can store.

    It emits one word for each input word, or one for each frame.
    """

    @property
    @abc.abstractmethod
    def registers(self) -> int:
        """Pipeline registers before the output queue."""

    @property
    def latency(self) -> int:
        return self.registers + CreditQueue.LATENCY

    @property
    def queue_depth(self) -> int:
        """Words of the output queue; fewer would stall the pipeline."""
        return self.latency + 1

    def token_model(self) -> PipelineBlock:
        return PipelineBlock(self.i.words, self.i.words // self.o.words, self.latency,
                             self.queue_depth)

    def memories(self) -> tuple[Memory, ...]:
        return (Memory.of_queue(self.queue_depth, self.o.bits),)
