"""A product layer as an MVTU: every width, depth and memory of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.arch.streaming.units.starts import border_places, start_values
from bnnhw.families import Device
from bnnhw.golden.layout import beats, pack_integers, pack_words
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.plan import Memory, StreamPlan, Unit
from bnnhw.plan.blocks import Block, MvtuBlock
from bnnhw.plan.folding import Fold, Matrix
from bnnhw.rtl.mvtu import Mvtu
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["MvtuPlan", "plan_mvtu"]

POPCOUNT_LEVELS = 3
"""Adder levels between two registers of the popcount tree."""


@dataclass(frozen=True)
class MvtuPlan(Unit):
    """Folding, accumulator and memories of a product layer.

    Parameters
    ----------
    rows, columns : int
        Of one matrix.
    pe, simd, sf, nf : int
    vectors, matrices : int
        Vectors a frame, and matrices that they meet in turn.
    taps : int
        Pixels of a vector.
    parallel : bool
        A word holds all taps of some channels.
    bits, serial
        Of the elements, see ``rtl.mvtu``.
    own_lanes : bool
        Depthwise.
    weights_in_luts : int
        Columns of the table of weights that found no block RAM, where others did.
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

    @property
    def planes(self) -> int:
        """Steps a word."""
        return self.bits if self.serial else 1

    @property
    def cycles(self) -> int:
        return self.vectors * self.sf * self.nf * self.planes

    @property
    def latency(self) -> int:
        """Cycles from the last step of a row group to its word."""
        return Mvtu.latency(self.simd, self.levels, self.product_register, self.planes,
                            1 if self.serial else self.bits, self.family)

    def block(self, graph: Graph) -> Block:
        issue = Mvtu.ISSUE_LATENCY if Mvtu.replays(self.nf, self.planes) else None
        return MvtuBlock(self.vectors, self.sf, self.nf, self.planes, issue,
                         ReplayBuffer.depth(self.sf), self.latency, self.queue_depth)

    def build(self, graph: Graph, design: str) -> Mvtu:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Product)
        starts = start_values(layer, self.threshold, self.pad_columns)
        _, places = border_places(layer)
        return Mvtu(
            module_name=f"{design}_{self.name}", simd=self.simd, pe=self.pe, sf=self.sf,
            nf=self.nf, weights=self._weight_words(layer), starts=self._start_words(starts),
            width=self.acc_width, coefficient=layer.coefficients[0], threshold=self.threshold,
            levels=self.levels, weight_style=_style(self.weight_memory),
            start_style=_style(self.start_memory), queue_depth=self.queue_depth,
            product_register=self.product_register, matrices=self.matrices, bits=self.bits,
            signed=layer.input.element.signed, serial=self.serial, own_lanes=self.own_lanes,
            places=places, rest=self.o.rest, vector_style=self.vector_memory,
            family=self.family, weights_in_luts=self.weights_in_luts)

    @property
    def pad_columns(self) -> int:
        """Columns of a row that are only padding; their weights are 1."""
        return self.sf * self.simd - self.columns

    def row_order(self) -> np.ndarray:
        """Row of the layer that PE r computes: ``[matrices, NF, PE]``, -1 for padding."""
        if self.own_lanes:
            rows = np.arange(self.matrices * self.pe).reshape(self.matrices, 1, self.pe)
            return np.where(rows < self.rows, rows, -1)
        local = np.arange(self.nf * self.pe).reshape(1, self.nf, self.pe)
        first = np.arange(self.matrices)[:, None, None] * self.rows
        return np.where(local < self.rows, first + local, -1)

    def column_order(self) -> np.ndarray:
        """Column that lane s of word k is: ``[SF, SIMD]``, -1 for padding."""
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

    def _weight_words(self, layer: Product) -> list[int]:
        padded = np.ones((layer.outputs + 1, self.columns + 1), dtype=np.uint8)
        padded[:-1, :-1] = layer.weights[0]
        rows, columns = self.row_order(), self.column_order()
        steps = padded[rows[:, :, None, :, None], columns[None, None, :, None, :]]
        return pack_words(steps.reshape(-1, self.pe * self.simd))

    def _start_words(self, starts: np.ndarray) -> list[int]:
        """Start values ``[classes, rows and one for padding]`` as words."""
        lanes = starts[:, self.row_order()]
        return pack_integers(lanes.reshape(-1, self.pe), self.acc_width)

    def contents(self, graph: Graph, what: str) -> list[int]:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Product)
        return self._weight_words(layer) if what == "weights" else super().contents(graph, what)

    @property
    def products_per_cycle(self) -> int:
        return self.pe * self.simd

    @property
    def form(self) -> str:
        """How it multiplies integers: ``serial`` or ``parallel``; empty for single bits."""
        return "" if self.bits == 1 else "serial" if self.serial else "parallel"

    @property
    def padding(self) -> str:
        """Rows and columns that folding adds to the matrix, for people; empty where none."""
        rows = self.pe * (self.matrices if self.own_lanes else self.nf) - self.rows
        return " and ".join(f"{count} {what}" for count, what in (
            (rows, "rows"), (self.pad_columns, "columns")) if count)

    @property
    def folding(self) -> str:
        form = {"": "", "serial": f", {self.bits} bit planes one after another",
                "parallel": f", {self.bits} bits in parallel"}[self.form]
        padding = f", {self.padding} padded" if self.padding else ""
        return f"{self.pe} x {self.simd}{form}{padding}"

    def summary(self) -> dict[str, Any]:
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
        if Mvtu.replays(self.nf, self.planes):
            vector = (Memory("vector", ReplayBuffer.depth(self.sf), self.i.bits,
                             self.vector_memory, True),)
        spilled = self.weights_in_luts
        beside = (Memory("weights", steps, spilled, "lut", False),) if spilled else ()
        return (Memory("weights", steps, self.pe * self.simd - spilled, self.weight_memory, False),
                *beside,
                Memory("thresholds", words, self.pe * self.acc_width, self.start_memory, False),
                Memory("queue", self.queue_depth - 1, self.o.bits, "auto", True), *vector)


def _style(memory: str) -> str:
    """A constant is a table of one word, for which the style has no meaning."""
    return "lut" if memory == "constant" else memory


def plan_mvtu(layer: Product, matrix: Matrix, fold: Fold, source: str, i: StreamPlan,
              device: Device, weights: str, starts_in: str,
              weights_in_luts: int = 0) -> MvtuPlan:
    """Decide the widths and memories of a product layer at a given fold.

    Parameters
    ----------
    i : StreamPlan
        Words of vectors, as the unit takes them.
    weights, starts_in : str
        Storage of the weights and of the start values: ``block``, ``lut`` or ``constant``; of the
        weights also ``spram``.
    weights_in_luts : int
        Columns of the weights that do not lie there.
    """
    sf = matrix.sf(fold.simd)
    nf = 1 if matrix.depthwise else beats(matrix.rows, fold.pe)
    matrices = beats(matrix.rows, fold.pe) if matrix.depthwise else layer.groups
    vectors = matrix.vectors * (matrices if matrix.depthwise else 1)
    threshold = layer.thresholds is not None and layer.thresholds.shape[1] == 1
    starts = start_values(layer, threshold, sf * fold.simd - matrix.columns)
    top = sum(layer.coefficients) * layer.fan_in
    excess = start_values(layer, threshold, 0)
    width = _range_width(int(starts.min()), max(int(excess.max()) + top, 0))
    classes = len(starts)
    product_register = weights in ("block", "spram")
    planes = matrix.bits if fold.serial else 1
    family = device.family.target.name
    latency = Mvtu.latency(fold.simd, POPCOUNT_LEVELS, product_register, planes,
                           1 if fold.serial else matrix.bits, family)
    element_width, signed = (1, False) if threshold else (width, True)
    o = StreamPlan(matrix.rows, fold.pe, element_width, signed,
                   matrix.vectors if matrix.depthwise else vectors)
    return MvtuPlan(
        layer.name, layer.name, (source,), i, o, rows=matrix.rows, columns=matrix.columns,
        pe=fold.pe, simd=fold.simd, sf=sf, nf=nf, vectors=vectors, matrices=matrices,
        taps=matrix.taps, parallel=matrix.taps > 1 and fold.simd > matrix.channels,
        bits=matrix.bits, serial=fold.serial, own_lanes=matrix.depthwise, acc_width=width,
        threshold=threshold, levels=POPCOUNT_LEVELS, product_register=product_register,
        weight_memory=weights, start_memory=starts_in, classes=classes,
        vector_memory=device.memory.ram_style(ReplayBuffer.depth(sf), i.bits),
        queue_depth=Mvtu.queue_words(latency, sf * planes), family=family,
        weights_in_luts=weights_in_luts)


def _range_width(low: int, high: int) -> int:
    """Bits of a two's complement number from ``low`` to ``high``."""
    return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length()) + 1
