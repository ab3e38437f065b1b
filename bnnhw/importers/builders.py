"""One builder for each kind of item in layers.yaml."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bnnhw.config.arrays import Arrays, RandomArrays
from bnnhw.config.items import (
    AddItem,
    AffineItem,
    BinarizeItem,
    LayerItem,
    MaxPoolItem,
    PoolItem,
    SelectItem,
    ThresholdItem,
    UpsampleItem,
)
from bnnhw.ir import Int, Window
from bnnhw.ir.certificate import Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.layers import (
    Add,
    Affine,
    ArgMax,
    Binarize,
    Concat,
    Flatten,
    Layer,
    MaxPool,
    Select,
    SumPool,
    Threshold,
    Upsample,
)
from bnnhw.layers.building.signs import Reach, fold_signs
from bnnhw.layers.building.weights import build_conv, build_dense, given_thresholds
from bnnhw.layers.building.windows import factors, window

__all__ = ["BUILDERS", "Builder"]

Builder = Callable[[LayerItem, LayerContext, Arrays], tuple[Layer, Certificate | None]]


def _max_pool(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, MaxPoolItem)
    moved = _pool_window(item, at)
    key, channels = f"{at.name}.smallest", at.type.channels
    smallest = arrays.bits(key, (channels,)) if key in arrays else np.zeros(channels, np.uint8)
    return MaxPool(at.name, at.source, at.type, moved, smallest)


def _sum_pool(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, PoolItem)
    return SumPool(at.name, at.source, at.type, _pool_window(item, at))


def _pool_window(item: PoolItem, at: LayerContext) -> Window:
    size = item.size or at.type.map[:2]
    moved = window(item, size, item.stride or size, at)
    height, width, channels = at.type.map
    at.limit("outputs", *moved.out_size(height, width), channels)
    at.limit("taps of all windows", *moved.out_size(height, width), moved.taps)
    return moved


def _upsample(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, UpsampleItem)
    rows, columns = factors(item.upsample, at)
    at.limit("outputs", at.type.size, rows, columns)
    return Upsample(at.name, at.source, at.type, (rows, columns))


def _flatten(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    return Flatten(at.name, at.source, at.type)


def _select(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, SelectItem)
    key = f"{at.name}.channels"
    if item.select is not True:
        channels = np.array(item.select, dtype=np.int64)
    elif isinstance(arrays, RandomArrays):
        channels = arrays.order(at.type.channels)
    else:
        shape = arrays.shape(key)
        if len(shape) != 1:
            raise at.refuse(f"array '{key}' has shape {shape}, expected a list of channels")
        at.limit("outputs", at.type.size // at.type.channels, *shape)
        channels = arrays.integers(key, shape)
    at.limit("outputs", at.type.size // at.type.channels, len(channels))
    return Select(at.name, at.source, at.type, channels)


def _add(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, AddItem)
    assert at.second_type is not None
    return Add(at.name, at.source, at.type, at.second, at.second_type, item.limits)


def _concat(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert at.second_type is not None
    at.limit("outputs", at.type.size + at.second_type.size)
    return Concat(at.name, at.source, at.type, at.second, at.second_type)


def _threshold(item: LayerItem, at: LayerContext,
               arrays: Arrays) -> tuple[Layer, Certificate | None]:
    assert isinstance(item, ThresholdItem)
    channels, levels, element = at.type.channels, item.levels, at.type.element
    at.limit("thresholds", channels, levels)
    if not isinstance(element, Int):
        raise at.refuse(f"thresholds bits: '{at.source}' gives {at.type}, expected integers",
                        "the layer before it needs 'sums: true' or 'levels', or remove this one")
    low = np.full(channels, element.lo, np.int64)
    values = Reach(low, 1, element.hi - element.lo + 1)
    thresholds = given_thresholds(item, at, arrays, values.low, values.high,
                                  (element.hi - element.lo) / 16)
    falling, certificate = np.zeros(channels, np.uint8), None
    if thresholds is None:
        fold, certificate = fold_signs(item, at.name, values, arrays)
        falling = fold.complemented.astype(np.uint8)
        steps = np.where(falling, values.points - fold.thresholds, fold.thresholds)
        thresholds = (low + steps)[:, None]
    elif f"{at.name}.falling" in arrays:
        falling = arrays.bits(f"{at.name}.falling", (channels,))
    return Threshold(at.name, at.source, at.type, thresholds, falling, item.unipolar), certificate


def _binarize(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, BinarizeItem)
    return Binarize(at.name, at.source, at.type, item.binarize, item.unipolar)


def _affine(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    assert isinstance(item, AffineItem)
    scale, offset = (arrays.integers(f"{at.name}.{key}", (at.type.channels,))
                     for key in ("scale", "offset"))
    return Affine(at.name, at.source, at.type, scale, offset, item.shift, item.limits)


def _argmax(item: LayerItem, at: LayerContext, arrays: Arrays) -> Layer:
    return ArgMax(at.name, at.source, at.type)


def _plain(build: Callable[[LayerItem, LayerContext, Arrays], Layer]) -> Builder:
    """Make a builder of one for layers that fold nothing."""
    def builder(item: LayerItem, at: LayerContext,
                arrays: Arrays) -> tuple[Layer, Certificate | None]:
        return build(item, at, arrays), None
    return builder


BUILDERS: dict[str, Builder] = {
    "dense": build_dense, "conv": build_conv, "depthwise": build_conv, "threshold": _threshold,
    **{kind: _plain(build) for kind, build in {
        "max_pool": _max_pool, "sum_pool": _sum_pool, "upsample": _upsample, "flatten": _flatten,
        "select": _select, "add": _add, "concat": _concat, "binarize": _binarize,
        "affine": _affine, "argmax": _argmax,
    }.items()},
}
