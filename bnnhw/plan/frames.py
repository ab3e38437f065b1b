"""Converts samples to input words and output words to outputs, in the layout of a Plan."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.golden.layout import stream_values, stream_words
from bnnhw.ir import Graph
from bnnhw.plan.model import FieldPlan

__all__ = ["FrameLayout", "decode_frames", "encode_frames"]


class FrameLayout(Protocol):
    """The parts of a Plan that words depend on: its first and last stream, and the outputs."""

    @property
    def i(self) -> StreamPlan: ...

    @property
    def o(self) -> StreamPlan: ...

    @property
    def fields(self) -> tuple[FieldPlan, ...]: ...


def encode_frames(plan: FrameLayout, graph: Graph, x: np.ndarray) -> np.ndarray:
    """Pack samples ``x [n, *graph.input.shape]`` as words: uint8 ``[n * words, bytes]``."""
    values = graph.accept_input(x).reshape(len(x) * plan.i.groups, -1)
    return stream_words(values, plan.i.lanes, plan.i.width).reshape(-1, plan.i.bytes)


def decode_frames(plan: FrameLayout, graph: Graph, words: np.ndarray) -> dict[str, np.ndarray]:
    """Unpack words ``[n * words, bytes]`` into outputs: int64 arrays, shaped as in golden."""
    frames = words.reshape(-1, plan.o.words, plan.o.bytes)
    types = graph.output_types()
    outputs = {}
    for f in plan.fields:
        part = frames[:, f.first_word:f.first_word + f.words]
        part = part.reshape(len(frames) * f.groups, -1, plan.o.bytes)
        if f.last_only:
            part = part[:, -1:]
        values = stream_values(part, f.elements, f.lanes, f.width, f.signed, f.first_bit)
        outputs[f.name] = values.reshape(len(frames), *types[f.name].shape)
    return outputs
