"""Registers in a netlist: which stage each bit belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.count.cells import Cell, Lut
from bnnhw.count.netlist import Netlist

__all__ = ["Delays", "Schedule", "register_count", "schedule", "schedule_cuts"]


@dataclass(frozen=True)
class Delays:
    """Rough delays of cells, routing included, in nanoseconds.

    Parameters
    ----------
    lut, chain, slot : float
        A lookup table; a carry chain; each slot of it besides.
    register : float
        Clock to output and setup together.
    """

    lut: float
    chain: float
    slot: float
    register: float

    def of(self, cell: Cell) -> float:
        if isinstance(cell, Lut):
            return self.lut
        return self.chain + self.slot * len(cell.slots)


@dataclass(frozen=True)
class Schedule:
    """Stage of each bit, and the cycle in which all outputs are there.

    Parameters
    ----------
    stage : tuple of int
        By bit; inputs are in stage 0.
    cuts : int
        Registers on every path from an input to an output.
    period : float
        What it was made for.
    slowest : float
        Longest path between registers, in nanoseconds by the model.
    """

    stage: tuple[int, ...]
    cuts: int
    period: float
    slowest: float


def schedule(netlist: Netlist, delays: Delays, period: float,
             first: float | None = None) -> Schedule:
    """Put registers in front of each cell that would come too late.

    Parameters
    ----------
    period : float
        Nanoseconds; a cell that alone takes longer has a stage of its own.
    first : float or None
        Period of the first stage, where that is another one.
    """
    stage, arrival = [0] * netlist.bits, [0.0] * netlist.bits
    budget, slowest = period - delays.register, 0.0
    early = budget if first is None else first - delays.register
    for cell in netlist.cells:
        own = delays.of(cell)
        at = max((stage[bit] for bit in cell.reads), default=0)
        ready = max((arrival[bit] for bit in cell.reads if stage[bit] == at), default=0.0)
        if ready > 0 and ready + own > (budget if at else early):
            at, ready = at + 1, 0.0
        for function in cell.functions:
            stage[function.out], arrival[function.out] = at, ready + own
        slowest = max(slowest, ready + own)
    cuts = max((stage[lit >> 1] for lit in netlist.outputs), default=0)
    return Schedule(tuple(stage), cuts, period, slowest + delays.register)


def schedule_cuts(netlist: Netlist, delays: Delays, cuts: int) -> Schedule:
    """The shortest period that needs no more than so many registers on a path."""
    whole = schedule(netlist, delays, 1e9)
    if cuts == 0:
        return whole
    low, high, best = delays.register, whole.slowest, whole
    for _ in range(24):
        middle = (low + high) / 2
        found = schedule(netlist, delays, middle)
        if found.cuts <= cuts:
            best, high = found, middle
        else:
            low = middle
    return best


def register_count(netlist: Netlist, found: Schedule) -> int:
    """Flip-flops: each bit is kept from the stage that makes it to the last one that reads it."""
    last = list(found.stage)
    used = netlist.used()
    for cell in netlist.cells:
        if netlist.live(cell, used):
            at = max(found.stage[f.out] for f in cell.functions)
            for bit in cell.reads:
                last[bit] = max(last[bit], at)
    for lit in netlist.outputs:
        last[lit >> 1] = max(last[lit >> 1], found.cuts)
    return sum(last[bit] - found.stage[bit] for bit in range(1, netlist.bits))
