"""A layer as an item of layers.yaml and its arrays: the way back of ``builders``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bnnhw.ir import Bits, TensorType, Window
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    Binarize,
    Concat,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    Pool,
    Product,
    Select,
    SumPool,
    Threshold,
    Upsample,
)
from bnnhw.layers.building.weights import plain_sum

__all__ = ["describe"]

Described = tuple[dict[str, Any], dict[str, np.ndarray]]


def describe(layer: Layer) -> Described:
    """The keys that are the layer's own (not name, from, output), and arrays without its name."""
    return DESCRIBERS[type(layer)](layer)


def _integers(array: np.ndarray) -> np.ndarray:
    """The smaller of int32 and int64 that holds the values."""
    narrow = array.astype(np.int32)
    return narrow if (narrow == array).all() else array.astype(np.int64)


def _levels(thresholds: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    levels = thresholds.shape[1]
    array = _integers(thresholds)
    return ({"levels": levels}, array) if levels > 1 else ({}, array[:, 0])


def _product(layer: Product, taps: tuple[int, ...], absent: bool) -> Described:
    """The keys behind the sums and all arrays; ``taps`` is the shape of a row."""
    raw = layer.thresholds is None
    item: dict[str, Any] = {"sums": True} if raw else {}
    arrays: dict[str, np.ndarray] = {}
    one = len(layer.weights) == 1
    arrays["weights"] = layer.weights[0].reshape(layer.outputs, *taps) if one else layer.weights
    coefficients, const = plain_sum(layer.weights[0], layer.input.element, absent, raw)
    bias = layer.const - const
    if not one or coefficients != layer.coefficients or (not raw and bias.any()):
        arrays["coefficients"] = np.array(layer.coefficients, dtype=np.int64)
        bias = layer.const
    if bias.any():
        arrays["bias"] = _integers(bias)
    if layer.thresholds is not None:
        levels, arrays["thresholds"] = _levels(layer.thresholds)
        item.update(levels)
    if layer.unipolar:
        item["unipolar"] = True
    return item, arrays


def _dense(layer: Layer) -> Described:
    assert isinstance(layer, Dense)
    item, arrays = _product(layer, (layer.fan_in,), False)
    return {"dense": layer.outputs, **item}, arrays


def _conv(layer: Layer) -> Described:
    assert isinstance(layer, Conv)
    window = layer.window
    cut = layer.input.channels // layer.groups
    item, arrays = _product(layer, (*window.kernel, cut), layer.absent)
    head: dict[str, Any] = {"conv": layer.outputs, "kernel": _pair(window.kernel, layer.input)}
    if layer.groups > 1:
        head["groups"] = layer.groups
    head.update(_moves(window, layer.input, (1, 1)))
    if window.padded or layer.absent or layer.pad.shape != (1, 1, 1) or layer.pad.any():
        head.setdefault("pad", 0)
        head["pad_value"], pattern = _pad_value(layer)
        arrays.update(pattern)
    return {**head, **item}, arrays


def _pad_value(layer: Conv) -> tuple[int | str, dict[str, np.ndarray]]:
    if layer.absent:
        return "zero", {}
    if layer.pad.shape != (1, 1, 1):
        return "pattern", {"pad": _integers(layer.pad)}
    element, value = layer.input.element, int(layer.pad[0, 0, 0])
    signs = isinstance(element, Bits) and not element.unipolar
    return 2 * value - 1 if signs else value, {}


def _pair(pair: tuple[int, int], type_: TensorType) -> int | list[int]:
    """One number where it says the same."""
    rows, columns = pair
    return rows if columns == (1 if len(type_.shape) == 2 else rows) else [rows, columns]


def _moves(window: Window, type_: TensorType, stride: tuple[int, int]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if window.stride != stride:
        item["stride"] = _pair(window.stride, type_)
    if window.dilation != (1, 1):
        item["dilation"] = _pair(window.dilation, type_)
    if window.padded:
        item["pad"] = window.pads[0] if len(set(window.pads)) == 1 else list(window.pads)
    return item


def _pool(layer: Pool) -> dict[str, Any]:
    return {layer.kind: _pair(layer.window.kernel, layer.input),
            **_moves(layer.window, layer.input, layer.window.kernel)}


def _max_pool(layer: Layer) -> Described:
    assert isinstance(layer, MaxPool)
    return _pool(layer), {"smallest": layer.smallest} if layer.smallest.any() else {}


def _sum_pool(layer: Layer) -> Described:
    assert isinstance(layer, SumPool)
    return _pool(layer), {}


def _upsample(layer: Layer) -> Described:
    assert isinstance(layer, Upsample)
    return {"upsample": _pair(layer.factors, layer.input)}, {}


def _select(layer: Layer) -> Described:
    assert isinstance(layer, Select)
    if len(layer.channels) <= 16:
        return {"select": layer.channels.tolist()}, {}
    return {"select": True}, {"channels": _integers(layer.channels)}


def _add(layer: Layer) -> Described:
    assert isinstance(layer, Add)
    limits = {} if layer.limits is None else {"limits": list(layer.limits)}
    return {"add": layer.second, **limits}, {}


def _concat(layer: Layer) -> Described:
    assert isinstance(layer, Concat)
    return {"concat": layer.second}, {}


def _threshold(layer: Layer) -> Described:
    assert isinstance(layer, Threshold)
    levels, thresholds = _levels(layer.thresholds)
    arrays = {"thresholds": thresholds}
    if layer.falling.any():
        arrays["falling"] = layer.falling
    unipolar = {"unipolar": True} if layer.unipolar else {}
    return {"threshold": True, **levels, **unipolar}, arrays


def _binarize(layer: Layer) -> Described:
    assert isinstance(layer, Binarize)
    unipolar = {"unipolar": True} if layer.unipolar else {}
    return {"binarize": layer.threshold, **unipolar}, {}


def _affine(layer: Layer) -> Described:
    assert isinstance(layer, Affine)
    item: dict[str, Any] = {"affine": True}
    if layer.shift:
        item["shift"] = layer.shift
    if layer.limits is not None:
        item["limits"] = list(layer.limits)
    return item, {"scale": layer.scale, "offset": layer.offset}


def _word(layer: Layer) -> Described:
    return {layer.kind: True}, {}


DESCRIBERS: dict[type[Layer], Callable[[Any], Described]] = {
    Dense: _dense, Conv: _conv, MaxPool: _max_pool, SumPool: _sum_pool, Upsample: _upsample,
    Flatten: _word, Select: _select, Add: _add, Concat: _concat, Threshold: _threshold,
    Binarize: _binarize, Affine: _affine, ArgMax: _word,
}
