"""Select unit: reorders, repeats or drops the channels of each pixel, by wiring alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.hdl import Cat, Module

from bnnhw.dataflow.component import ConstantUnit
from bnnhw.dataflow.params import register_unit
from bnnhw.dataflow.pipeline import RegisterParams
from bnnhw.dataflow.tokens import Block, ReduceBlock
from bnnhw.ir import Graph
from bnnhw.layers import PixelShuffle, Select
from bnnhw.rtl.output_register import output_register

__all__ = ["SelectParams", "SelectUnit"]


@register_unit
@dataclass(frozen=True)
class SelectParams(RegisterParams[tuple[int, ...]]):
    """Wires and one register. A word is an entire pixel.

    Its constants are the input lane of each output lane.
    """

    kind: ClassVar[str] = "select"

    def constants(self, graph: Graph, layer: str | None) -> tuple[int, ...]:
        found = graph.layer(str(layer))
        assert isinstance(found, (Select, PixelShuffle))
        return found.wires

    def compute(self, *words: np.ndarray, constants: tuple[int, ...] | None = None) -> np.ndarray:
        return words[0][..., list(self.require(constants))]

    def create(self, constants: tuple[int, ...] | None = None,
               module_name: str = "unit") -> SelectUnit:
        return SelectUnit(self, self.require(constants), module_name)

    def token_model(self) -> Block:
        return ReduceBlock(self.i.words, 1, 1, self.latency)


class SelectUnit(ConstantUnit[SelectParams, tuple[int, ...]]):
    """Selects lanes of each word: wiring, and one register after it."""

    def body(self, platform: object) -> Module:
        m = Module()
        chosen = Cat(self.i.payload.word_select(c, self.params.i.width) for c in self.constants)
        m.d.comb += self.i.ready.eq(output_register(m, self, self.i.valid, chosen))
        return m
