"""Popcount of the products of activations and weights, for units whose weights change."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from bnnhw.logic.behaviour import ONES, ones_of, registered
from bnnhw.logic.certificate import certify
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Delays, Schedule, schedule
from bnnhw.logic.sum_builder import SumBuilder
from bnnhw.logic.target import Target

__all__ = ["PopcountNetlist", "popcount_netlist", "popcount_verilog"]

LEVELS = Delays(lut_ns=0.5, chain_ns=1.0, slot_ns=0.0, register_ns=0.0)
"""Delays in adder levels instead of nanoseconds: a level is as slow as two lookup tables."""


@dataclass(frozen=True)
class PopcountNetlist:
    """A proven netlist that counts agreeing activations and weights.

    Parameters
    ----------
    netlist : Netlist
        Its inputs are the activations, then the weights; its outputs are the count.
    schedule : Schedule
        Pipeline registers.
    """

    netlist: Netlist
    schedule: Schedule

    @property
    def cuts(self) -> int:
        """Latency in cycles."""
        return self.schedule.cuts


@functools.lru_cache(maxsize=256)
def popcount_netlist(width: int, target: Target, levels: int, early: bool) -> PopcountNetlist:
    """Build and prove the popcount of some products.

    Parameters
    ----------
    width : int
        Number of products (lanes).
    target : Target
    levels : int
        Adder levels between two registers; 0 for a combinational popcount.
    early : bool
        Put a register after the first level already, because the inputs arrive late.
    """
    netlist = Netlist(2 * width)
    products = [(netlist.input(k), netlist.input(width + k)) for k in range(width)]
    netlist.outputs = list(SumBuilder(netlist, target).total(products).lits)
    certify(netlist)
    limit = levels or float("inf")
    return PopcountNetlist(netlist, schedule(netlist, LEVELS, limit, 1 if early else limit))


def popcount_verilog(name: str, width: int, target: Target, levels: int, early: bool) -> str:
    """Verilog of a popcount: module ``name(clk, x, y)``, without ``clk`` if it has no registers.

    Parameters
    ----------
    name : str
        Name of the module.
    width, target, levels, early
        As for ``popcount_netlist``. Input ``x`` has the activations in its low ``width`` bits
        and the weights in its high ones.
    """
    made = popcount_netlist(width, target, levels, early)
    agreeing = f"~(x[{width - 1}:0] ^ x[{2 * width - 1}:{width}])"
    outputs = len(made.netlist.outputs)
    model = [ONES,
             f"wire [{width - 1}:0] agreeing = {agreeing};",
             f"wire [{outputs - 1}:0] now = {ones_of('agreeing', width)};"]
    return target.module(name, made.netlist, made.schedule,
                         "\n".join([*model, *registered(outputs, made.cuts)]))
