"""The units of every other layer. A new kind is a function and one entry in ``BUILDERS``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bnnhw.arch.streaming.builder import Builder
from bnnhw.arch.streaming.products import build_product
from bnnhw.arch.streaming.units import AddPlan, ConcatPlan, FifoPlan, SelectPlan
from bnnhw.arch.streaming.units.affine import plan_affine
from bnnhw.arch.streaming.units.argmax import plan_argmax
from bnnhw.arch.streaming.units.reduce import plan_reduce
from bnnhw.arch.streaming.units.threshold import plan_threshold
from bnnhw.arch.streaming.units.window import pad_words, plan_upsample, plan_window
from bnnhw.ir import Int
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    Concat,
    Layer,
    MaxPool,
    Pool,
    Select,
    Threshold,
    Upsample,
)
from bnnhw.plan import StreamPlan

__all__ = ["BUILDERS"]


def _pool(b: Builder, layer: Pool) -> None:
    height, width, channels = layer.input.map
    out_h, out_w, _ = layer.out_type().map
    made = out_h * out_w * layer.window.taps / (height * width)
    lanes = b.lanes(layer.source, 1 if layer.whole_map else max(made, 1))
    source, stream = b.want(layer.source, layer.name, channels, lanes)
    if not layer.whole_map:
        fill = layer.fill if isinstance(layer, MaxPool) else np.zeros((1, 1, 1), dtype=np.int64)
        pad = pad_words(fill, channels, stream, layer.window)
        window = b.add(plan_window(f"{layer.name}_swu", None, source, stream, layer.window, height,
                                   width, pad, channel_outer=False))
        source, stream = window.name, window.o
    b.provide(layer.name, b.add(plan_reduce(layer, source, stream)))


def _affine(b: Builder, layer: Affine) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    b.provide(layer.name, b.add(plan_affine(layer, source, stream)))


def _threshold(b: Builder, layer: Threshold) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    assert isinstance(layer.input.element, Int)
    b.provide(layer.name, b.add(plan_threshold(layer, layer.name, source, stream,
                                               layer.input.element)))


def _upsample(b: Builder, layer: Upsample) -> None:
    height, width, channels = layer.input.map
    lanes = b.lanes(layer.source, math.prod(layer.factors))
    source, stream = b.want(layer.source, layer.name, channels, lanes)
    b.provide(layer.name, b.add(plan_upsample(layer.name, source, stream, height, width,
                                              layer.factors)))


def _select(b: Builder, layer: Select) -> None:
    channels = layer.input.channels
    source, stream = b.want(layer.source, layer.name, channels, channels)
    count = len(layer.channels)
    o = StreamPlan(count, count, stream.width, stream.signed, stream.groups)
    b.provide(layer.name, b.add(SelectPlan(layer.name, layer.name, (source,), stream, o)))


def _queued(b: Builder, layer: Add | Concat, port: int, channels: int,
            lanes: int) -> tuple[str, StreamPlan]:
    """One input of a join, with a queue for words that wait for the other one."""
    reader = f"{layer.name}_{'ab'[port]}"
    source, stream = b.want(layer.sources[port], reader, channels, lanes)
    return b.add(FifoPlan(f"{reader}_fifo", None, (source,), stream, stream)).name, stream


def _add(b: Builder, layer: Add) -> None:
    channels = layer.input.channels
    lanes = max(b.lanes(source) for source in layer.sources)
    if layer.limits is not None and not layer.limits[0] <= 0 <= layer.limits[1]:
        lanes = channels  # lanes beyond the channels would not stay 0
    (first, i0), (second, i1) = (_queued(b, layer, port, channels, lanes) for port in (0, 1))
    element = layer.out_type().element
    o = StreamPlan(channels, lanes, element.width, element.signed, i0.groups)
    b.provide(layer.name, b.add(AddPlan(layer.name, layer.name, (first, second), i0, o, i1)))


def _concat(b: Builder, layer: Concat) -> None:
    counts = [type_.channels for type_ in layer.inputs]
    (first, i0), (second, i1) = (_queued(b, layer, port, counts[port], counts[port])
                                 for port in (0, 1))
    element = layer.out_type().element
    o = StreamPlan(sum(counts), sum(counts), element.width, element.signed, i0.groups)
    b.provide(layer.name, b.add(ConcatPlan(layer.name, layer.name, (first, second), i0, o, i1)))


def _argmax(b: Builder, layer: ArgMax) -> None:
    lanes = b.lanes(layer.source)
    source, stream = b.want(layer.source, layer.name, layer.input.channels, lanes)
    forward = layer.name in b.forwarding
    b.provide(layer.name, b.add(plan_argmax(layer, source, stream, forward)))


def _same_stream(b: Builder, layer: Layer) -> None:
    """The layer is another view of the stream in front of it."""


BUILDERS: dict[str, Callable[[Builder, Any], None]] = {
    "add": _add, "affine": _affine, "argmax": _argmax, "binarize": _same_stream,
    "concat": _concat, "conv": build_product, "dense": build_product, "flatten": _same_stream,
    "max_pool": _pool, "select": _select, "sum_pool": _pool, "threshold": _threshold,
    "upsample": _upsample,
}
