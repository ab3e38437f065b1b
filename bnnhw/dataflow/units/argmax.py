"""Argmax unit: the index of the largest score of a vector or pixel, the lowest one on a tie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned

from bnnhw.dataflow.component import UnitComponent
from bnnhw.dataflow.params import LabelParams, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.rtl.delay import delayed
from bnnhw.rtl.queue import attach_queue

__all__ = ["ArgMaxParams", "ArgMaxUnit", "argmax_params"]


@register_unit
@dataclass(frozen=True)
class ArgMaxParams(PipelineParams[None], LabelParams[None]):
    """A search for the largest score of each group: of a vector, or of a pixel of a map.

    With ``forward`` every word leaves again, the label above its scores; it is the label of the
    entire group in its last word only. Otherwise the unit emits one word per group, the label.
    """

    kind: ClassVar[str] = "argmax"

    @property
    def registers(self) -> int:
        return 3  # the input word, the best score of the word, the best of the group

    @property
    def scores(self) -> StreamPlan:
        return self.i

    @property
    def label_width(self) -> int:
        """Bits of a label."""
        return max(1, (self.i.elements - 1).bit_length())

    def compute(self, *words: np.ndarray, constants: None = None) -> np.ndarray:
        values = self.i.from_words(words[0])
        if not self.forward:
            return np.asarray(values.argmax(axis=2)[:, :, None])
        # The label of a word before the last one is that of the group up to this word.
        ends = np.minimum((np.arange(self.i.group_words) + 1) * self.i.lanes, self.i.elements)
        labels = np.array([[int(group[:end].argmax()) << self.i.bits
                            for group in frame for end in ends]
                           for frame in values], dtype=object)
        packed = np.array(self.i.pack(words[0]), dtype=object)
        return (packed.reshape(labels.shape) | labels)[:, :, None]

    def create(self, constants: None = None, module_name: str = "unit") -> ArgMaxUnit:
        return ArgMaxUnit(self)

    def features(self) -> dict[str, float]:
        # Scores of a word are compared in a tree, then the best one with that of the words before.
        return {"unit": 1, "compare": self.i.width, "label": self.label_width,
                "tree": (self.i.lanes - 1) * self.i.width,
                "chosen": (self.i.lanes - 1) * self.label_width,
                "scores": self.i.bits if self.forward else 0}


def argmax_params(i: StreamPlan, forward: bool) -> ArgMaxParams:
    """Describe the labels of the score stream ``i``, one for each of its groups.

    The output stream has one element per word, as wide as the label and the scores together; the
    fields of the manifest say which bits are which.
    """
    label = ArgMaxParams(i, i, forward=forward).label_width
    words, width = (i.group_words, i.bits + label) if forward else (1, label)
    return ArgMaxParams(i, StreamPlan(words, 1, width, groups=i.groups), forward=forward)


@dataclass(frozen=True)
class _Best:
    present: Value
    value: Value
    index: Value


class ArgMaxUnit(UnitComponent[ArgMaxParams]):
    """Finds the largest score of each group, one word of scores per cycle."""

    @property
    def label_width(self) -> int:
        return self.params.label_width

    @property
    def module_name(self) -> str:
        i = self.params.i
        sign = "s" if i.signed else "u"
        tail = "_forward" if self.params.forward else ""
        return f"bnnhw_argmax_{i.elements}_lanes{i.lanes}_{sign}{i.width}{tail}"

    def body(self, platform: object) -> Module:
        m, p = Module(), self.params
        queue = attach_queue(m, self, p.queue_depth)
        words = p.i.group_words
        step = Signal()
        first = Signal()
        last = Signal()
        emit = Signal()
        word = Signal(range(words))
        base = Signal(self.label_width)
        m.d.comb += [
            first.eq(word == 0),
            last.eq(word == words - 1),
            emit.eq(1 if p.forward else last),
            self.i.ready.eq(queue.free | ~emit),
            step.eq(self.i.valid & self.i.ready),
            queue.reserve.eq(step & emit),
            queue.write.eq(delayed(m, step & emit, p.registers, "emit")),
        ]
        with m.If(step):
            m.d.sync += [
                word.eq(Mux(last, 0, word + 1)),
                base.eq(Mux(last, 0, base + p.i.lanes)),
            ]
        label = self._search(m, step, first, last, base)
        if p.forward:
            m.d.comb += queue.word.eq(Cat(delayed(m, self.i.payload, p.registers, "scores"), label))
        else:
            m.d.comb += queue.word.eq(label)
        return m

    def _search(self, m: Module, step: Signal, first: Signal, last: Signal,
                base: Signal) -> Signal:
        """Compare within the word, then with the words before it; each result is registered."""
        scores_in = self.params.i
        shape = signed(scores_in.width) if scores_in.signed else unsigned(scores_in.width)
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
        width, is_signed = self.params.i.width, self.params.i.signed
        nodes = []
        for k in range(self.params.i.lanes):
            value = scores.word_select(k, width)
            nodes.append(_Best(Const(1) if k < self.params.i.last_lanes else ~last,
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
        """Compare two nodes; on a tie the left one wins, because its index is lower.

        Only the right one can be absent.
        """
        take_right = Signal(name=f"right{name}")
        value = Signal(left.value.shape(), name=f"value{name}")
        index = Signal(self.label_width, name=f"index{name}")
        m.d.comb += [
            take_right.eq(right.present & (right.value > left.value)),
            value.eq(Mux(take_right, right.value, left.value)),
            index.eq(Mux(take_right, right.index, left.index)),
        ]
        return _Best(left.present, value, index)
