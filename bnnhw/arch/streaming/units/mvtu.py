"""A dense layer as an MVTU: every width, depth and memory of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from bnnhw.device import Device
from bnnhw.golden.layout import beats, weight_words
from bnnhw.ir import Graph, Int
from bnnhw.ir.layers import Dense
from bnnhw.plan import StreamPlan, Unit
from bnnhw.plan.folding import Fold
from bnnhw.plan.timing import Block, PipelineBlock, ReplayBlock
from bnnhw.rtl.mvtu import Mvtu
from bnnhw.rtl.replay import ReplayBuffer

__all__ = ["MvtuPlan", "accumulator", "plan_mvtu"]

POPCOUNT_LEVELS = 3
"""Adder levels between two registers of the popcount tree."""


@dataclass(frozen=True)
class MvtuPlan(Unit):
    """Folding, accumulator and memories of a dense layer."""

    acc_width: int
    threshold: bool
    levels: int
    product_register: bool
    weight_memory: str
    start_memory: str
    queue_depth: int

    kind: ClassVar[str] = "mvtu"

    @property
    def rows(self) -> int:
        return self.o.elements

    @property
    def columns(self) -> int:
        return self.i.elements

    @property
    def pe(self) -> int:
        return self.o.lanes

    @property
    def simd(self) -> int:
        return self.i.lanes

    @property
    def sf(self) -> int:
        return self.i.words

    @property
    def nf(self) -> int:
        return self.o.words

    @property
    def cycles(self) -> int:
        return self.sf * self.nf

    def block(self) -> Block:
        latency = Mvtu.latency(self.simd, self.levels, self.product_register)
        if self.nf == 1:
            return PipelineBlock(self.sf, self.sf, latency, self.queue_depth)
        return ReplayBlock(self.sf, self.nf, Mvtu.ISSUE_LATENCY, ReplayBuffer.depth(self.sf),
                           latency, self.queue_depth)

    def build(self, graph: Graph, design: str) -> Mvtu:
        layer = graph.layer(str(self.layer))
        assert isinstance(layer, Dense)
        return Mvtu(
            module_name=f"{design}_{self.name}", simd=self.simd, pe=self.pe, sf=self.sf,
            nf=self.nf, weights=weight_words(layer.weights[0], self.pe, self.simd),
            starts=self._start_words(layer), width=self.acc_width,
            coefficient=layer.coefficients[0], threshold=self.threshold, levels=self.levels,
            weight_style=_style(self.weight_memory), start_style=_style(self.start_memory),
            queue_depth=self.queue_depth, product_register=self.product_register)

    def _start_words(self, layer: Dense) -> list[int]:
        starts = _starts(layer)
        never = _never(layer)  # a padded row gives 0
        mask = (1 << self.acc_width) - 1
        words = []
        for group in range(self.nf):
            word = 0
            for r in range(self.pe):
                row = group * self.pe + r
                start = int(starts[row]) if row < self.rows else never
                word |= (start & mask) << (r * self.acc_width)
            words.append(word)
        return words

    def summary(self) -> dict[str, Any]:
        pads = []
        if self.nf * self.pe != self.rows:
            pads.append(f"{self.nf * self.pe - self.rows} rows")
        if self.sf * self.simd != self.columns:
            pads.append(f"{self.sf * self.simd - self.columns} columns")
        return {"pe": self.pe, "simd": self.simd, "sf": self.sf, "nf": self.nf,
                "weights": self.weight_memory, "thresholds": self.start_memory,
                "weight_bits": self.sf * self.nf * self.pe * self.simd,
                "padding": " and ".join(pads)}


def _style(memory: str) -> str:
    """A constant is a table of one word, for which the style has no meaning."""
    return "lut" if memory == "constant" else memory


def _starts(layer: Dense) -> np.ndarray:
    """Where the accumulator of each row begins: its constant, less its threshold if it has one.

    Thresholds are first brought into the range in which they differ in effect.
    """
    if layer.thresholds is None:
        return layer.const
    return np.clip(layer.const - layer.thresholds[:, 0], _never(layer), 0)


def _never(layer: Dense) -> int:
    """The highest start value from which no input brings the accumulator to 0."""
    return -layer.coefficients[0] * layer.fan_in - 1


def accumulator(layer: Dense) -> Int:
    """Range of the accumulator from its start value to its end, padded rows included."""
    starts = _starts(layer)
    top = layer.coefficients[0] * layer.fan_in
    return Int(min(int(starts.min()), _never(layer)), max(int(starts.max()) + top, 0))


def plan_mvtu(layer: Dense, fold: Fold, device: Device, memory: str) -> MvtuPlan:
    """Decide the widths and memories of a dense layer at a given fold.

    Parameters
    ----------
    memory : str
        ``auto``, ``block``, ``lut`` or ``constant``, as the user wrote it.
    """
    sf, nf = beats(layer.fan_in, fold.simd), beats(layer.outputs, fold.pe)
    width = accumulator(layer).width
    threshold = layer.thresholds is not None
    if memory == "auto":
        memory = "constant" if sf * nf == 1 else device.rom_style(sf * nf)
    product_register = memory == "block"
    latency = Mvtu.latency(fold.simd, POPCOUNT_LEVELS, product_register)
    return MvtuPlan(
        name=layer.name, layer=layer.name,
        i=StreamPlan(layer.fan_in, fold.simd),
        o=StreamPlan(layer.outputs, fold.pe, 1 if threshold else width, not threshold),
        acc_width=width, threshold=threshold, levels=POPCOUNT_LEVELS,
        product_register=product_register, weight_memory=memory,
        start_memory="constant" if nf == 1 else device.rom_style(nf),
        queue_depth=Mvtu.queue_words(latency, sf))
