"""Parameters of the MVTU: the folding, widths and memories of a product layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.dataflow.params import Memory, Params, register_unit
from bnnhw.dataflow.units.mvtu.component import Mvtu
from bnnhw.dataflow.units.mvtu.constants import MvtuConstants
from bnnhw.dataflow.units.mvtu.token_model import MvtuBlock, Readings
from bnnhw.golden.layout import beats, pack_integers, pack_words
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.rtl.pe import PeParams
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["MvtuParams"]


@register_unit
@dataclass(frozen=True)
class MvtuParams(Params[MvtuConstants]):
    """Folding, accumulator and memories of a product layer.

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

    kind: ClassVar[str] = "mvtu"

    def __post_init__(self) -> None:
        width = self.pe * self.simd
        if not 0 <= self.weights_in_luts <= width:
            raise ValueError(f"{self.weights_in_luts} columns of {width} cannot be in LUTs")

    @property
    def planes(self) -> int:
        """Steps per word."""
        return self.bits if self.serial else 1

    @property
    def replays(self) -> bool:
        """Words are stored and read again."""
        return self.nf > 1 or self.planes > 1

    @property
    def products_per_cycle(self) -> int:
        return self.pe * self.simd

    @property
    def cycles(self) -> int:
        return self.vectors * self.sf * self.nf * self.planes

    def pe_params(self, coefficient: int = 1) -> PeParams:
        """Describe one processing element; its latency does not depend on ``coefficient``."""
        return PeParams(self.simd, self.acc_width, coefficient, self.levels,
                        self.product_register, 1 if self.serial else self.bits, self.planes,
                        self.family)

    @property
    def latency(self) -> int:
        """Cycles from the issue of the last step of a row group until its word is valid."""
        return 1 + self.pe_params().latency + CreditQueue.LATENCY

    @property
    def free_running_depth(self) -> int:
        """Smallest depth of the output queue that stalls no step while the output is read."""
        return max(3, -(-(self.latency + 1) // (self.sf * self.planes)))

    @property
    def pad_columns(self) -> int:
        """Columns of a row that only pad its last word; their weights are 1."""
        return self.sf * self.simd - self.columns

    def constants(self, graph: Graph, layer: str | None) -> MvtuConstants:
        found = graph.layer(str(layer))
        assert isinstance(found, Product)
        return MvtuConstants.of(found, self.threshold, self.pad_columns)

    def compute(self, *words: np.ndarray, constants: MvtuConstants | None = None) -> np.ndarray:
        c, frames = self.require(constants), len(words[0])
        rows, columns = self.row_order(), self.column_order()
        mask = (1 << self.bits) - 1
        x = words[0] + (1 << self.bits - 1) if c.signed else words[0] & mask
        shape = (frames, self.vectors // self.matrices, self.matrices, self.sf, self.simd)
        x = x.reshape(*shape, self.pe) if self.own_lanes else x.reshape(*shape, 1)
        # Columns of padding and rows of padding have weights 1.
        padded = np.ones((len(c.weights) + 1, self.columns + 1), dtype=bool)
        padded[:-1, :-1] = c.weights
        weights = padded[rows[..., None, None], columns]  # [matrices, NF, PE, SF, SIMD]
        weights = weights.transpose(0, 1, 3, 4, 2)
        starts = c.starts[c.classes(shape[1])][:, rows]  # [positions, matrices, NF, PE]
        sums = []
        for group in range(self.nf):
            agreeing = np.where(weights[:, group], x, mask - x)
            sums.append(starts[:, :, group] + c.coefficient * agreeing.sum(axis=(3, 4)))
        out = np.stack(sums, axis=3)
        if self.threshold:
            return (out >= 0).astype(np.int64).reshape(frames, -1, self.pe)
        return np.where(rows >= 0, out, 0).reshape(frames, -1, self.pe)

    def create(self, constants: MvtuConstants | None = None, module_name: str = "unit") -> Mvtu:
        return Mvtu(self, self.require(constants), module_name)

    def token_model(self) -> MvtuBlock:
        issue = ReplayBuffer.WRITE_LATENCY if self.replays else None
        return MvtuBlock(Readings(self.vectors, self.sf, self.nf, self.planes), issue,
                         ReplayBuffer.depth(self.sf), self.latency, self.queue_depth)

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
        """Pack the weight ROM: PE rows of SIMD bits per step, in the order of the steps."""
        weights = constants.weights
        padded = np.ones((len(weights) + 1, self.columns + 1), dtype=np.uint8)
        padded[:-1, :-1] = weights
        rows, columns = self.row_order(), self.column_order()
        steps = padded[rows[:, :, None, :, None], columns[None, None, :, None, :]]
        return pack_words(steps.reshape(-1, self.pe * self.simd))

    def start_words(self, constants: MvtuConstants) -> list[int]:
        """Pack the ROM of start values: PE numbers per row group, class after class."""
        lanes = constants.starts[:, self.row_order()]
        return pack_integers(lanes.reshape(-1, self.pe), self.acc_width)

    def contents(self, constants: MvtuConstants | None, what: str) -> list[int]:
        if what == "weights":
            return self.weight_words(self.require(constants))
        return super().contents(constants, what)

    @property
    def form(self) -> str:
        """How integers are multiplied: ``serial`` or ``parallel``; empty for single bits."""
        return "" if self.bits == 1 else "serial" if self.serial else "parallel"

    @property
    def padding(self) -> str:
        """Description of the rows and columns that folding adds to the matrix; or empty."""
        rows = self.pe * (self.matrices if self.own_lanes else self.nf) - self.rows
        return " and ".join(f"{count} {what}" for count, what in (
            (rows, "rows"), (self.pad_columns, "columns")) if count)

    @property
    def folding(self) -> str:
        form = {"": "", "serial": f", {self.bits} bit planes one after another",
                "parallel": f", {self.bits} bits in parallel"}[self.form]
        padding = f", {self.padding} padded" if self.padding else ""
        return f"{self.pe} x {self.simd}{form}{padding}"

    def summary(self) -> dict[str, object]:
        integers = {"bits": self.bits, "form": self.form} if self.form else {}
        return {"pe": self.pe, "simd": self.simd, "sf": self.sf, "nf": self.nf, **integers,
                "weights": self.weight_memory, "thresholds": self.start_memory,
                "weight_bits": self.sf * self.nf * self.matrices * self.products_per_cycle,
                "padding": self.padding}

    def features(self) -> dict[str, float]:
        bits = self.bits if self.planes == 1 else 1
        serial = {"plane": self.pe * (self.simd.bit_length() + self.bits),
                  "chosen": float(self.i.bits)} if self.planes > 1 else {}
        registered = self.pe * self.simd * bits if self.product_register else 0
        lanes = self.pe * self.simd
        return {"unit": 1, "registered": registered, "lane": lanes, "number": lanes * (bits - 1),
                "acc": self.pe * self.acc_width, "pe": self.pe, "input": self.i.bits,
                "count": self.cycles.bit_length() + self.classes - 1, **serial}

    def memories(self) -> tuple[Memory, ...]:
        steps, words = self.matrices * self.nf * self.sf, self.classes * self.matrices * self.nf
        vector: tuple[Memory, ...] = ()
        if self.replays:
            vector = (Memory("vector", ReplayBuffer.depth(self.sf), self.i.bits,
                             self.vector_memory, True),)
        spilled = self.weights_in_luts
        in_luts = (Memory("weights", steps, spilled, "lut", False),) if spilled else ()
        return (Memory("weights", steps, self.pe * self.simd - spilled, self.weight_memory, False),
                *in_luts,
                Memory("thresholds", words, self.pe * self.acc_width, self.start_memory, False),
                Memory.of_queue(self.queue_depth, self.o.bits), *vector)
