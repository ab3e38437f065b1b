"""Fold solver: picks the cheapest (PE, SIMD) of every layer that meets a target in cycles."""

from __future__ import annotations

import numpy as np

from bnnhw.dataflow.matrix import Fold, Matrix, check_fold
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats

__all__ = ["Fold", "Matrix", "TooFastError", "check_fold", "solve"]


class TooFastError(PlanError):
    """A layer cannot take as few cycles per frame as the target allows.

    Parameters
    ----------
    message : str
    where : str
        The layer.
    least : int
        Smallest number of cycles per frame of the layer.
    """

    def __init__(self, message: str, *, where: str, least: int, hint: str | None = None) -> None:
        super().__init__(message, where=where, hint=hint or f"use `ii={least}` or more")
        self.least = least


def _area(matrix: Matrix, fold: Fold) -> float:
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


def _simds(matrix: Matrix, words: int) -> list[int]:
    """Return the smallest SIMD with at most ``words`` words per vector, and the next divisor."""
    if matrix.depthwise:
        return [1] if words >= matrix.taps else [matrix.taps] if matrix.all_taps else []
    channels, scale = matrix.channels, 1
    per_tap = words // matrix.taps
    if per_tap < 1:
        if not matrix.all_taps:
            return []
        per_tap, scale = words, matrix.taps
    simd = beats(channels, min(per_tap, channels))
    dividing = next(s for s in range(simd, channels + 1) if channels % s == 0)
    return [s * scale for s in ({simd, dividing} if dividing < 2 * simd else {simd})]


def _candidates(matrix: Matrix, target: int) -> list[Fold]:
    if matrix.fold is not None:
        check_fold(matrix, matrix.fold)
        fold = matrix.fold
        made = [Fold(fold.pe, fold.simd, *order) for order in matrix.orders]
        met = [f for f in made if matrix.cycles(f) <= target]
        if matrix.form is None:
            return met[-1:] or [fold]
        return [min(met, key=lambda f: _area(matrix, f))] if met else [fold]
    folds: set[Fold] = set()
    for order in matrix.orders:
        budget = target // (matrix.vectors * matrix.steps(Fold(1, 1, *order)))
        for pe in {beats(matrix.rows, nf) for nf in range(1, min(matrix.rows, budget) + 1)}:
            words = budget // beats(matrix.rows, pe)
            if words < 1:
                continue
            for simd in _simds(matrix, words):
                fold = Fold(pe, simd, *order)
                while matrix.cycles(fold) > target and matrix.legal_simd(fold.simd + 1) \
                        and not matrix.depthwise:
                    fold = Fold(pe, fold.simd + 1, *order)  # the input stream is too slow
                if matrix.cycles(fold) <= target:
                    folds.add(fold)
    if not folds:
        widest = matrix.columns if matrix.all_taps else 1 if matrix.depthwise else matrix.channels
        least = matrix.cycles(Fold(matrix.rows, widest))
        raise TooFastError(f"cannot take fewer than {least} cycles per frame, but the target is "
                           f"{target}", where=f"layer '{matrix.name}'", least=least)
    return sorted(folds, key=lambda f: (f.pe, f.simd, f.serial, f.serial_weights))


def _all_candidates(matrices: list[Matrix], target: int) -> list[list[Fold]]:
    """List the folds of every layer; an error names the layer that needs the most cycles."""
    choices, slowest = [], None
    for matrix in matrices:
        try:
            choices.append(_candidates(matrix, target))
        except TooFastError as error:
            if slowest is None or error.least > slowest.least:
                slowest = error
    if slowest is not None:
        raise slowest
    return choices


def solve(matrices: list[Matrix], target: int) -> list[Fold]:
    """Pick the folds of least estimated area with at most ``target`` cycles per frame and layer.

    Dynamic programming along the layers covers every row folding with its smallest sufficient
    SIMD and the next divisor; the cost includes width converters between neighbours. Folds that
    the user specified are kept, even where they are slower than the target.

    Raises
    ------
    PlanError
        A user-specified fold is not legal, or a layer cannot meet the target.
    """
    if not matrices:
        return []
    choices = _all_candidates(matrices, target)
    best = np.array([_area(matrices[0], f) for f in choices[0]])
    back: list[np.ndarray] = []
    for k in range(1, len(matrices)):
        pe = np.array([f.pe for f in choices[k - 1]])
        lanes = np.array([matrices[k].lanes_in(f) for f in choices[k]])
        total = best[:, None] + _converter_area(pe[:, None], lanes[None, :],
                                               matrices[k].channels)
        back.append(total.argmin(axis=0))
        best = total.min(axis=0) + [_area(matrices[k], f) for f in choices[k]]
    index = int(best.argmin())
    picks = [index]
    for step in reversed(back):
        picks.append(int(step[picks[-1]]))
    return [choices[k][p] for k, p in enumerate(reversed(picks))]
