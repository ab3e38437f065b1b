"""Product layers as the fold solver describes them, and their folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bnnhw.errors import PlanError
from bnnhw.golden.layout import beats
from bnnhw.rtl.weight_form import WeightForm

__all__ = ["Fold", "Matrix", "check_fold"]


@dataclass(frozen=True)
class Fold:
    """The parallelism of a layer: PE rows by SIMD columns per cycle.

    Parameters
    ----------
    pe, simd : int
    serial, serial_weights : bool
        The bit planes of the activations, or of the weights, are computed one after the other.
    """

    pe: int
    simd: int
    serial: bool = False
    serial_weights: bool = False


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
    form : WeightForm or None
        Planes of the weights; None for weights of one bit.
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
    form: WeightForm | None = None

    def form_at(self, fold: Fold) -> WeightForm | None:
        """Planes of the weights, in parallel or in steps as the fold computes them."""
        return self.form and replace(self.form, serial_activations=fold.serial,
                                     serial_weights=fold.serial_weights)

    def steps(self, fold: Fold) -> int:
        """Cycles per word of activations: planes that are computed one after the other."""
        return (self.bits if fold.serial else 1) * self.weight_words(fold)

    def weight_words(self, fold: Fold) -> int:
        """Words of the weight ROM per word of activations."""
        form = self.form_at(fold)
        return 1 if form is None else form.weight_steps

    def weight_bits(self, fold: Fold) -> int:
        """Bits of each lane in a word of the weight ROM."""
        form = self.form_at(fold)
        return 1 if form is None else form.word_bits

    @property
    def orders(self) -> list[tuple[bool, bool]]:
        """What can be computed plane by plane: activations and weights, see ``Fold``."""
        form, several = self.form, self.bits > 1
        if form is None:
            return [(False, False), (True, False)] if several else [(False, False)]
        if form.factors is None:
            return [(False, False)]
        weights = (False, True) if len(form.sources) > 1 else (False,)
        return [(a, w) for a in ((False, True) if several else (False,)) for w in weights]

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
        array = self.vectors * beats(self.rows, fold.pe) * self.sf(fold.simd) * self.steps(fold)
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
