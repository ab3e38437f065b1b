"""Prices of folds for families without a cost model."""

from __future__ import annotations

import numpy as np

from bnnhw.dataflow.matrix import Fold, Matrix
from bnnhw.golden.layout import beats

__all__ = ["RoughPrices", "rough_area"]


class RoughPrices:
    """Prices for families without a cost model, from synthesis of adder trees for LUT4."""

    def products(self, matrix: Matrix, folds: list[Fold]) -> np.ndarray:
        return np.array([rough_area(matrix, fold) for fold in folds])

    def converters(self, matrix: Matrix, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return _converter_area(a, b, matrix.channels)


def rough_area(matrix: Matrix, fold: Fold) -> float:
    """Rough LUT count of an MVTU: XNORs, adder trees, accumulators and buffers.

    Only the order of candidates matters; 2.6 LUTs per lane is the result of synthesis for adder
    trees on LUT4 with run-time weights (2.70 measured at N = 255).
    """
    groups = beats(matrix.rows, fold.pe)
    padded = groups * fold.pe * matrix.sf(fold.simd) * fold.simd
    padded *= matrix.weight_bits(fold) * matrix.weight_words(fold)
    memory = padded / 512  # bits of block RAM are cheap, but padding is not free
    # The input word is buffered, or thresholded bit by bit.
    front = float(fold.simd * matrix.input_width)
    planes = matrix.bits if not fold.serial else 1
    lane = 2.6 * (1 + 0.6 * (planes - 1))  # numbers need wider adders, but no more XNORs
    extra = 0.0
    form = matrix.form_at(fold)
    if form is not None:
        lane = 2.6 * form.lane_cost
        if fold.serial_weights:
            extra = fold.pe * 1.5 * (fold.simd * form.top).bit_length()
    if fold.serial:  # the register of the planes, and their multiplexers
        extra = fold.pe * 1.5 * (fold.simd.bit_length() + matrix.bits) + 2.7 * fold.simd
    if matrix.taps > 1 and fold.simd > matrix.channels:
        front += 2.0 * fold.simd  # the registers of a parallel window
    # After sums every unit is as wide: an argmax takes 8 LUTs per bit and row.
    after_sums = 8.0 if matrix.sums else 0.0
    rows = fold.pe * (lane * fold.simd + (1.5 + after_sums) * matrix.acc_width)
    return rows + extra + front + memory


def _converter_area(a: np.ndarray, b: np.ndarray, elements: int) -> np.ndarray:
    """Rough LUT count of a converter from PE = a to SIMD = b, from synthesis for ECP5.

    It has a shift register; a rotator and a position decoder, which grow as the common divisor
    shrinks; and a second output multiplexer for a last word that ``elements`` do not fill.
    """
    common = np.gcd(a, b)
    lanes = a + 2.0 * b
    levels = np.ceil(np.log2(np.minimum(a, 2.0 * b) / common))
    shift = (1.6 + 1.7 * (elements % b > 0)) * lanes
    return np.where(a == b, 0.0, shift + (levels > 0) * 1.2 * lanes / common + a * levels)
