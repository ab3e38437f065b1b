"""Registers in a netlist: which stage each bit belongs to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bnnhw.logic.cells import Cell, Lut
from bnnhw.logic.netlist import Netlist

__all__ = ["Delays", "Schedule", "inputs_fan_out", "register_count", "schedule", "schedule_cuts"]

COMBINATIONAL = 1e9
"""A period in which everything is done: no registers."""


@dataclass(frozen=True)
class Delays:
    """Rough delays of cells, routing included, in nanoseconds.

    Parameters
    ----------
    lut, chain, slot : float
        A lookup table; a carry chain; each slot of it besides.
    register : float
        Clock to output and setup together.
    fanout : int
        Cells that read a register at most: more read copies of it. Inputs that more cells read wait
        a stage, of which there are copies too. 0: as many as there are.
    longest : int
        Slots of chains behind one another at most, where there are registers; 0: as many as ever.
    """

    lut: float
    chain: float
    slot: float
    register: float
    fanout: int = 0
    longest: int = 0

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
    fanout, longest : int
        As in ``Delays``.
    """

    stage: tuple[int, ...]
    cuts: int
    period: float
    slowest: float
    fanout: int = 0
    longest: int = 0


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
    begin = int(period < COMBINATIONAL and inputs_fan_out(netlist, delays.fanout))
    for cell in netlist.cells:
        own = delays.of(cell)
        at = max((stage[bit] for bit in cell.reads), default=0)
        at = max(at, begin)
        ready = max((arrival[bit] for bit in cell.reads if stage[bit] == at), default=0.0)
        if ready > 0 and ready + own > (budget if at else early):
            at, ready = at + 1, 0.0
        for function in cell.functions:
            stage[function.out], arrival[function.out] = at, ready + own
        slowest = max(slowest, ready + own)
    cuts = max((stage[lit >> 1] for lit in netlist.outputs), default=0)
    return Schedule(tuple(stage), cuts, period, slowest + delays.register, delays.fanout,
                    delays.longest if cuts else 0)


def inputs_fan_out(netlist: Netlist, fanout: int) -> bool:
    """Whether more cells than ``fanout`` read an input."""
    if not fanout:
        return False
    used = netlist.used()
    readers = Counter(bit for cell in netlist.cells if netlist.live(cell, used)
                      for bit in cell.reads if 1 <= bit <= netlist.inputs)
    return max(readers.values(), default=0) > fanout


def schedule_cuts(netlist: Netlist, delays: Delays, cuts: int) -> Schedule:
    """The shortest period that needs no more than so many registers on a path."""
    whole = schedule(netlist, delays, COMBINATIONAL)
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
    readers: Counter[tuple[int, int]] = Counter()
    used = netlist.used()
    for cell in netlist.cells:
        if netlist.live(cell, used):
            at = max(found.stage[f.out] for f in cell.functions)
            readers.update((bit, at) for bit in cell.reads)
    readers.update((lit >> 1, found.cuts) for lit in netlist.outputs)
    last: dict[int, int] = {}
    for bit, stage in readers:
        last[bit] = max(last.get(bit, 0), stage)
    total = 0
    for bit, stage in last.items():
        kept = 0  # registers of the stage behind, each of which reads one of this stage
        for s in range(stage, found.stage[bit] if bit else stage, -1):
            wanted = readers[bit, s] + kept
            kept = -(-wanted // found.fanout) if found.fanout else 1
            total += kept
    return total
