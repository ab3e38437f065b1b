"""Counting agreeing bits of activations and weights that both change, and adding the count up."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from bnnhw.logic.behaviour import ONES, ones_of, registered
from bnnhw.logic.build import SumBuilder
from bnnhw.logic.certificate import certify
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays, Schedule, schedule
from bnnhw.logic.targets import TARGETS
from bnnhw.logic.text import WRITERS, module_text

__all__ = ["LaneCount", "lane_count", "lane_text"]

LEVELS = Delays(lut=0.5, chain=1.0, slot=0.0, register=0.0)
"""Depth in adder levels: two lookup tables are as long as one of them."""


@dataclass(frozen=True)
class LaneCount:
    """A proven netlist that counts ``width`` lanes.

    Parameters
    ----------
    netlist : Netlist
        Inputs: activations, then weights. Outputs: the count.
    schedule : Schedule
    """

    netlist: Netlist
    schedule: Schedule

    @property
    def cuts(self) -> int:
        """Latency in cycles."""
        return self.schedule.cuts


@functools.lru_cache(maxsize=256)
def lane_count(width: int, family: str, levels: int, early: bool) -> LaneCount:
    """Build and prove a count of ``width`` products.

    Parameters
    ----------
    levels : int
        Adder levels between two registers; 0 for none.
    early : bool
        A register behind the first level already: what feeds it is slow.
    """
    netlist = Netlist(2 * width)
    products = [(netlist.input(k), netlist.input(width + k)) for k in range(width)]
    netlist.outputs = list(SumBuilder(netlist, TARGETS[family]).total(products).lits)
    certify(netlist)
    most = levels or float("inf")
    return LaneCount(netlist, schedule(netlist, LEVELS, most, 1 if early else most))


def lane_text(name: str, width: int, family: str, levels: int, early: bool) -> str:
    """Verilog of the module ``name(clk, x, y)``: ``x`` is weights above activations."""
    made = lane_count(width, family, levels, early)
    agreeing = f"~(x[{width - 1}:0] ^ x[{2 * width - 1}:{width}])"
    outputs = len(made.netlist.outputs)
    twin = [ONES,
            f"wire [{width - 1}:0] agreeing = {agreeing};",
            f"wire [{outputs - 1}:0] now = {ones_of('agreeing', width)};"]
    return module_text(name, made.netlist, made.schedule, WRITERS[family],
                       "\n".join([*twin, *registered(outputs, made.cuts)]))
