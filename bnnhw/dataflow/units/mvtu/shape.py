"""Fields of an MVTU's parameters, and where its memories keep each row and column of the matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.dataflow.params import Params, optional_field
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants
from bnnhw.golden.layout import beats, pack_integers, pack_words
from bnnhw.logic.weighted_products import NO_MASK
from bnnhw.rtl.banked_rom import BankedRom
from bnnhw.rtl.weight_form import Source, WeightForm

__all__ = ["MvtuShape"]


@dataclass(frozen=True)
class MvtuShape(Params[MvtuConstants]):
    """Fields of the parameters of an MVTU, and the order of rows and columns in its memories.

    Parameters
    ----------
    rows, columns : int
        Of one matrix.
    pe, simd : int
        Rows and columns per cycle.
    sf, nf : int
        Words per vector, and row groups.
    vectors, matrices : int
        Vectors per frame, and matrices that they meet one after the other: the groups of a grouped
        convolution.
    taps : int
        Pixels of a vector.
    parallel : bool
        A word carries all taps of some channels.
    bits : int
        Bits of an input element.
    serial : bool
        Elements of several bits are computed one bit plane per cycle; otherwise all at once.
    own_lanes : bool
        Each PE has private input lanes, ``lane = column * PE + row``: a depthwise convolution.
    acc_width : int
        Bits of an accumulator.
    threshold : bool
        True: the output is one bit per row, ``acc >= 0``. False: the accumulators.
    levels, product_register : int, bool
        Registers of the processing elements, see ``PeParams``.
    weight_memory, start_memory : str
        See ``Storage``.
    classes : int
        Border classes of positions, whose start values differ.
    vector_memory : str
        Kind of memory of vectors that are read again, see ``rom.RAM_STYLES``.
    queue_depth : int
        Words of the output queue.
    family : str
        Target whose cells count, see ``PeParams``.
    weights_in_luts : int
        See ``Storage``.
    plane_sources, coefficients, serial_weights : tuple, tuple, bool
        Planes of the weights, see ``WeightForm``; without them, the weights are of one bit, and
        ``MvtuConstants`` has their coefficient.
    bank_words : int
        Words of the weight ROM in one row of block RAMs, where it has several rows with a register
        in front of their multiplexer; 0 where it has no such register.
    repeated : bool
        Each vector arrives NF times, so that nothing has to store it.
    start_latency : int
        Cycles to read the ROM of start values: 2 with an output register.
    late_vector : bool
        A register follows the memory of the vectors, whose words arrive too late for products with
        weights that come from LUTs.
    """

    rows: int
    columns: int
    pe: int
    simd: int
    sf: int
    nf: int
    vectors: int
    matrices: int
    taps: int
    parallel: bool
    bits: int
    serial: bool
    own_lanes: bool
    acc_width: int
    threshold: bool
    levels: int
    product_register: bool
    weight_memory: str
    start_memory: str
    classes: int
    vector_memory: str
    queue_depth: int
    family: str
    weights_in_luts: int = 0
    plane_sources: tuple[Source, ...] = optional_field(())
    coefficients: tuple[tuple[int, ...], ...] = optional_field(())
    serial_weights: bool = optional_field(False)
    bank_words: int = optional_field(0)
    repeated: bool = optional_field(False)
    start_latency: int = optional_field(1)
    late_vector: bool = optional_field(False)

    def __post_init__(self) -> None:
        width = self.weight_width
        if not 0 <= self.weights_in_luts <= width:
            raise ValueError(f"{self.weights_in_luts} columns of {width} cannot be in LUTs")
        if self.repeated and self.planes > 1:
            raise ValueError("bit planes are read from a stored vector, which is not repeated")

    @property
    def weight_form(self) -> WeightForm | None:
        """Planes of few-bit weights; None for weights of one bit."""
        if not self.plane_sources:
            return None
        return WeightForm(self.plane_sources, self.coefficients, self.serial, self.serial_weights)

    @property
    def planes(self) -> int:
        """Steps per word."""
        return (self.bits if self.serial else 1) * self.weight_steps

    @property
    def weight_steps(self) -> int:
        """Words of weights per word of activations."""
        return len(self.plane_sources) if self.serial_weights else 1

    @property
    def word_bits(self) -> int:
        """Bits that a weight word has for each lane."""
        form = self.weight_form
        return 1 if form is None else form.word_bits

    @property
    def lane_bits(self) -> int:
        """Bits of an activation that a lane multiplies per cycle."""
        return 1 if self.serial else self.bits

    @property
    def weight_width(self) -> int:
        """Bits of a weight word."""
        return self.pe * self.simd * self.word_bits

    @property
    def replays(self) -> bool:
        """Words are stored and read again."""
        return (self.nf > 1 and not self.repeated) or self.planes > 1

    @property
    def holds(self) -> bool:
        """The stored vectors are single words, which a register holds."""
        return self.replays and self.sf == 1

    @property
    def weight_latency(self) -> int:
        """Cycles from the issue of a step until its weights are there."""
        return BankedRom.LATENCY if self.bank_words else 1 + self.late_vector

    @property
    def products_per_cycle(self) -> int:
        return self.pe * self.simd

    @property
    def cycles(self) -> int:
        return self.vectors * self.sf * self.nf * self.planes

    @property
    def pad_columns(self) -> int:
        """Columns of a row that only pad its last word; their weights are 1."""
        return self.sf * self.simd - self.columns

    @property
    def weight_words_count(self) -> int:
        """Words of the weight ROM."""
        return self.matrices * self.nf * self.sf * self.weight_steps

    def row_order(self) -> np.ndarray:
        """Row of the layer that PE r computes: ``[matrices, NF, PE]``, -1 for padding."""
        if self.own_lanes:
            rows = np.arange(self.matrices * self.pe).reshape(self.matrices, 1, self.pe)
            return np.where(rows < self.rows, rows, -1)
        local = np.arange(self.nf * self.pe).reshape(1, self.nf, self.pe)
        first = np.arange(self.matrices)[:, None, None] * self.rows
        return np.where(local < self.rows, first + local, -1)

    def column_order(self) -> np.ndarray:
        """Column of the matrix in lane s of word k: ``[SF, SIMD]``, -1 for padding."""
        channels = self.columns // self.taps
        lanes = self.simd // self.taps if self.parallel else self.simd
        words = beats(channels, lanes)
        channel = np.arange(words)[:, None] * lanes + np.arange(lanes)
        tap = np.arange(self.taps)
        if self.parallel:
            column = tap[None, :, None] * channels + channel[:, None, :]
            inside = np.broadcast_to(channel[:, None, :] < channels, column.shape)
        else:
            column = tap[:, None, None] * channels + channel[None]
            inside = np.broadcast_to(channel[None] < channels, column.shape)
        return np.where(inside, column, -1).reshape(self.sf, self.simd)

    def weight_words(self, constants: MvtuConstants) -> list[int]:
        """Pack the weight ROM: PE rows of SIMD lanes per step, in the order of the steps."""
        form = self.weight_form or WeightForm(((0, NO_MASK),), ((1,),))
        rows, columns = self.row_order(), self.column_order()
        stored = constants.padded(form)[:, rows[:, :, None, :, None],
                                        columns[None, None, :, None, :]]
        steps = form.words(stored)  # [weight steps, bits, matrices, NF, SF, PE, SIMD]
        return pack_words(steps.transpose(2, 3, 4, 0, 5, 6, 1).reshape(-1, self.weight_width))

    def start_words(self, constants: MvtuConstants) -> list[int]:
        """Pack the ROM of start values: PE numbers per row group, class after class."""
        lanes = constants.starts[:, self.row_order()]
        return pack_integers(lanes.reshape(-1, self.pe), self.acc_width)
