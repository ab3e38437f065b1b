"""The matrix-vector-threshold unit (MVTU): a dense layer, folded by (PE, SIMD)."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.pe import ProcessingElement
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer
from bnnhw.rtl.rom import Rom
from bnnhw.rtl.shared import SharedComponent, prefix_ports

__all__ = ["Mvtu"]


class Mvtu(SharedComponent):
    """Compute PE rows by SIMD columns a cycle, SF * NF cycles a vector.

    A step is issued in every cycle in which its input word is there and, for the last step of a
    row group, a place in the output queue. Everything behind the issue runs freely: ``o`` is
    valid ``latency()`` cycles after the last step of its row group was issued.

    Parameters
    ----------
    module_name : str
    simd, pe, sf, nf : int
        Columns and rows a cycle; words of a vector and row groups.
    weights : list of SF * NF int
        PE * SIMD bits each, in the order of the steps (``golden.layout.weight_words``).
    starts : list of NF int
        PE start values of ``width`` bits each, lane 0 lowest.
    width : int
        Bits of an accumulator.
    coefficient : int
        See ``ProcessingElement``.
    threshold : bool
        True: ``o`` carries one bit a row, ``acc >= 0``. False: the accumulators.
    levels, product_register : int, bool
        Registers of the processing elements, see there.
    weight_style, start_style : str
        Storage, see ``rom.STYLES``.
    queue_depth : int
        Words of the output queue, at least ``queue_words``.

    Members
    -------
    i : In(stream of simd bits)
    o : Out(stream of pe bits, or of pe * width bits)
    """

    ISSUE_LATENCY = ReplayBuffer.WRITE_LATENCY
    """Cycles from accepting a word to the first step that can use it, where NF > 1. Where NF is
    1 the word is used in the cycle that accepts it."""

    def __init__(self, *, module_name: str, simd: int, pe: int, sf: int, nf: int,
                 weights: list[int], starts: list[int], width: int, coefficient: int,
                 threshold: bool, levels: int, weight_style: str, start_style: str,
                 queue_depth: int, product_register: bool = False) -> None:
        if len(weights) != sf * nf or len(starts) != nf:
            raise ValueError(f"needs {sf * nf} weight words and {nf} start words, "
                             f"not {len(weights)} and {len(starts)}")
        self._module_name = module_name
        self.simd, self.pe, self.sf, self.nf = simd, pe, sf, nf
        self.weights, self.starts = weights, starts
        self.width, self.coefficient, self.threshold = width, coefficient, threshold
        self.levels, self.product_register = levels, product_register
        self.weight_style, self.start_style = weight_style, start_style
        self.queue_depth = queue_depth
        super().__init__({
            "i": In(stream.Signature(simd)),
            "o": Out(stream.Signature(pe * (1 if threshold else width))),
        })

    @property
    def module_name(self) -> str:
        return self._module_name

    @staticmethod
    def latency(simd: int, levels: int, product_register: bool) -> int:
        """Cycles from the issue of a row group's last step to ``o.valid``."""
        return 1 + ProcessingElement.latency(simd, levels, product_register) + CreditQueue.LATENCY

    @staticmethod
    def queue_words(latency: int, sf: int) -> int:
        """Depth of the output queue that never holds up a step while ``o`` is taken at once."""
        return max(3, -(-(latency + 1) // sf))

    def body(self, platform: Any) -> Module:
        m = Module()
        # Cycles from the issue until the popcount leaves its tree.
        counted = ProcessingElement.latency(self.simd, self.levels, self.product_register)
        queue = self._queue(m)
        step = Signal()
        a = Signal(self.simd)
        word, group, index = self._counters(m, step)
        last = Signal()
        m.d.comb += last.eq(word == self.sf - 1)
        self._issue(m, step, a, ~last | queue.free)
        m.d.comb += queue.reserve.eq(step & last)

        m.submodules.weights = weights = Rom(
            words=self.weights, width=self.pe * self.simd, style=self.weight_style)
        m.submodules.starts = starts = Rom(
            words=self.starts, width=self.pe * self.width, style=self.start_style)
        m.d.comb += [
            weights.addr.eq(index),
            starts.addr.eq(delayed(m, group, counted - 1, "group")),
        ]
        first = delayed(m, word == 0, counted, "first") if self.sf > 1 else Const(1)
        enable = delayed(m, step, counted, "step")
        m.d.comb += queue.write.eq(delayed(m, step & last, counted + 1, "last"))
        results: list[Value] = []
        for r in range(self.pe):
            pe = ProcessingElement(simd=self.simd, width=self.width, levels=self.levels,
                                   coefficient=self.coefficient,
                                   product_register=self.product_register)
            prefix_ports(pe, f"pe{r}")
            m.submodules[f"pe{r}"] = pe
            m.d.comb += [
                pe.a.eq(a),
                pe.w.eq(weights.data.word_select(r, self.simd)),
                pe.start.eq(starts.data.word_select(r, self.width)),
                pe.first.eq(first),
                pe.enable.eq(enable),
            ]
            results.append(~pe.acc[-1] if self.threshold else pe.acc)
        m.d.comb += queue.word.eq(Cat(results))
        return m

    def _queue(self, m: Module) -> CreditQueue:
        queue = CreditQueue(width=len(self.o.payload), depth=self.queue_depth)
        prefix_ports(queue, "queue")
        m.submodules.queue = queue
        m.d.comb += [
            self.o.valid.eq(queue.o.valid),
            self.o.payload.eq(queue.o.payload),
            queue.o.ready.eq(self.o.ready),
        ]
        return queue

    def _issue(self, m: Module, step: Signal, a: Signal, room: Value) -> None:
        """Decide on a step; ``a`` is its input word one cycle later."""
        if self.nf == 1:
            m.d.comb += [self.i.ready.eq(room), step.eq(self.i.valid & room)]
            m.d.sync += a.eq(self.i.payload)
            return
        replay = ReplayBuffer(width=self.simd, words=self.sf, repeats=self.nf)
        prefix_ports(replay, "replay")
        m.submodules.replay = replay
        m.d.comb += [
            replay.i.valid.eq(self.i.valid),
            replay.i.payload.eq(self.i.payload),
            self.i.ready.eq(replay.i.ready),
            step.eq(replay.available & room),
            replay.read.eq(step),
            a.eq(replay.data),
        ]

    def _counters(self, m: Module, step: Signal) -> tuple[Signal, Signal, Signal]:
        """Count words of the vector, row groups, and steps of the whole frame."""
        word = Signal(range(self.sf))
        group = Signal(range(self.nf))
        index = Signal(range(self.sf * self.nf))
        with m.If(step):
            with m.If(index == self.sf * self.nf - 1):
                m.d.sync += index.eq(0)
            with m.Else():
                m.d.sync += index.eq(index + 1)
            with m.If(word != self.sf - 1):
                m.d.sync += word.eq(word + 1)
            with m.Else():
                m.d.sync += word.eq(0)
                with m.If(group == self.nf - 1):
                    m.d.sync += group.eq(0)
                with m.Else():
                    m.d.sync += group.eq(group + 1)
        return word, group, index
