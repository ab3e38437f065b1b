"""What each layer becomes in hardware, in a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bnnhw.ir import Bits, Graph, Window
from bnnhw.layers import (
    Add,
    Affine,
    Binarize,
    Conv,
    Layer,
    MaxPool,
    Pool,
    Product,
    Select,
    Threshold,
    Upsample,
)

__all__ = ["becomes"]


def becomes(layer: Layer, reduced: Graph) -> str:
    """Say what ``layer`` becomes; ``reduced`` is its Graph after the passes."""
    if isinstance(layer, Product):
        return _product(layer, reduced)
    say = WORDS.get(layer.kind)
    return say(layer) if say else layer.kind


def _product(layer: Product, reduced: Graph) -> str:
    smaller = reduced.layer(layer.name)
    assert isinstance(smaller, Product)
    kept = ""
    if (smaller.outputs, smaller.fan_in) != (layer.outputs, layer.fan_in):
        kept = f", {smaller.outputs} x {smaller.fan_in} after constants are dropped"
    place = _place(layer) if isinstance(layer, Conv) else ""
    bits = isinstance(layer.input.element, Bits)
    products = f"{layer.fan_in} products"
    if not bits:
        products += f" of {layer.planes} bits"
    if layer.thresholds is None:
        return f"exact sums of {products}{place}{kept}"
    levels = layer.thresholds.shape[1]
    each = f" x {levels}" if levels > 1 else ""
    counted = f"popcounts of {layer.fan_in}" if layer.coefficients == (1,) else \
        f"sums of {products}"
    return f"{layer.outputs}{each} integer thresholds on {counted}{place}{kept}"


def _place(layer: Conv) -> str:
    """Windows, groups and what pads them."""
    text = f", {_window(layer.window)}"
    if layer.groups > 1:
        text += ", each channel by itself" if layer.groups == layer.input.channels \
            else f", {layer.groups} groups"
    if not layer.window.padded:
        return text
    if layer.absent:
        return f"{text}, padded with exact zeros"
    if layer.pad.size > 1:
        return f"{text}, padded with a pattern"
    value = int(layer.pad[0, 0, 0])
    signs = layer.input.element == Bits()
    return f"{text}, padded with {2 * value - 1 if signs else value}"


def _window(window: Window) -> str:
    text = f"windows of {window.kernel[0]}x{window.kernel[1]}"
    if window.stride != (1, 1):
        text += f", stride {window.stride[0]}x{window.stride[1]}"
    if window.dilation != (1, 1):
        text += f", dilation {window.dilation[0]}x{window.dilation[1]}"
    return text


def _pool(layer: Pool) -> str:
    where = "the whole map" if layer.whole_map else _window(layer.window)
    if not isinstance(layer, MaxPool):
        return f"sums over {where}"
    word = "OR" if isinstance(layer.input.element, Bits) else "the largest"
    other = "AND" if isinstance(layer.input.element, Bits) else "the smallest"
    turned = int(layer.smallest.sum())
    return f"{word} over {where}" + (f", {other} on {turned} channels" if turned else "")


def _threshold(layer: Threshold) -> str:
    each = f" x {layer.levels}" if layer.levels > 1 else ""
    turned = int(layer.falling.sum())
    return f"{len(layer.thresholds)}{each} integer thresholds" + (
        f", {turned} channels falling" if turned else "")


def _affine(layer: Affine) -> str:
    return "integer scale and offset of each " + (
        f"channel, {layer.shift} fraction bits rounded half up" if layer.shift else "score"
        if len(layer.input.shape) == 1 else "channel")


def _add(layer: Add) -> str:
    limits = "" if layer.limits is None else f", saturating at {layer.limits[0]}..{layer.limits[1]}"
    return f"sum with '{layer.second}'{limits}"


def _binarize(layer: Binarize) -> str:
    return f"bit = [{'pixel' if layer.name == 'pixels' else 'x'} >= {layer.threshold}]"


def _select(layer: Select) -> str:
    return f"{len(layer.channels)} of {layer.input.channels} channels, wired"


def _upsample(layer: Upsample) -> str:
    return f"each pixel {layer.factors[0]}x{layer.factors[1]} times"


WORDS: dict[str, Callable[[Any], str]] = {
    "binarize": _binarize, "affine": _affine, "threshold": _threshold, "add": _add,
    "max_pool": _pool, "sum_pool": _pool, "select": _select, "upsample": _upsample,
    "argmax": lambda layer: "label, the lowest index on a tie",
    "flatten": lambda layer: "the same stream, read as one vector",
    "concat": lambda layer: f"channels of '{layer.second}' behind its own",
}
