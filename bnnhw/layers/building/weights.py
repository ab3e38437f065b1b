"""Rows of weights, their sums and their thresholds, from the arrays of a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bnnhw.config.arrays import Arrays, RandomArrays
from bnnhw.config.items import ProductItem, SignItem
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.ir.types import Int
from bnnhw.layers.building.signs import fold_signs, reach
from bnnhw.layers.popcounts import MAX_SUM_BITS, compares_popcounts, default_sum, planes_sum
from bnnhw.layers.weight_planes import WeightPlanes, split_values

__all__ = ["Rows", "build_rows", "given_thresholds"]

MAX_PLANES = 64
"""Planes of weights that a file may contain."""


@dataclass(frozen=True)
class Rows:
    """The fields of a ``Product``, and the certificate of its thresholds."""

    planes: WeightPlanes
    scales: tuple[int, ...]
    coefficients: tuple[int, ...]
    const: np.ndarray
    thresholds: np.ndarray | None
    certificate: Certificate | None = None


def build_rows(item: ProductItem, at: LayerContext, arrays: Arrays, outputs: int,
               taps: tuple[int, ...], absent: bool) -> Rows:
    """Read the arrays of a layer, and fold its batch-norm where it has one.

    Parameters
    ----------
    item : ProductItem
    at : LayerContext
    arrays : Arrays
    outputs : int
        Rows.
    taps : tuple of int
        Shape of a row.
    absent : bool
        Pixels outside the map are exact zeros.
    """
    element = at.type.element
    columns = math.prod(taps)
    at.check_size("weights", outputs, columns)
    at.check_size("thresholds", outputs, item.levels)
    if element.planes + (item.weight_bits - 1) + columns.bit_length() > MAX_SUM_BITS:
        raise at.error(f"sums of {columns} products of {element.width} and {item.weight_bits} bits "
                       f"do not fit {MAX_SUM_BITS} bits",
                       "bring the values into fewer bits before it, with 'affine' and a shift")
    if f"{at.name}.scales" in arrays or f"{at.name}.coefficients" in arrays:
        return _given_sum(item, at, arrays, (outputs, *taps))
    planes = _weights(item, at, arrays, (outputs, *taps))
    counts = item.weight_bits == 1 and compares_popcounts(element, absent, False)
    whole = planes_sum(planes, element)
    if item.raw:
        key = f"{at.name}.bias"
        bias = arrays.integers(key, (outputs,)) if key in arrays else 0
        scales, coefficients, const = whole
        return Rows(planes, scales, coefficients, const + bias, None)
    scales, coefficients, const = default_sum(planes, element, absent, False) if counts else whole
    sums = reach(planes, element, absent)
    low, high = sums.low, sums.high
    if counts:
        low, high = np.zeros_like(low), np.full_like(high, columns)
    thresholds = given_thresholds(item, at, arrays, low, high,
                                  int((high - low).max()) / math.sqrt(12 * columns))
    if thresholds is not None:
        return Rows(planes, scales, coefficients, const, thresholds,
                    _certificate(at.name, thresholds, low, high, sums.points))
    fold, certificate = fold_signs(item, at.name, sums, arrays)
    planes = planes.complemented(fold.complemented)
    found = fold.thresholds
    if not counts:
        _, _, const = planes_sum(planes, element)
        found = sums.start(fold.complemented) + sums.step * found
    return Rows(planes, scales, coefficients, const, found[:, None], certificate)


def _weights(item: ProductItem, at: LayerContext, arrays: Arrays,
             shape: tuple[int, ...]) -> WeightPlanes:
    """Read the weights; columns are (ky, kx, c), c fastest."""
    outputs, *taps = shape
    columns = math.prod(taps)
    shapes = [shape]
    if len(taps) > 1:
        shapes.append((outputs, columns))
        if len(at.type.shape) == 2:
            shapes.append((outputs, taps[0], taps[2]))
    key = f"{at.name}.weights"
    if item.weight_bits == 1:
        return WeightPlanes.of_bits(arrays.bits(key, *shapes).reshape(outputs, columns))
    values = arrays.signed(key, item.weight_bits, *shapes).reshape(outputs, columns)
    if not values.any():
        raise at.error("has only weights of 0", "remove the layer")
    return split_values(values)


def _given_sum(item: ProductItem, at: LayerContext, arrays: Arrays,
               shape: tuple[int, ...]) -> Rows:
    """Read sums with explicit planes, ``sum_q s_q sum_m c_m * popcount_qm + bias``."""
    name, outputs, columns = at.name, shape[0], math.prod(shape[1:])
    key = f"{name}.scales"
    scales: tuple[int, ...] = (1,)
    if key in arrays:
        count = arrays.shape(key)
        if len(count) != 1 or not 1 <= count[0] <= MAX_PLANES:
            raise at.error(f"has '{key}' of shape {count}, expected 1 to {MAX_PLANES} numbers")
        scales = tuple(int(s) for s in arrays.integers(key, count))
        at.check_size("weights", len(scales), outputs, columns)
    stored = (len(scales), outputs, columns)
    shapes = [stored] if key in arrays else [stored, shape, stored[1:]]
    bits = arrays.bits(f"{name}.weights", *shapes).reshape(stored)
    mask = arrays.bits(f"{name}.mask", stored) if f"{name}.mask" in arrays else None
    coefficients = tuple(int(c) for c in arrays.integers(f"{name}.coefficients",
                                                         (at.type.element.planes,)))
    key = f"{name}.bias"
    const = arrays.integers(key, (outputs,)) if key in arrays else np.zeros(outputs, np.int64)
    planes = WeightPlanes(bits, mask, scales)
    if item.raw:
        return Rows(planes, scales, coefficients, const, None)
    if f"{name}.thresholds" not in arrays or item.batch_norm or item.sign != ">=":
        raise at.error(f"has '{name}.coefficients', which need integer thresholds",
                       f"give '{name}.thresholds', without batch_norm and sign")
    thresholds = _read_thresholds(name, arrays, outputs, item.levels)
    high = const + sum(coefficients) * (np.array(scales) @ planes.used)
    return Rows(planes, scales, coefficients, const, thresholds,
                _certificate(name, thresholds, const, high, int((high - const).max()) + 1))


def given_thresholds(item: SignItem, at: LayerContext, arrays: Arrays, low: np.ndarray,
                     high: np.ndarray, spread: float) -> np.ndarray | None:
    """Read integer thresholds ``[out, J]``, or draw random ones; None where a sign is folded.

    Parameters
    ----------
    item : SignItem
    at : LayerContext
    arrays : Arrays
    low, high : int64 [out]
        Range of the values that the thresholds are compared with.
    spread : float
        About the standard deviation of these values.
    """
    name, outputs = at.name, len(low)
    key = f"{name}.thresholds"
    if key in arrays:
        if item.batch_norm or item.sign != ">=":
            other = "batch_norm" if item.batch_norm else "sign"
            raise at.error(f"has '{key}' and '{other}'", "keep one of them")
        return _read_thresholds(name, arrays, outputs, item.levels)
    if isinstance(arrays, RandomArrays) and not item.batch_norm and \
            (item.levels > 1 or isinstance(at.type.element, Int)):
        return arrays.thresholds(low, high, spread, item.levels)
    if item.levels > 1:
        raise at.error(f"has 'levels: {item.levels}' without an array '{key}'",
                       f"it has the shape ({outputs}, {item.levels})")
    return None


def _read_thresholds(name: str, arrays: Arrays, outputs: int, levels: int) -> np.ndarray:
    shapes = [(outputs,), (outputs, 1)] if levels == 1 else [(outputs, levels)]
    return arrays.integers(f"{name}.thresholds", *shapes).reshape(outputs, levels)


def _certificate(name: str, thresholds: np.ndarray, low: np.ndarray, high: np.ndarray,
                 points: int) -> Certificate:
    """Make the certificate of integer thresholds from the weight file: nothing was folded."""
    never = ((thresholds <= low[:, None]) | (thresholds > high[:, None])).all(axis=1)
    return Certificate(name, GIVEN, len(thresholds), points, constant=int(never.sum()))
