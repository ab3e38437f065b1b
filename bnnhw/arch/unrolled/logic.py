"""A block of layers as logic."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

from bnnhw.arch.streaming.units.starts import border_places
from bnnhw.arch.unrolled.blocks import count_block
from bnnhw.families import get_target
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.logic import certify
from bnnhw.logic.behaviour import behaviour
from bnnhw.logic.cse.block_netlist import build_block
from bnnhw.logic.cse.check import check_block
from bnnhw.logic.cse.search import CseOptions
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule, schedule
from bnnhw.logic.retime import retimed
from bnnhw.plan import LabelUnit, Memory, StreamPlan
from bnnhw.plan.blocks import PipelineBlock
from bnnhw.rtl.logic import LogicBlock, LogicUnit

__all__ = ["LogicPlan", "netlist_of", "registers_of"]

Settings = tuple[tuple[int, float, int, int, int, int], ...]


@dataclass(frozen=True)
class LogicPlan(LabelUnit):
    """Layers with constant weights, unrolled.

    Parameters
    ----------
    layers : tuple of str
        In order; the last one may be a label.
    family : str
        Target of the cells.
    settings : tuple of (int, float, int, int, int, int)
        How each product layer is shared.
    cuts : int
        Registers on each path.
    period : float
        Nanoseconds between registers that gives so many, by the delays of the family.
    synapses, luts, ffs : int
        Products a vector; lookup tables and registers of the block, counted.
    scores_out : StreamPlan
    labelled : bool
        The last layer is a label.
    """

    layers: tuple[str, ...]
    family: str
    settings: Settings
    cuts: int
    period: float
    synapses: int
    luts: int
    ffs: int
    scores_out: StreamPlan
    labelled: bool

    kind: ClassVar[str] = "logic"

    @property
    def scores(self) -> StreamPlan:
        return self.scores_out

    @property
    def cycles(self) -> int:
        return self.i.words

    def block(self, graph: Graph) -> PipelineBlock:
        return PipelineBlock(self.i.words, 1, LogicUnit.latency(self.cuts),
                             LogicUnit.queue_words(self.cuts))

    def build(self, graph: Graph, design: str) -> LogicUnit:
        name = f"{design}_{self.name}"
        netlist = netlist_of(graph, self.layers, self.forward, self.family, self.settings)
        block = count_block([graph.layer(layer) for layer in self.layers], self.forward)
        certify(netlist)  # no certificate, no Verilog
        check_block(block, netlist)
        found = registers_of(graph, self.layers, self.forward, self.family, self.settings,
                             self.period)
        assert found.cuts == self.cuts, self.name
        text = get_target(self.family).module(f"{name}_logic", netlist, found,
                                              behaviour(block, self.cuts))
        logic = LogicBlock(module_name=f"{name}_logic", block=block, cuts=self.cuts, text=text)
        first = graph.layer(self.layers[0])
        assert isinstance(first, Product)
        return LogicUnit(module_name=name, logic=logic,
                         queue_depth=LogicUnit.queue_words(self.cuts),
                         places=border_places(first)[1])

    @property
    def products_per_cycle(self) -> int:
        return self.synapses

    def summary(self) -> dict[str, Any]:
        return {"layers": " ".join(self.layers), "cuts": self.cuts, "synapses": self.synapses,
                "luts": self.luts, "ffs": self.ffs}

    def counted(self) -> tuple[int, int]:
        return self.luts, self.ffs

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("queue", LogicUnit.queue_words(self.cuts) - 1, self.o.bits, "auto", True),)


@functools.lru_cache(maxsize=16)
def netlist_of(graph: Graph, layers: tuple[str, ...], forward: bool, family: str,
               settings: Settings) -> Netlist:
    """The netlist of a block."""
    block = count_block([graph.layer(name) for name in layers], forward)
    return build_block(block, get_target(family), [CseOptions(*own) for own in settings])


@functools.lru_cache(maxsize=16)
def registers_of(graph: Graph, layers: tuple[str, ...], forward: bool, family: str,
                 settings: Settings, period: float) -> Schedule:
    """Where the registers of a block are, for a period in nanoseconds."""
    netlist = netlist_of(graph, layers, forward, family, settings)
    return retimed(netlist, schedule(netlist, get_target(family).delays, period))
