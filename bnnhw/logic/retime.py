"""Few registers: the stage of each cell by linear programming.

A cell that is early makes its sums wait, one that is late makes its inputs wait. How many bits wait
in all is a sum of differences of stages, so that the least is a linear program whose corners are
integers: retiming for minimum area (Leiserson and Saxe, Algorithmica 6, 1991).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from bnnhw.logic.cells import Cell
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import Schedule, inputs_fan_out

__all__ = ["MOST_CELLS", "retimed"]

MOST_CELLS = 100_000
"""A larger netlist keeps the schedule that it has: 14,000 cells take 6 s, more in proportion."""


def retimed(netlist: Netlist, found: Schedule) -> Schedule:
    """Move cells to later stages where that saves registers; stages, cuts and period stay.

    Cells that were in one stage one behind the other may come apart, but no others come together:
    no path gets longer. Of all schedules with the fewest registers the earliest is taken, so that
    there is one answer. Copies for fan-out are not counted.
    """
    used = netlist.used()
    cells = [cell for cell in netlist.cells if netlist.live(cell, used)]
    if not found.cuts or not cells or len(cells) > MOST_CELLS:
        return found
    moved = _solve(_Bits(netlist, cells), netlist, cells, found)
    stage = list(found.stage)
    for cell, at in zip(cells, moved, strict=True):
        for function in cell.functions:
            stage[function.out] = at
    return replace(found, stage=tuple(stage))


class _Bits:
    """Who makes and who reads each bit, by the number of the cell."""

    def __init__(self, netlist: Netlist, cells: list[Cell]) -> None:
        self.maker = {f.out: i for i, cell in enumerate(cells) for f in cell.functions}
        self.readers: dict[int, list[int]] = defaultdict(list)
        for i, cell in enumerate(cells):
            for bit in sorted(set(cell.reads) - {0}):
                self.readers[bit].append(i)
        self.kept = {lit >> 1 for lit in netlist.outputs if lit > 1}


def _solve(bits: _Bits, netlist: Netlist, cells: list[Cell], found: Schedule) -> list[int]:
    """Stage of each cell."""
    # scipy takes a quarter of a second to load, which other architectures need not wait for.
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    before = [found.stage[cell.functions[0].out] for cell in cells]
    price = np.zeros(len(cells))
    waits: list[tuple[int, int, int]] = []  # (early, late, stages between at least)
    last = len(cells)  # variables behind the cells: the stage in which several read a bit last
    for bit, readers in sorted(bits.readers.items()):
        maker = bits.maker.get(bit)
        if maker is not None:
            waits += [(maker, i, int(before[i] > before[maker])) for i in readers]
        if bit in bits.kept:
            continue  # to the end, whoever else reads it
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
    # Equal in registers, the earliest: one more register outweighs all stages together.
    costs = np.concatenate([price, np.ones(last - len(cells))]) * (last * found.cuts + 1) + 1
    begin = inputs_fan_out(netlist, found.fanout)
    solved = linprog(costs, A_ub=differences.tocsr(), b_ub=-least, bounds=(begin, found.cuts),
                     method="highs-ipm")
    assert solved.status == 0, solved.message
    at = np.rint(solved.x).astype(int)
    assert (at[early] + least <= at[late]).all()
    return [int(stage) for stage in at[:len(cells)]]
