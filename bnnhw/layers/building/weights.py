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
from bnnhw.layers.popcounts import compares_popcounts, default_sum

__all__ = ["Rows", "build_rows", "given_thresholds"]


@dataclass(frozen=True)
class Rows:
    """The fields of a ``Product``, and the certificate of its thresholds."""

    weights: np.ndarray
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
    if element.planes + columns.bit_length() > 60:
        raise at.error(f"sums of {columns} values of {element.width} bits do not fit 60 bits",
                       "bring the values into fewer bits before it, with 'affine' and a shift")
    weights = _weights(at, arrays, outputs, taps)
    if f"{at.name}.coefficients" in arrays or len(weights) > 1:
        return _given_sum(item, at, arrays, weights)
    coefficients, const = default_sum(weights[0], element, absent, item.raw)
    if item.raw:
        key = f"{at.name}.bias"
        bias = arrays.integers(key, (outputs,)) if key in arrays else 0
        return Rows(weights, coefficients, const + bias, None)
    sums = reach(weights[0], element, absent)
    low, high = sums.low, sums.high
    if compares_popcounts(element, absent, False):
        low, high = np.zeros_like(low), np.full_like(high, columns)
    thresholds = given_thresholds(item, at, arrays, low, high,
                                  int((high - low).max()) / math.sqrt(12 * columns))
    if thresholds is not None:
        return Rows(weights, coefficients, const, thresholds,
                    _certificate(at.name, thresholds, low, high, sums.points))
    fold, certificate = fold_signs(item, at.name, sums, arrays)
    weights = fold.apply(weights[0])[None]
    coefficients, const = default_sum(weights[0], element, absent, item.raw)
    found = fold.thresholds
    if not compares_popcounts(element, absent, False):
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
    """Read sums with explicit coefficients, ``sum_m c_m * popcount_m + bias``."""
    name, (_, outputs, columns) = at.name, weights.shape
    coefficients = tuple(int(c) for c in arrays.integers(f"{name}.coefficients",
                                                         (at.type.element.planes,)))
    key = f"{name}.bias"
    const = arrays.integers(key, (outputs,)) if key in arrays else np.zeros(outputs, np.int64)
    if item.raw:
        return Rows(weights, coefficients, const, None)
    if f"{name}.thresholds" not in arrays or item.batch_norm or item.sign != ">=":
        raise at.error(f"has '{name}.coefficients', which need integer thresholds",
                       f"give '{name}.thresholds', without batch_norm and sign")
    thresholds = _read_thresholds(name, arrays, outputs, item.levels)
    high = const + sum(coefficients) * columns
    return Rows(weights, coefficients, const, thresholds,
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
