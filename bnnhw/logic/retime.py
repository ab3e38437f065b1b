"""Retiming: moves cells between pipeline stages to minimise the number of registers.

A cell in an early stage delays its outputs in registers, a cell in a late stage delays its inputs.
The number of registers is a sum of differences of stages, so that its minimum is a linear program
with integer vertices: retiming for minimum area (Leiserson and Saxe, Algorithmica 6, 1991).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from bnnhw.logic.cells import Cell
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule, inputs_fan_out

__all__ = ["MAX_CELLS", "retimed"]

MAX_CELLS = 100_000
"""A larger netlist keeps its schedule. 14,000 cells take 6 s, and the time grows in proportion."""


def retimed(netlist: Netlist, found: Schedule) -> Schedule:
    """Move cells to other stages where that saves registers, at the same latency and period.

    Connected cells of one stage may be separated, but no others are joined, so that no path gets
    longer. Of all schedules with the minimum of registers the earliest is chosen, so that the
    result is unique. Copies of registers that limit fan-out are not counted.

    Parameters
    ----------
    netlist : Netlist
    found : Schedule
        A valid schedule.
    """
    used = netlist.used()
    cells = [cell for cell in netlist.cells if netlist.live(cell, used)]
    if not found.cuts or not cells or len(cells) > MAX_CELLS:
        return found
    moved = _solve(_Connections(netlist, cells), netlist, cells, found)
    stage = list(found.stage)
    for cell, at in zip(cells, moved, strict=True):
        for function in cell.functions:
            stage[function.out] = at
    return replace(found, stage=tuple(stage))


class _Connections:
    """Which cell drives each bit, and which cells read it, by their index."""

    def __init__(self, netlist: Netlist, cells: list[Cell]) -> None:
        self.maker = {f.out: i for i, cell in enumerate(cells) for f in cell.functions}
        self.readers: dict[int, list[int]] = defaultdict(list)
        for i, cell in enumerate(cells):
            for bit in sorted(set(cell.reads) - {0}):
                self.readers[bit].append(i)
        self.kept = {lit >> 1 for lit in netlist.outputs if lit > 1}


def _solve(bits: _Connections, netlist: Netlist, cells: list[Cell], found: Schedule) -> list[int]:
    """Stage of each cell in the schedule with the minimum of registers."""
    # SciPy takes a quarter of a second to import, which other architectures do not need.
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    before = [found.stage[cell.functions[0].out] for cell in cells]
    price = np.zeros(len(cells))
    waits: list[tuple[int, int, int]] = []  # (early, late, least number of stages between them)
    last = len(cells)  # variables after the cells: the last stage in which a shared bit is read
    for bit, readers in sorted(bits.readers.items()):
        maker = bits.maker.get(bit)
        if maker is not None:
            waits += [(maker, i, int(before[i] > before[maker])) for i in readers]
        if bit in bits.kept:
            continue  # outputs wait until the last stage, whichever cells read them
        if len(readers) == 1:
            price[readers[0]] += 1
        else:
            waits += [(i, last, 0) for i in readers]
            last += 1
        if maker is not None:
            price[maker] -= 1
    for bit in bits.kept & bits.maker.keys():
        price[bits.maker[bit]] -= 1
    waits = list(dict.fromkeys(waits))
    early, late, least = (np.array(column) for column in zip(*waits, strict=True))
    row = np.arange(len(waits))
    differences = coo_array((np.repeat([1, -1], len(waits)),
                             (np.tile(row, 2), np.concatenate([early, late]))),
                            shape=(len(waits), last))
    # Among schedules with equally many registers the earliest wins: one register weighs more than
    # all stages together.
    costs = np.concatenate([price, np.ones(last - len(cells))]) * (last * found.cuts + 1) + 1
    begin = inputs_fan_out(netlist, found.max_fanout)
    solved = linprog(costs, A_ub=differences.tocsr(), b_ub=-least, bounds=(begin, found.cuts),
                     method="highs-ipm")
    assert solved.status == 0, solved.message
    at = np.rint(solved.x).astype(int)
    assert (at[early] + least <= at[late]).all()
    return [int(stage) for stage in at[:len(cells)]]
