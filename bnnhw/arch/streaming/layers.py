"""Lowers layers: determines which hardware units each kind of layer becomes.

A new kind of layer registers one function with ``@lowers``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bnnhw.arch.streaming.builder import Builder
from bnnhw.arch.streaming.products import build_product
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.unit import Unit
from bnnhw.dataflow.units import (
    AddParams,
    ConcatParams,
    ConverterParams,
    FifoParams,
    SelectParams,
)
from bnnhw.dataflow.units.affine import affine_params
from bnnhw.dataflow.units.argmax import argmax_params
from bnnhw.dataflow.units.crop import crop_params
from bnnhw.dataflow.units.divide import divide_params
from bnnhw.dataflow.units.multiply import multiply_params
from bnnhw.dataflow.units.pool import pool_params
from bnnhw.dataflow.units.prelu import prelu_params
from bnnhw.dataflow.units.sliding_window import (
    depth_to_space_params,
    pad_words,
    upsample_params,
    window_params,
)
from bnnhw.dataflow.units.threshold import threshold_params
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats
from bnnhw.ir import Int, Window
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    AveragePool,
    Binarize,
    Concat,
    Conv,
    Crop,
    Dense,
    DepthToSpace,
    Divide,
    Flatten,
    Join,
    Layer,
    MaxPool,
    Multiply,
    PixelShuffle,
    Pool,
    PRelu,
    Select,
    SpaceToDepth,
    SumPool,
    Threshold,
    Upsample,
)

__all__ = ["check_lowering", "lower", "lowers"]

Lowering = Callable[[Builder, Any], None]

_LOWERINGS: dict[type[Layer], Lowering] = {}


def lowers(*kinds: type[Layer]) -> Callable[[Lowering], Lowering]:
    """Register the function that appends the units of these classes of layers to a ``Builder``."""
    def register(function: Lowering) -> Lowering:
        _LOWERINGS.update(dict.fromkeys(kinds, function))
        return function
    return register


def check_lowering(layer: Layer, arch: str) -> None:
    """Raise ``PlanError`` if the kind of a layer has no lowering; ``arch`` is for the message."""
    if type(layer) not in _LOWERINGS:
        raise PlanError(f"architecture '{arch}' has no lowering for layers of kind '{layer.kind}'",
                        where=f"layer '{layer.name}'",
                        hint="register one with @lowers of bnnhw.arch.streaming.layers")


def lower(builder: Builder, layer: Layer) -> None:
    """Append the units of a layer that ``check_lowering`` has accepted."""
    _LOWERINGS[type(layer)](builder, layer)


lowers(Conv, Dense)(build_product)


def _reduce(b: Builder, layer: Pool, name: str) -> Unit:
    """Add the window of a pool where it needs one, and the unit that reduces its taps."""
    height, width, channels = layer.input.map
    out_h, out_w, _ = layer.out_type().map
    window_words = out_h * out_w * layer.window.taps / (height * width)
    lanes = b.lanes(layer.source, 1 if layer.covers_map else max(window_words, 1))
    source, stream = b.want(layer.source, layer.name, channels, lanes)
    if not layer.covers_map:
        fill = layer.fill if isinstance(layer, MaxPool) else np.zeros((1, 1, 1), dtype=np.int64)
        pad = pad_words(fill, channels, stream, layer.window)
        window = b.add(f"{layer.name}_swu", None, (source,),
                       window_params(stream, layer.window, (height, width), pad))
        source, stream = window.name, window.o
    return b.add(name, layer.name, (source,), pool_params(layer, stream))


@lowers(MaxPool, SumPool)
def _pool(b: Builder, layer: Pool) -> None:
    b.provide(layer.name, _reduce(b, layer, layer.name))


@lowers(AveragePool)
def _average_pool(b: Builder, layer: AveragePool) -> None:
    sums = _reduce(b, layer, f"{layer.name}_sums")
    out = layer.out_type().element
    assert isinstance(out, Int)
    b.provide(layer.name, b.add(layer.name, layer.name, (sums.name,), divide_params(
        layer.division, sums.o, layer.sum_element, out)))


@lowers(Divide)
def _divide(b: Builder, layer: Divide) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    element, out = layer.input.element, layer.out_type().element
    assert isinstance(out, Int)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), divide_params(
        layer.division, stream, Int(element.lo, element.hi), out)))


@lowers(Crop)
def _crop(b: Builder, layer: Crop) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), crop_params(layer, stream)))


def _convert(b: Builder, name: str, source: str, stream: StreamPlan,
             wanted: StreamPlan) -> tuple[str, StreamPlan]:
    """Regroup the words of a stream inside the lowering of a layer."""
    if stream.same_words(wanted):
        return source, wanted
    return b.add(name, None, (source,), ConverterParams(stream, wanted)).name, wanted


def _shuffle_lanes(b: Builder, layer: PixelShuffle, channels: int, pixels: int) -> int:
    """Lanes of a shuffled stream of ``pixels`` pixels: no word spans two of them."""
    least = min(b.lanes(layer.source), channels)
    return next((n for n in range(least, channels)
                 if pixels * beats(channels, n) <= b.target_cycles), channels)


@lowers(DepthToSpace)
def _depth_to_space(b: Builder, layer: DepthToSpace) -> None:
    (height, width, deep), (rows, columns, channels) = layer.input.map, layer.out_type().map
    lanes = _shuffle_lanes(b, layer, channels, rows * columns)
    if layer.reorders and lanes > 1:  # wires reorder entire pixels
        source, stream = b.want(layer.source, layer.name, deep, deep)
        source = b.add(f"{layer.name}_order", layer.name, (source,),
                       SelectParams(stream, stream)).name
        small = replace(stream, elements=channels, lanes=lanes, groups=rows * columns)
        source, stream = _convert(b, f"{layer.name}_pixels", source, stream, small)
        params = depth_to_space_params(stream, (height, width), layer.factors)
    else:  # elements that arrive one by one are read in any order
        source, stream = b.want(layer.source, layer.name, channels, lanes)
        params = depth_to_space_params(stream, (height, width), layer.factors, layer.reorders)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), params))


@lowers(SpaceToDepth)
def _space_to_depth(b: Builder, layer: SpaceToDepth) -> None:
    (height, width, channels), (rows, columns, deep) = layer.input.map, layer.out_type().map
    lanes = _shuffle_lanes(b, layer, channels, height * width)
    source, stream = b.want(layer.source, layer.name, channels, lanes)
    wires = layer.reorders and lanes > 1
    params = window_params(stream, Window(layer.factors, layer.factors), (height, width), None,
                           channel_outer=layer.reorders and not wires)
    if not wires:
        b.provide(layer.name, b.add(layer.name, layer.name, (source,), params))
        return
    window = b.add(f"{layer.name}_swu", None, (source,), params)
    pixel = replace(stream, elements=deep, lanes=deep, groups=rows * columns)
    source, stream = _convert(b, f"{layer.name}_pixels", window.name, window.o, pixel)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), SelectParams(stream, stream)))


@lowers(Affine)
def _affine(b: Builder, layer: Affine) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), affine_params(layer, stream)))


@lowers(PRelu)
def _prelu(b: Builder, layer: PRelu) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), prelu_params(layer, stream)))


@lowers(Threshold)
def _threshold(b: Builder, layer: Threshold) -> None:
    source, stream = b.want(layer.source, layer.name, layer.input.channels, b.lanes(layer.source))
    assert isinstance(layer.input.element, Int)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), threshold_params(
        layer, stream, layer.input.element, b.device)))


@lowers(Upsample)
def _upsample(b: Builder, layer: Upsample) -> None:
    height, width, channels = layer.input.map
    lanes = b.lanes(layer.source, math.prod(layer.factors))
    source, stream = b.want(layer.source, layer.name, channels, lanes)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,),
                                upsample_params(stream, (height, width), layer.factors)))


@lowers(Select)
def _select(b: Builder, layer: Select) -> None:
    channels = layer.input.channels
    source, stream = b.want(layer.source, layer.name, channels, channels)
    count = len(layer.channels)
    o = StreamPlan(count, count, stream.width, stream.signed, stream.groups)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,), SelectParams(stream, o)))


def _queued(b: Builder, layer: Join, port: int, channels: int,
            lanes: int) -> tuple[str, StreamPlan]:
    """One input of a join, with a FIFO for words that wait for the other input."""
    reader = f"{layer.name}_{'ab'[port]}"
    source, stream = b.want(layer.sources[port], reader, channels, lanes)
    return b.add(f"{reader}_fifo", None, (source,), FifoParams(stream, stream)).name, stream


@lowers(Add)
def _add(b: Builder, layer: Add) -> None:
    channels = layer.input.channels
    lanes = max(b.lanes(source) for source in layer.sources)
    if layer.limits is not None and not layer.limits[0] <= 0 <= layer.limits[1]:
        lanes = channels  # saturation would make the unused lanes of the last word nonzero
    (first, i0), (second, i1) = (_queued(b, layer, port, channels, lanes) for port in (0, 1))
    element = layer.out_type().element
    o = StreamPlan(channels, lanes, element.width, element.signed, i0.groups)
    b.provide(layer.name, b.add(layer.name, layer.name, (first, second), AddParams(i0, o, i1)))


@lowers(Concat)
def _concat(b: Builder, layer: Concat) -> None:
    counts = [type_.channels for type_ in layer.inputs]
    (first, i0), (second, i1) = (_queued(b, layer, port, counts[port], counts[port])
                                 for port in (0, 1))
    element = layer.out_type().element
    o = StreamPlan(sum(counts), sum(counts), element.width, element.signed, i0.groups)
    b.provide(layer.name, b.add(layer.name, layer.name, (first, second), ConcatParams(i0, o, i1)))


@lowers(Multiply)
def _multiply(b: Builder, layer: Multiply) -> None:
    (height, width, channels), limits = layer.map_type.map, layer.division.limits
    maps = [port for port, type_ in enumerate(layer.inputs)
            if type_.shape == layer.map_type.shape]
    lanes = max(b.lanes(layer.sources[port]) for port in maps)
    if limits is not None and not limits[0] <= 0 <= limits[1]:
        lanes = channels  # saturation would make the unused lanes of the last word nonzero
    inputs = []
    for port in (0, 1):
        if port in maps:
            inputs.append(_queued(b, layer, port, channels, lanes))
            continue
        reader = f"{layer.name}_{'ab'[port]}"
        source, stream = b.want(layer.sources[port], reader, channels, lanes)
        repeated = b.add(f"{reader}_repeat", None, (source,),
                         upsample_params(stream, (1, 1), (height, width)))
        inputs.append((repeated.name, repeated.o))
    (first, i0), (second, i1) = inputs
    b.provide(layer.name, b.add(layer.name, layer.name, (first, second),
                                multiply_params(layer, i0, i1)))


@lowers(ArgMax)
def _argmax(b: Builder, layer: ArgMax) -> None:
    lanes = b.lanes(layer.source)
    source, stream = b.want(layer.source, layer.name, layer.input.channels, lanes)
    b.provide(layer.name, b.add(layer.name, layer.name, (source,),
                                argmax_params(stream, layer.name in b.forwarding)))


@lowers(Binarize, Flatten)
def _no_units(b: Builder, layer: Layer) -> None:
    """Make no unit: the layer is another view of its input stream."""
