"""Fold solver: picks the cheapest (PE, SIMD) of every layer that meets a target in cycles."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bnnhw.dataflow.matrix import Fold, Matrix, check_fold
from bnnhw.dataflow.rough_prices import rough_area
from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats

__all__ = ["Fold", "Matrix", "Prices", "TooFastError", "candidates", "check_fold", "pick",
           "solve"]


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


class Prices(Protocol):
    """What the solver asks about the price of units, in LUTs."""

    def products(self, matrix: Matrix, folds: list[Fold]) -> np.ndarray:
        """Price of a layer at each fold, with its buffers and memories: float ``[folds]``."""
        ...

    def converters(self, matrix: Matrix, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Price of a converter from ``a`` lanes to ``b`` lanes, in front of a layer.

        ``a`` and ``b`` broadcast against each other; the result has their common shape.
        """
        ...


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
        return [min(met, key=lambda f: rough_area(matrix, f))] if met else [fold]
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


def candidates(matrices: list[Matrix], target: int) -> list[list[Fold]]:
    """List the folds of every layer; an error names the layer that needs the most cycles.

    Raises
    ------
    PlanError
        As for ``solve``.
    """
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


def solve(matrices: list[Matrix], target: int, prices: Prices) -> list[Fold]:
    """Pick the folds of least price with at most ``target`` cycles per frame and layer.

    Dynamic programming along the layers covers every row folding with its smallest sufficient
    SIMD and the next divisor; the cost includes width converters between neighbours. Folds that
    the user specified are kept, even where they are slower than the target.

    Parameters
    ----------
    matrices : list of Matrix
        The product layers, in the order of the network.
    target : int
    prices : Prices

    Raises
    ------
    PlanError
        A user-specified fold is not legal, or a layer cannot meet the target.
    """
    return pick(matrices, candidates(matrices, target), prices)


def pick(matrices: list[Matrix], choices: list[list[Fold]], prices: Prices) -> list[Fold]:
    """Pick one of the folds of each layer, so that the sum of all prices is least."""
    if not matrices:
        return []
    best = prices.products(matrices[0], choices[0])
    back: list[np.ndarray] = []
    for k in range(1, len(matrices)):
        pe = np.array([f.pe for f in choices[k - 1]])
        lanes = np.array([matrices[k].lanes_in(f) for f in choices[k]])
        total = best[:, None] + prices.converters(matrices[k], pe[:, None], lanes[None, :])
        back.append(total.argmin(axis=0))
        best = total.min(axis=0) + prices.products(matrices[k], choices[k])
    index = int(best.argmin())
    picks = [index]
    for step in reversed(back):
        picks.append(int(step[picks[-1]]))
    return [choices[k][p] for k, p in enumerate(reversed(picks))]
