"""Translates max-pools, averages and nearest-neighbour upsampling into layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.layer_list import LayerList
from bnnhw.importers.onnx.layout import as_map, channels_first, check_size
from bnnhw.importers.onnx.model_file import Attributes, attributes, node_label
from bnnhw.importers.onnx.stored_integers import as_stored
from bnnhw.importers.onnx.threshold_search import searchable
from bnnhw.importers.onnx.window import node_window
from bnnhw.ir import Window
from bnnhw.layers import MaxPool, SumPool, Upsample

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["average_pool", "global_average", "max_pool", "resize"]


def max_pool(layers: LayerList, node: NodeProto, chain: Chain) -> Chain:
    """Translate MaxPool; on falling channels the smallest integer is the largest value."""
    label = node_label(node)
    if chain.quantised:
        chain = as_stored(layers, chain, label)
    chain = as_map(layers, chain, label)
    window = node_window(node, chain, _kernel(node))
    layer = MaxPool(layers.node_name(node), chain.source, chain.type, window,
                    _falls(chain).astype(np.uint8))
    type_ = layers.add(layer)
    return replace(chain, source=layer.name, type=type_, index=channels_first(type_))


def _falls(chain: Chain) -> np.ndarray:
    """Return the channels whose values fall while the integers rise; none may do both."""
    if not chain.nodes:
        return np.asarray(chain.slope < 0)
    if searchable(chain):
        every = np.arange(chain.channels)
        lowest, highest = (chain.at(every, every * 0 + k)[0] for k in (0, chain.count - 1))
        return np.asarray(highest < lowest)
    falls = np.zeros(chain.channels, dtype=np.bool_)
    for part in chain.parts():
        change = np.diff(chain.evaluate(np.float32, part)[0], axis=0)
        down, up = (change < 0).any(axis=0), (change > 0).any(axis=0)
        if (down & up).any():
            raise ModelError(f"channel {part.start + int(np.argmax(down & up))} rises and falls, "
                             "so its largest value is not at the largest or smallest sum",
                             where=chain.last_label, hint="train with the pool after the quantiser")
        falls[part] = down
    return falls


def average_pool(layers: LayerList, node: NodeProto, chain: Chain) -> Chain:
    """Translate AveragePool into a sum, with the division in the scale of its result."""
    label = node_label(node)
    chain = as_map(layers, as_stored(layers, chain, label), label)
    window = node_window(node, chain, _kernel(node))
    if window.padded and (not attributes(node).get("count_include_pad") or chain.base.any()
                          or chain.bipolar):
        raise ModelError("averages over the padding at the border",
                         where=label, hint="train with a pool without pads")
    return _average(layers, node, chain, window)


def global_average(layers: LayerList, node: NodeProto, chain: Chain,
                   inputs: Sequence[object]) -> Chain:
    """Translate GlobalAveragePool, and ReduceMean over all rows and columns."""
    label = node_label(node)
    if node.op_type == "ReduceMean":
        options = attributes(node)
        axes = options.get("axes", inputs[1] if len(inputs) > 1 else None)
        found = sorted(int(a) % len(chain.shape) for a in np.ravel(axes)) if axes is not None \
            else []
        last = found == list(range(1, len(chain.shape) - 1))
        if len(chain.shape) < 3 or not (last or found == list(range(2, len(chain.shape)))):
            raise ModelError(f"averages the axes {found}, expected all rows and columns",
                             where=label)
        if last:
            chain = replace(chain, index=np.moveaxis(chain.index, -1, 1))
        chain = _average_all(layers, node, chain)
        shape = np.moveaxis(chain.index, 1, -1) if last else chain.index
        keep = options.get("keepdims", 1)
        return replace(chain, index=shape if keep else shape.reshape(1, -1))
    return _average_all(layers, node, chain)


def _average_all(layers: LayerList, node: NodeProto, chain: Chain) -> Chain:
    label = node_label(node)
    chain = as_map(layers, as_stored(layers, chain, label), label)
    if len(chain.type.shape) == 1:
        return chain
    height, width, _ = chain.type.map
    return _average(layers, node, chain, Window((height, width), (height, width)))


def _average(layers: LayerList, node: NodeProto, chain: Chain, window: Window) -> Chain:
    layer = SumPool(layers.node_name(node), chain.source, chain.type, window)
    type_ = layers.add(layer)
    taps = window.taps
    start, step, slope, base = chain.start, chain.step, chain.slope, chain.base
    if chain.bipolar:  # the pool counts ones: -1 and +1 become 0 and 1
        start, step, slope, base = np.zeros_like(start), 1, 2 * slope, base - slope
    count = taps * (chain.count - 1) + 1
    first = taps * start
    if window.padded:  # pixels outside the map add 0, even if 0 is not attainable inside
        low = taps * np.minimum(start, 0)
        high = taps * np.maximum(start + step * (chain.count - 1), 0)
        first, step, count = low, 1, int((high - low).max()) + 1
    largest = np.maximum(np.abs(slope * start + base),
                         np.abs(slope * (start + step * (chain.count - 1)) + base))
    halves = base / np.where(slope == 0, 1.0, slope) * 2
    exact = chain.error is None and math.frexp(taps)[0] == 0.5 and bool(
        (np.frexp(np.abs(slope))[0] == 0.5).all() and (halves == np.round(halves)).all())
    error = None if exact else largest * taps * 2.0 ** -23 + (
        0 if chain.error is None else chain.error)
    return replace(chain, source=layer.name, type=type_, index=channels_first(type_), start=first,
                   step=step, count=count, slope=slope / taps, base=base, error=error,
                   exact_points=None)


def _kernel(node: NodeProto) -> list[int]:
    kernel = attributes(node).get("kernel_shape")
    if kernel is None:
        raise ModelError("has no kernel_shape", where=node_label(node))
    return [int(k) for k in kernel]


def resize(layers: LayerList, node: NodeProto, chain: Chain, inputs: Sequence[object],
           opset: int) -> Chain:
    """Translate Resize and Upsample to the nearest pixel by integer factors."""
    label, options = node_label(node), attributes(node)
    if options.get("mode", "nearest") != "nearest":
        raise ModelError(f"has mode {options['mode']}, expected nearest", where=label)
    if options.get("axes") is not None:
        raise ModelError("has the attribute 'axes', which is not supported", where=label,
                         hint="give a scale for each axis")
    if chain.quantised:
        chain = as_stored(layers, chain, label)
    chain = as_map(layers, chain, label)
    position = 1 if node.op_type == "Upsample" or opset < 11 else 2
    scales = inputs[position] if len(inputs) > position else None
    sizes = inputs[3] if len(inputs) > 3 else None
    if isinstance(sizes, np.ndarray) and sizes.shape == (len(chain.shape),):
        scales = sizes / np.array(chain.shape)
    if not isinstance(scales, np.ndarray) or scales.shape != (len(chain.shape),):
        raise ModelError("has no constant scale for each axis", where=label)
    factors = [int(f) if float(f) == int(f) else 0 for f in scales]
    if min(factors) < 1 or factors[:2] != [1, 1] or len(factors) < 3:
        raise ModelError(f"has the scales {scales.tolist()}, expected 1, 1 and integers",
                         where=label)
    check_size(tuple(n * f for n, f in zip(chain.shape, factors, strict=True)), label)
    for n, f in zip(chain.shape[2:], factors[2:], strict=True):
        if not np.array_equal(_nearest(options, n, f, node, opset), np.arange(n * f) // f):
            raise ModelError("does not repeat each pixel", where=label,
                             hint="train with coordinate_transformation_mode = asymmetric and "
                             "nearest_mode = floor")
    layer = Upsample(layers.node_name(node), chain.source, chain.type,
                     (factors[2], factors[3] if len(factors) > 3 else 1))
    type_ = layers.add(layer)
    return replace(chain, source=layer.name, type=type_, index=channels_first(type_))


def _nearest(options: Attributes, size: int, factor: int, node: NodeProto,
             opset: int) -> np.ndarray:
    """Return the input pixel of each output pixel of one axis, by the formulas of ONNX."""
    position = np.arange(size * factor, dtype=np.float64)
    modern = node.op_type == "Resize" and opset >= 11
    mode = options.get("coordinate_transformation_mode", "half_pixel") if modern else "asymmetric"
    if mode in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric") and size * factor > 1:
        position = (position + 0.5) / factor - 0.5
    elif mode == "tf_half_pixel_for_nn":
        position = (position + 0.5) / factor
    elif mode in ("asymmetric", "half_pixel", "half_pixel_symmetric"):
        position = position / factor
    else:
        raise ModelError(f"has the unsupported coordinate_transformation_mode = {mode}",
                         where=node_label(node), hint="train with asymmetric")
    rounding = options.get("nearest_mode", "round_prefer_floor") if modern else "floor"
    rounded = {"round_prefer_floor": np.ceil(position - 0.5),
               "round_prefer_ceil": np.floor(position + 0.5),
               "floor": np.floor(position), "ceil": np.ceil(position)}
    if rounding not in rounded:
        raise ModelError(f"has nearest_mode = {rounding}, expected {', '.join(rounded)}",
                         where=node_label(node))
    return np.clip(rounded[rounding], 0, size - 1).astype(np.int64)
