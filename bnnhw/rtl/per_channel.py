"""Front end of a pipeline that processes each channel of a pixel with separate constants."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.queue import attach_queue
from bnnhw.rtl.shared import SharedComponent

__all__ = ["PerChannel"]


class PerChannel:
    """Accepts a word of a pixel per cycle while the output queue has space for its result.

    Parameters
    ----------
    m : Module
    unit : component with streams ``i`` and ``o``
    words : int
        Words of a pixel.
    cycles : int
        Cycles from accepting a word to its result.
    depth : int
        Words of the output queue.

    Attributes
    ----------
    word : Signal
        Index of the word in its pixel, for ROMs with one cycle of latency.
    values : Signal
        The word, one cycle after it was accepted.
    """

    def __init__(self, m: Module, unit: SharedComponent, words: int, cycles: int,
                 depth: int) -> None:
        self._m = m
        self._queue = queue = attach_queue(m, unit, depth)
        step = Signal(name="step")
        self.word, self.values = Signal(range(words), name="word"), Signal(len(unit.i.payload),
                                                                          name="values")
        last = Signal(name="last")
        m.d.comb += [
            last.eq(self.word == words - 1),
            unit.i.ready.eq(queue.free),
            step.eq(unit.i.valid & queue.free),
            queue.reserve.eq(step),
            queue.write.eq(delayed(m, step, cycles, "step")),
        ]
        with m.If(step):
            m.d.sync += self.word.eq(Mux(last, 0, self.word + 1))
        m.d.sync += self.values.eq(unit.i.payload)
        self._last = delayed(m, last, cycles, "last")

    def give(self, results: list[Value], last_lanes: int) -> None:
        """Emit one result per lane; in the last word of a pixel, only ``last_lanes`` are not 0."""
        lanes = [result if k < last_lanes else Mux(self._last, 0, result)
                 for k, result in enumerate(results)]
        # A lane keeps its width through the choice.
        self._m.d.comb += self._queue.word.eq(Cat(
            lane[:len(result)] for lane, result in zip(lanes, results, strict=True)))
