"""Pipelining: assigns the cells of a netlist to stages, and counts the registers between them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bnnhw.logic.cells import Cell, Lut
from bnnhw.logic.netlist import Netlist

__all__ = ["Delays", "Schedule", "inputs_fan_out", "register_count", "schedule", "schedule_cuts"]

COMBINATIONAL = 1e9
"""A period in nanoseconds so long that no register is needed."""


@dataclass(frozen=True)
class Delays:
    """Estimated delays of the cells of a device family, with typical routing.

    Parameters
    ----------
    lut_ns : float
        A lookup table.
    chain_ns, slot_ns : float
        A carry chain takes ``chain_ns`` plus ``slot_ns`` for each slot.
    register_ns : float
        Clock-to-output and setup time together.
    max_fanout : int
        Largest number of cells that read one register; further cells read copies of it. Inputs with
        more readers are registered first. 0 for no limit.
    max_chain_slots : int
        Largest number of slots in a sequence of chains of a pipelined netlist; 0 for no limit.
    """

    lut_ns: float
    chain_ns: float
    slot_ns: float
    register_ns: float
    max_fanout: int = 0
    max_chain_slots: int = 0

    def of(self, cell: Cell) -> float:
        """Delay of a cell in nanoseconds."""
        if isinstance(cell, Lut):
            return self.lut_ns
        return self.chain_ns + self.slot_ns * len(cell.slots)


@dataclass(frozen=True)
class Schedule:
    """Pipeline stage of each bit of a netlist.

    Parameters
    ----------
    stage : tuple of int
        Stage in which each bit is computed; inputs are in stage 0.
    cuts : int
        Registers on every path from an input to an output, which is the latency in cycles.
    period_ns : float
        Clock period that the schedule was made for.
    critical_path_ns : float
        Longest path between registers, by the estimated delays.
    max_fanout, max_chain_slots : int
        As in ``Delays``.
    """

    stage: tuple[int, ...]
    cuts: int
    period_ns: float
    critical_path_ns: float
    max_fanout: int = 0
    max_chain_slots: int = 0


def schedule(netlist: Netlist, delays: Delays, period_ns: float,
             first_ns: float | None = None) -> Schedule:
    """Assign each cell to the earliest stage in which it meets the clock period.

    Parameters
    ----------
    netlist : Netlist
    delays : Delays
    period_ns : float
        Clock period. A cell that takes longer than that gets a stage for itself.
    first_ns : float or None
        Time available in the first stage, if it differs.
    """
    stage, arrival = [0] * netlist.bits, [0.0] * netlist.bits
    budget, slowest = period_ns - delays.register_ns, 0.0
    first_budget = budget if first_ns is None else first_ns - delays.register_ns
    begin = int(period_ns < COMBINATIONAL and inputs_fan_out(netlist, delays.max_fanout))
    for cell in netlist.cells:
        delay = delays.of(cell)
        at = max((stage[bit] for bit in cell.reads), default=0)
        at = max(at, begin)
        ready = max((arrival[bit] for bit in cell.reads if stage[bit] == at), default=0.0)
        if ready > 0 and ready + delay > (budget if at else first_budget):
            at, ready = at + 1, 0.0
        for function in cell.functions:
            stage[function.out], arrival[function.out] = at, ready + delay
        slowest = max(slowest, ready + delay)
    cuts = max((stage[lit >> 1] for lit in netlist.outputs), default=0)
    return Schedule(tuple(stage), cuts, period_ns, slowest + delays.register_ns, delays.max_fanout,
                    delays.max_chain_slots if cuts else 0)


def inputs_fan_out(netlist: Netlist, max_fanout: int) -> bool:
    """Whether more than ``max_fanout`` cells read some input; False if there is no limit (0)."""
    if not max_fanout:
        return False
    used = netlist.used()
    readers = Counter(bit for cell in netlist.cells if netlist.live(cell, used)
                      for bit in cell.reads if 1 <= bit <= netlist.inputs)
    return max(readers.values(), default=0) > max_fanout


def schedule_cuts(netlist: Netlist, delays: Delays, cuts: int) -> Schedule:
    """The schedule with the shortest period that needs at most ``cuts`` registers on a path."""
    unregistered = schedule(netlist, delays, COMBINATIONAL)
    if cuts == 0:
        return unregistered
    low, high, best = delays.register_ns, unregistered.critical_path_ns, unregistered
    for _ in range(24):
        middle = (low + high) / 2
        found = schedule(netlist, delays, middle)
        if found.cuts <= cuts:
            best, high = found, middle
        else:
            low = middle
    return best


def register_count(netlist: Netlist, found: Schedule) -> int:
    """Flip-flops of a schedule, copies for fan-out included.

    Each bit is kept from the stage that computes it to the last stage that reads it.
    """
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
        kept = 0  # registers of the next stage, each of which reads one of this stage
        for s in range(stage, found.stage[bit] if bit else stage, -1):
            wanted = readers[bit, s] + kept
            kept = -(-wanted // found.max_fanout) if found.max_fanout else 1
            total += kept
    return total
