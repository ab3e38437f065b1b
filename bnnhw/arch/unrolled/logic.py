"""Parameters of a block of unrolled layers: its plan, values, cost and hardware."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from bnnhw.arch.unrolled.blocks import count_block, evaluate
from bnnhw.arch.unrolled.unit import LogicBlock, LogicUnit
from bnnhw.dataflow.params import LabelParams, register_unit
from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.mvtu import border_classes
from bnnhw.families import get_target
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.logic import certify
from bnnhw.logic.behaviour import behaviour
from bnnhw.logic.block_spec import BlockSpec
from bnnhw.logic.cse.block_netlist import build_block
from bnnhw.logic.cse.check import check_block
from bnnhw.logic.cse.search import CseOptions, Setting
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule, schedule
from bnnhw.logic.retime import retimed
from bnnhw.rtl.positions import BorderClasses

__all__ = ["LogicConstants", "LogicParams", "netlist_of", "registers_of"]

Settings = tuple[Setting, ...]


@dataclass(frozen=True, eq=False)
class LogicConstants:
    """The layers of a block, with their weights and border classes.

    Parameters
    ----------
    graph : Graph
    block : BlockSpec
        Function that the block computes.
    border_classes : BorderClasses or None
        Border class of each position; None if the first layer has a single class.
    """

    graph: Graph
    block: BlockSpec
    border_classes: BorderClasses | None


@register_unit
@dataclass(frozen=True)
class LogicParams(PipelineParams[LogicConstants], LabelParams[LogicConstants]):
    """Layers with constant weights, unrolled into one block of logic.

    Parameters
    ----------
    layers : tuple of str
        Layers in order; the last one may be a label.
    family : str
        Name of the target whose cells the logic uses.
    settings : tuple of tuple
        Options of the search for common subexpressions, for each product layer
        (``CseOptions.values``).
    cuts : int
        Pipeline registers on each path through the block.
    period : float
        Clock period in nanoseconds that requires ``cuts`` registers at the family's delays.
    synapses, luts, ffs : int
        Number of weights other than 0; LUTs and flip-flops, counted in the netlist.
    scores_out : StreamPlan
        Output of the last layer with scores.
    labelled : bool
        The last layer computes a label.
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
    def registers(self) -> int:
        return self.cuts

    def constants(self, graph: Graph, layer: str | None) -> LogicConstants:
        first = graph.layer(self.layers[0])
        assert isinstance(first, Product)
        block = count_block([graph.layer(name) for name in self.layers], self.forward)
        return LogicConstants(graph, block, border_classes(first)[1])

    def compute(self, *words: np.ndarray, constants: LogicConstants | None = None) -> np.ndarray:
        c = self.require(constants)
        classes = np.zeros(self.i.words, dtype=np.int64) if c.border_classes is None else \
            c.border_classes.of_positions()
        values = evaluate(c.block, words[0], classes)
        if not c.block.label:
            return values
        scores = StreamPlan(self.scores.elements, self.scores.lanes, self.scores.width,
                            self.scores.signed, self.i.words)
        labels = values.argmax(axis=2).astype(object)
        if self.forward:
            packed = np.array(scores.pack(values), dtype=object).reshape(labels.shape)
            labels = packed | labels << scores.bits
        return labels[:, :, None]

    def create(self, constants: LogicConstants | None = None,
               module_name: str = "unit") -> LogicUnit:
        c = self.require(constants)
        graph, block = c.graph, c.block
        netlist = netlist_of(graph, self.layers, self.forward, self.family, self.settings)
        certify(netlist)  # raises unless the netlist is proven equivalent to its specification
        check_block(block, netlist)
        found = registers_of(graph, self.layers, self.forward, self.family, self.settings,
                             self.period)
        assert found.cuts == self.cuts, module_name
        text = get_target(self.family).module(f"{module_name}_logic", netlist, found,
                                              behaviour(block, self.cuts))
        logic = LogicBlock(module_name=f"{module_name}_logic", block=block, cuts=self.cuts,
                           text=text)
        return LogicUnit(module_name=module_name, logic=logic, queue_depth=self.queue_depth,
                         border_classes=c.border_classes)

    @property
    def products_per_cycle(self) -> int:
        return self.synapses

    def summary(self) -> dict[str, object]:
        return {"layers": " ".join(self.layers), "cuts": self.cuts, "synapses": self.synapses,
                "luts": self.luts, "ffs": self.ffs}

    def counted(self) -> tuple[int, int]:
        return self.luts, self.ffs


@functools.lru_cache(maxsize=16)
def netlist_of(graph: Graph, layers: tuple[str, ...], forward: bool, family: str,
               settings: Settings) -> Netlist:
    """Build the netlist of a block."""
    block = count_block([graph.layer(name) for name in layers], forward)
    return build_block(block, get_target(family), [CseOptions.of(values) for values in settings])


@functools.lru_cache(maxsize=16)
def registers_of(graph: Graph, layers: tuple[str, ...], forward: bool, family: str,
                 settings: Settings, period: float) -> Schedule:
    """Place the pipeline registers of a block for a clock period in nanoseconds."""
    netlist = netlist_of(graph, layers, forward, family, settings)
    return retimed(netlist, schedule(netlist, get_target(family).delays, period))
