"""Folding: which (PE, SIMD) are legal, and the smallest hardware that meets a number of cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats

__all__ = ["Fold", "Matrix", "check_fold", "solve"]


@dataclass(frozen=True)
class Fold:
    """PE rows by SIMD columns at a time."""

    pe: int
    simd: int

    def cycles(self, rows: int, columns: int) -> int:
        """Cycles a vector: SF * NF, padded up where the fold does not divide."""
        return beats(rows, self.pe) * beats(columns, self.simd)


@dataclass(frozen=True)
class Matrix:
    """A layer as the solver sees it.

    Parameters
    ----------
    name : str
    rows, columns : int
    acc_width : int
        Bits of an accumulator.
    input_width : int
        Bits of an element at the edge of the core, where the layer is the first one; else 1.
    fold : Fold or None
        Given by hand.
    """

    name: str
    rows: int
    columns: int
    acc_width: int
    input_width: int = 1
    fold: Fold | None = None


def check_fold(matrix: Matrix, fold: Fold) -> None:
    """Refuse a fold that is larger than its matrix; any other is legal, padded where needed."""
    for key, value, limit in (("pe", fold.pe, matrix.rows), ("simd", fold.simd, matrix.columns)):
        if not 1 <= value <= limit:
            nearest = min(max(value, 1), limit)
            raise PlanError(f"fold {key} = {value} must be 1..{limit}",
                            where=f"layer '{matrix.name}'", hint=f"nearest legal: {nearest}")


def _area(matrix: Matrix, fold: Fold) -> float:
    """Rough slots of an MVTU: an XNOR and its share of the popcount tree, and the accumulator.

    Only the order of candidates matters here; 2.6 slots a lane is what synthesis gives for
    adder trees on LUT4 with run-time weights (2.70 measured at N = 255).
    """
    padded = beats(matrix.rows, fold.pe) * fold.pe * beats(matrix.columns, fold.simd) * fold.simd
    memory = padded / 512  # a block RAM bit is cheap, but padding is not free
    front = fold.simd * matrix.input_width  # the input word is buffered, or compared bit by bit
    return fold.pe * (2.6 * fold.simd + 1.5 * matrix.acc_width) + front + memory


def _converter_area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Rough slots between PE = a and the next SIMD = b: a shift register with multiplexers."""
    return np.where(a == b, 0.0, 2.0 * (a + 2.0 * b))


def _candidates(matrix: Matrix, target: int) -> list[Fold]:
    if matrix.fold is not None:
        check_fold(matrix, matrix.fold)
        return [matrix.fold]
    folds = set()
    for nf in range(1, min(matrix.rows, target) + 1):
        pe = beats(matrix.rows, nf)
        words = target // beats(matrix.rows, pe)
        if not words:
            continue
        simd = beats(matrix.columns, min(words, matrix.columns))
        dividing = next(s for s in range(simd, matrix.columns + 1) if matrix.columns % s == 0)
        folds.add(Fold(pe, simd))
        if dividing < 2 * simd:
            folds.add(Fold(pe, dividing))
    return sorted(folds, key=lambda f: (f.pe, f.simd))


def solve(matrices: list[Matrix], target: int) -> list[Fold]:
    """Find the folds of least estimated area with at most ``target`` cycles a layer.

    Dynamic programming along the chain, over every row folding with its smallest sufficient SIMD
    and the next one that divides; width converters between neighbours are part of the cost. Folds
    given by hand are kept, also where they are slower than the target.
    """
    if not matrices:
        return []
    choices = [_candidates(matrix, target) for matrix in matrices]
    best = np.array([_area(matrices[0], f) for f in choices[0]])
    back: list[np.ndarray] = []
    for k in range(1, len(matrices)):
        pe = np.array([f.pe for f in choices[k - 1]])
        simd = np.array([f.simd for f in choices[k]])
        total = best[:, None] + _converter_area(pe[:, None], simd[None, :])
        back.append(total.argmin(axis=0))
        best = total.min(axis=0) + [_area(matrices[k], f) for f in choices[k]]
    index = int(best.argmin())
    picks = [index]
    for step in reversed(back):
        picks.append(int(step[picks[-1]]))
    return [choices[k][p] for k, p in enumerate(reversed(picks))]
