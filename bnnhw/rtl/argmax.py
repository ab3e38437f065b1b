"""The label: index of the largest score, the lowest index on a tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.delay import delayed
from bnnhw.rtl.frame import rest_of_frame, words_of_frame
from bnnhw.rtl.queue import CreditQueue, attach_queue
from bnnhw.rtl.shared import SharedComponent

__all__ = ["ArgMaxUnit"]


@dataclass(frozen=True)
class _Best:
    present: Value
    value: Value
    index: Value


class ArgMaxUnit(SharedComponent):
    """Find the largest score of a frame, one word of scores each cycle.

    Latency: ``LATENCY`` cycles from accepting a word to ``o.valid``.

    Parameters
    ----------
    elements : int
        Scores a frame.
    lanes : int
        Scores a word.
    score : (int, bool)
        Width and signedness of a score.
    forward : bool
        True: every word comes out again, the label above its scores (it is the label of the frame
        in the last word only). False: one word a frame, the label.

    Members
    -------
    i : In(stream of lanes scores)
    o : Out(stream)
    """

    LATENCY = 3 + CreditQueue.LATENCY
    QUEUE_WORDS = LATENCY + 1

    def __init__(self, *, elements: int, lanes: int, score: tuple[int, bool],
                 forward: bool) -> None:
        if elements < 1 or lanes < 1:
            raise ValueError("elements and lanes must be positive")
        self.elements, self.lanes, self.score, self.forward = elements, lanes, score, forward
        self.label_width = self.index_width(elements)
        scores = lanes * score[0]
        super().__init__({
            "i": In(stream.Signature(scores)),
            "o": Out(stream.Signature(self.label_width + (scores if forward else 0))),
        })

    @staticmethod
    def index_width(elements: int) -> int:
        """Bits of a label."""
        return max(1, (elements - 1).bit_length())

    @property
    def module_name(self) -> str:
        sign = "s" if self.score[1] else "u"
        tail = "_forward" if self.forward else ""
        return f"bnnhw_argmax_{self.elements}_lanes{self.lanes}_{sign}{self.score[0]}{tail}"

    def body(self, platform: Any) -> Module:
        m = Module()
        queue = attach_queue(m, self, self.QUEUE_WORDS)
        words = words_of_frame(self.elements, self.lanes)
        step = Signal()
        first = Signal()
        last = Signal()
        emit = Signal()
        word = Signal(range(words))
        base = Signal(self.label_width)
        m.d.comb += [
            first.eq(word == 0),
            last.eq(word == words - 1),
            emit.eq(1 if self.forward else last),
            self.i.ready.eq(queue.free | ~emit),
            step.eq(self.i.valid & self.i.ready),
            queue.reserve.eq(step & emit),
            queue.write.eq(delayed(m, step & emit, 3, "emit")),
        ]
        with m.If(step):
            m.d.sync += [
                word.eq(Mux(last, 0, word + 1)),
                base.eq(Mux(last, 0, base + self.lanes)),
            ]
        label = self._search(m, step, first, last, base)
        if self.forward:
            m.d.comb += queue.word.eq(Cat(delayed(m, self.i.payload, 3, "scores"), label))
        else:
            m.d.comb += queue.word.eq(label)
        return m

    def _search(self, m: Module, step: Signal, first: Signal, last: Signal,
                base: Signal) -> Signal:
        """Two registered comparisons: within the word, then against the words before it."""
        shape = signed(self.score[0]) if self.score[1] else unsigned(self.score[0])
        scores = delayed(m, self.i.payload, 1, "word")
        in_word = self._best_of_word(m, scores, delayed(m, last, 1, "last"))
        word_value = Signal(shape)
        word_index = Signal(self.label_width)
        m.d.sync += [
            word_value.eq(in_word.value),
            word_index.eq(delayed(m, base, 1, "base") + in_word.index),
        ]
        best_value = Signal(shape)
        best_index = Signal(self.label_width)
        better = Signal()
        m.d.comb += better.eq(delayed(m, first, 2, "first") | (word_value > best_value))
        with m.If(delayed(m, step, 2, "step") & better):
            m.d.sync += [best_value.eq(word_value), best_index.eq(word_index)]
        return best_index

    def _best_of_word(self, m: Module, scores: Value, last: Value) -> _Best:
        width, is_signed = self.score
        rest = rest_of_frame(self.elements, self.lanes)
        nodes = []
        for k in range(self.lanes):
            value = scores.word_select(k, width)
            nodes.append(_Best(Const(1) if k < rest else ~last,
                               value.as_signed() if is_signed else value,
                               Const(k, self.label_width)))
        level = 0
        while len(nodes) > 1:
            level += 1
            pairs = [self._larger(m, nodes[k], nodes[k + 1], f"{level}_{k // 2}")
                     for k in range(0, len(nodes) - 1, 2)]
            nodes = pairs + nodes[len(pairs) * 2:]
        return nodes[0]

    def _larger(self, m: Module, left: _Best, right: _Best, name: str) -> _Best:
        """The left one wins a tie: its index is lower. Lanes are absent from the right only."""
        take_right = Signal(name=f"right{name}")
        value = Signal(left.value.shape(), name=f"value{name}")
        index = Signal(self.label_width, name=f"index{name}")
        m.d.comb += [
            take_right.eq(right.present & (right.value > left.value)),
            value.eq(Mux(take_right, right.value, left.value)),
            index.eq(Mux(take_right, right.index, left.index)),
        ]
        return _Best(left.present, value, index)
