"""Dense layers and convolutions of layers.yaml: weights, sums, and thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bnnhw.config.arrays import Arrays, RandomArrays
from bnnhw.config.items import (
    ConvBase,
    ConvItem,
    DenseItem,
    DepthwiseItem,
    LayerItem,
    ProductItem,
    SignItem,
)
from bnnhw.ir import Bits, Element, Int
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.layers import Conv, Dense, Layer, product_sum
from bnnhw.layers.building.signs import fold_signs, reach
from bnnhw.layers.building.windows import padding, window

__all__ = ["build_conv", "build_dense", "counts", "given_thresholds", "plain_sum"]

Built = tuple[Layer, Certificate | None]


@dataclass(frozen=True)
class Rows:
    """The fields of a ``Product``, and the certificate of its thresholds."""

    weights: np.ndarray
    coefficients: tuple[int, ...]
    const: np.ndarray
    thresholds: np.ndarray | None
    certificate: Certificate | None = None


def counts(element: Element, absent: bool, raw: bool) -> bool:
    """Whether a layer compares plain popcounts; others compare the sums of products."""
    return isinstance(element, Bits) and not absent and not raw


def plain_sum(weights: np.ndarray, element: Element, absent: bool,
              raw: bool) -> tuple[tuple[int, ...], np.ndarray]:
    """Coefficients and constants of rows ``[out, in]`` that say nothing else themselves."""
    if counts(element, absent, raw):
        return (1,), np.zeros(len(weights), dtype=np.int64)
    return product_sum(weights, element)


def build_dense(item: LayerItem, at: LayerContext, arrays: Arrays) -> Built:
    """``dense``."""
    assert isinstance(item, DenseItem)
    if len(at.type.shape) != 1:
        raise at.refuse(f"a dense layer reads a vector, but '{at.source}' gives {at.type}",
                        "put 'flatten' before it")
    rows = _rows(item, at, arrays, item.dense, (at.type.size,), False)
    return Dense(at.name, at.source, at.type, rows.weights, rows.coefficients, rows.const,
                 rows.thresholds, item.unipolar), rows.certificate


def build_conv(item: LayerItem, at: LayerContext, arrays: Arrays) -> Built:
    """``conv`` and ``depthwise``."""
    assert isinstance(item, ConvBase)
    channels = at.type.channels
    if isinstance(item, DepthwiseItem):
        outputs, kernel, groups = channels, item.depthwise, channels
    else:
        assert isinstance(item, ConvItem)
        outputs, kernel, groups = item.conv, item.kernel, item.groups
    moved = window(item, kernel, item.stride or 1, at)
    for count, what in ((channels, f"channels of '{at.source}'"), (outputs, "outputs")):
        if count % groups:
            raise at.refuse(f"the {count} {what} do not divide into {groups} groups",
                            f"legal here: divisors of {math.gcd(channels, outputs)}")
    height, width, _ = at.type.map
    positions = moved.out_size(height, width)
    at.limit("outputs", *positions, outputs)
    at.limit("taps of all windows", *positions, moved.taps)
    pad, absent = padding(item, moved, at, arrays)
    rows = _rows(item, at, arrays, outputs, (*moved.kernel, channels // groups), absent)
    return Conv(at.name, at.source, at.type, rows.weights, rows.coefficients, rows.const,
                rows.thresholds, item.unipolar, moved, groups, pad, absent), rows.certificate


def _rows(item: ProductItem, at: LayerContext, arrays: Arrays, outputs: int, taps: tuple[int, ...],
          absent: bool) -> Rows:
    """Read the arrays of a layer; ``taps`` is the shape of a row."""
    element = at.type.element
    columns = math.prod(taps)
    at.limit("weights", outputs, columns)
    at.limit("thresholds", outputs, item.levels)
    if element.planes + columns.bit_length() > 60:
        raise at.refuse(f"sums of {columns} values of {element.width} bits do not fit 60 bits",
                        "bring the values into fewer bits before it, with 'affine' and a shift")
    weights = _weights(at, arrays, outputs, taps)
    if f"{at.name}.coefficients" in arrays or len(weights) > 1:
        return _given_sum(item, at, arrays, weights)
    coefficients, const = plain_sum(weights[0], element, absent, item.raw)
    if item.raw:
        key = f"{at.name}.bias"
        bias = arrays.integers(key, (outputs,)) if key in arrays else 0
        return Rows(weights, coefficients, const + bias, None)
    sums = reach(weights[0], element, absent)
    low, high = sums.low, sums.high
    if counts(element, absent, False):
        low, high = np.zeros_like(low), np.full_like(high, columns)
    thresholds = given_thresholds(item, at, arrays, low, high,
                                  int((high - low).max()) / math.sqrt(12 * columns))
    if thresholds is not None:
        return Rows(weights, coefficients, const, thresholds,
                    _certificate(at.name, thresholds, low, high, sums.points))
    fold, certificate = fold_signs(item, at.name, sums, arrays)
    weights = fold.apply(weights[0])[None]
    coefficients, const = plain_sum(weights[0], element, absent, item.raw)
    found = fold.thresholds
    if not counts(element, absent, False):
        found = sums.start(fold.complemented) + sums.step * found
    return Rows(weights, coefficients, const, found[:, None], certificate)


def _weights(at: LayerContext, arrays: Arrays, outputs: int, taps: tuple[int, ...]) -> np.ndarray:
    """Read the weights as ``[P, out, in]``; columns are (ky, kx, c), c fastest."""
    columns, planes = math.prod(taps), at.type.element.planes
    shapes = [(outputs, *taps)]
    if len(taps) > 1:
        shapes.append((outputs, columns))
        if len(at.type.shape) == 2:
            shapes.append((outputs, taps[0], taps[2]))
    if planes > 1:
        shapes.append((planes, outputs, columns))
    return arrays.bits(f"{at.name}.weights", *shapes).reshape(-1, outputs, columns)


def _given_sum(item: ProductItem, at: LayerContext, arrays: Arrays, weights: np.ndarray) -> Rows:
    """Sums with coefficients of their own, as ``sum_m c_m * popcount_m + bias``."""
    name, (_, outputs, columns) = at.name, weights.shape
    coefficients = tuple(int(c) for c in arrays.integers(f"{name}.coefficients",
                                                         (at.type.element.planes,)))
    key = f"{name}.bias"
    const = arrays.integers(key, (outputs,)) if key in arrays else np.zeros(outputs, np.int64)
    if item.raw:
        return Rows(weights, coefficients, const, None)
    if f"{name}.thresholds" not in arrays or item.batch_norm or item.sign != ">=":
        raise at.refuse(f"has '{name}.coefficients', which need integer thresholds",
                        f"hand in '{name}.thresholds', without batch_norm and sign")
    thresholds = _read_thresholds(name, arrays, outputs, item.levels)
    high = const + sum(coefficients) * columns
    return Rows(weights, coefficients, const, thresholds,
                _certificate(name, thresholds, const, high, int((high - const).max()) + 1))


def given_thresholds(item: SignItem, at: LayerContext, arrays: Arrays, low: np.ndarray,
                     high: np.ndarray, spread: float) -> np.ndarray | None:
    """Integer thresholds ``[out, J]`` where they are given, or random ones.

    ``low`` and ``high`` end what they are compared with, channel by channel; ``spread`` is about
    its standard deviation.
    """
    name, outputs = at.name, len(low)
    key = f"{name}.thresholds"
    if key in arrays:
        if item.batch_norm or item.sign != ">=":
            other = "batch_norm" if item.batch_norm else "sign"
            raise at.refuse(f"has '{key}' and '{other}'", "keep one of them")
        return _read_thresholds(name, arrays, outputs, item.levels)
    if isinstance(arrays, RandomArrays) and not item.batch_norm and \
            (item.levels > 1 or isinstance(at.type.element, Int)):
        return arrays.thresholds(low, high, spread, item.levels)
    if item.levels > 1:
        raise at.refuse(f"has 'levels: {item.levels}' without an array '{key}'",
                        f"it has the shape ({outputs}, {item.levels})")
    return None


def _read_thresholds(name: str, arrays: Arrays, outputs: int, levels: int) -> np.ndarray:
    shapes = [(outputs,), (outputs, 1)] if levels == 1 else [(outputs, levels)]
    return arrays.integers(f"{name}.thresholds", *shapes).reshape(outputs, levels)


def _certificate(name: str, thresholds: np.ndarray, low: np.ndarray, high: np.ndarray,
                 points: int) -> Certificate:
    """Certificate of thresholds that came as integers: nothing had to be folded."""
    never = ((thresholds <= low[:, None]) | (thresholds > high[:, None])).all(axis=1)
    return Certificate(name, GIVEN, len(thresholds), points, constant=int(never.sum()))
