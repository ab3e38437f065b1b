"""Fold solver: picks the cheapest (PE, SIMD) of every layer that meets a target in cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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


@dataclass(frozen=True)
class Fold:
    """The parallelism of a layer: PE rows by SIMD columns per cycle, bits in parallel or serial."""

    pe: int
    simd: int
    serial: bool = False


@dataclass(frozen=True)
class Matrix:
    """A product layer as the fold solver describes it.

    Parameters
    ----------
    name : str
    rows, columns : int
        Size of one matrix: of a group, of the vector of a window. In a depthwise layer, channels
        and taps.
    acc_width : int
        Bits of an accumulator.
    input_width : int
        Bits of an input element of the core, where the layer is the first one; otherwise 1.
    fold : Fold or None
        Specified by the user.
    vectors : int
        Vectors per frame: positions times groups; positions alone in a depthwise layer.
    taps : int
        Pixels of a window, each with ``columns / taps`` channels; 1 without a window.
    pixels : int
        Groups of channels that arrive per frame; their transfer can limit the rate.
    bits : int
        Bits of an element that the layer multiplies.
    depthwise : bool
        Each row has private channels.
    all_taps : bool
        One word can carry all taps of a window.
    sums : bool
        The output is the accumulators instead of one bit per row.
    """

    name: str
    rows: int
    columns: int
    acc_width: int
    input_width: int = 1
    fold: Fold | None = None
    vectors: int = 1
    taps: int = 1
    pixels: int = 1
    bits: int = 1
    depthwise: bool = False
    all_taps: bool = True
    sums: bool = False

    @property
    def channels(self) -> int:
        return self.columns // self.taps

    def sf(self, simd: int) -> int:
        """Words per vector: all words of a pixel for each tap, or all taps in each word."""
        if simd <= self.channels or self.taps == 1:
            return self.taps * beats(self.channels, simd)
        return beats(self.channels, simd // self.taps)

    def lanes_in(self, fold: Fold) -> int:
        """Channels per word of the stream that carries the map."""
        if self.depthwise:
            return fold.pe
        return fold.simd if fold.simd <= self.channels or self.taps == 1 else fold.simd // self.taps

    def cycles(self, fold: Fold) -> int:
        """Cycles per frame: the larger of those of the array and of its input stream."""
        planes = self.bits if fold.serial else 1
        array = self.vectors * beats(self.rows, fold.pe) * self.sf(fold.simd) * planes
        across = self.rows if self.depthwise else self.channels
        return max(array, self.pixels * beats(across, self.lanes_in(fold)))

    def legal_simd(self, simd: int) -> bool:
        """Whether words carry complete taps: at most the channels, or a multiple of the taps."""
        if self.depthwise:
            return simd == 1 or (simd == self.taps and self.all_taps)
        return 1 <= simd <= self.channels or \
            (self.all_taps and simd <= self.columns and simd % self.taps == 0)


def check_fold(matrix: Matrix, fold: Fold) -> None:
    """Raise an error where a fold exceeds its matrix, or divides the taps of a window."""
    for key, value, limit in (("pe", fold.pe, matrix.rows), ("simd", fold.simd, matrix.columns)):
        if not 1 <= value <= limit:
            nearest = min(max(value, 1), limit)
            raise PlanError(f"fold {key} = {value} must be 1..{limit}",
                            where=f"layer '{matrix.name}'", hint=f"nearest legal: {nearest}")
    if not matrix.legal_simd(fold.simd):
        below = matrix.channels if not matrix.depthwise else 1
        above = min(matrix.taps * beats(fold.simd, matrix.taps), matrix.columns)
        if not matrix.all_taps:
            raise PlanError(f"fold simd = {fold.simd} must be 1..{below}: groups and patterns of "
                            "padding take their taps one after the other",
                            where=f"layer '{matrix.name}'", hint=f"nearest legal: {below}")
        raise PlanError(f"fold simd = {fold.simd} must be 1..{below}, or a multiple of the "
                        f"{matrix.taps} taps of its window", where=f"layer '{matrix.name}'",
                        hint=f"nearest legal: {below} or {above}")


def _area(matrix: Matrix, fold: Fold) -> float:
    """Rough LUT count of an MVTU: XNORs, adder trees, accumulators and buffers.

    Only the order of candidates matters; 2.6 LUTs per lane is the result of synthesis for adder
    trees on LUT4 with run-time weights (2.70 measured at N = 255).
    """
    groups = beats(matrix.rows, fold.pe)
    padded = groups * fold.pe * matrix.sf(fold.simd) * fold.simd
    memory = padded / 512  # bits of block RAM are cheap, but padding is not free
    # The input word is buffered, or thresholded bit by bit.
    front = float(fold.simd * matrix.input_width)
    planes = matrix.bits if not fold.serial else 1
    lane = 2.6 * (1 + 0.6 * (planes - 1))  # numbers need wider adders, but no more XNORs
    extra = 0.0
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
        serial = Fold(fold.pe, fold.simd, True)
        return [serial] if matrix.bits > 1 and matrix.cycles(serial) <= target else [fold]
    folds: set[Fold] = set()
    for planes in ((1, matrix.bits) if matrix.bits > 1 else (1,)):
        budget = target // (matrix.vectors * planes)
        for pe in {beats(matrix.rows, nf) for nf in range(1, min(matrix.rows, budget) + 1)}:
            words = budget // beats(matrix.rows, pe)
            if words < 1:
                continue
            for simd in _simds(matrix, words):
                fold = Fold(pe, simd, planes > 1)
                while matrix.cycles(fold) > target and matrix.legal_simd(fold.simd + 1) \
                        and not matrix.depthwise:
                    fold = Fold(pe, fold.simd + 1, planes > 1)  # the input stream is too slow
                if matrix.cycles(fold) <= target:
                    folds.add(fold)
    if not folds:
        widest = matrix.columns if matrix.all_taps else 1 if matrix.depthwise else matrix.channels
        least = matrix.cycles(Fold(matrix.rows, widest))
        raise TooFastError(f"cannot take fewer than {least} cycles per frame, but the target is "
                           f"{target}", where=f"layer '{matrix.name}'", least=least)
    return sorted(folds, key=lambda f: (f.pe, f.simd, f.serial))


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
