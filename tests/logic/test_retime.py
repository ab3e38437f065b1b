"""Tests that retiming finds the minimum of registers without longer paths."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from bnnhw.families import TARGETS
from bnnhw.logic import Netlist, SumBuilder
from bnnhw.logic.pipeline import Schedule, inputs_fan_out, register_count, schedule, schedule_cuts
from bnnhw.logic.retime import MAX_CELLS, retimed


def netlist_of(seed: int, bits: int, sums: int, target: str) -> Netlist:
    """Random sums that use earlier sums, and a comparison, so that values wait in registers."""
    rng = np.random.default_rng(seed)
    netlist = Netlist(bits)
    builder = SumBuilder(netlist, TARGETS[target])
    made = []
    for _ in range(sums):
        chosen = rng.choice(bits, int(rng.integers(2, bits + 1)), replace=False)
        numbers = [n for n in made if rng.random() < 0.5]
        made.append(builder.total([(netlist.input(int(k)),) for k in chosen], numbers))
    lits = [lit for lit in made[-1].lits if lit > 1]
    reached = builder.at_least([(netlist.input(0),)], made[-2:], [2])
    netlist.outputs = [*lits, *reached]
    return netlist


def live(netlist: Netlist) -> list:
    used = netlist.used()
    return [cell for cell in netlist.cells if netlist.live(cell, used)]


def paths_are_no_longer(netlist: Netlist, before: Schedule, after: Schedule) -> bool:
    """Whether cells read earlier bits, and no stage joins cells that were in different stages."""
    for cell in live(netlist):
        old, new = (s.stage[cell.functions[0].out] for s in (before, after))
        for bit in cell.reads:
            if not bit or bit <= netlist.inputs:
                continue
            if after.stage[bit] > new or (after.stage[bit] == new and before.stage[bit] != old):
                return False
    return True


@pytest.mark.parametrize("seed", range(24))
def test_registers_are_fewer_and_paths_no_longer(seed: int) -> None:
    target = ("ecp5", "ice40", "xc7")[seed % 3]
    netlist = netlist_of(seed, 5 + 3 * seed, 5, target)
    delays = replace(TARGETS[target].delays, max_fanout=(0, 4)[seed % 2])
    before = schedule(netlist, delays, (1.0, 5.0, 8.0)[seed % 3])
    after = retimed(netlist, before)
    assert paths_are_no_longer(netlist, before, after)
    assert (after.cuts, after.period_ns, after.critical_path_ns) == \
        (before.cuts, before.period_ns, before.critical_path_ns)
    assert max(after.stage) <= before.cuts
    begin = inputs_fan_out(netlist, before.max_fanout)
    assert all(after.stage[f.out] >= begin for cell in live(netlist) for f in cell.functions)
    # The copies of registers that limit fan-out are not optimised.
    counted = [register_count(netlist, replace(s, max_fanout=0)) for s in (before, after)]
    assert counted[1] <= counted[0]
    assert retimed(netlist, after).stage == after.stage


@pytest.mark.parametrize("seed", range(12))
def test_no_schedule_has_fewer_registers(seed: int) -> None:
    netlist = netlist_of(100 + seed, 4, 2, "ecp5")
    before = schedule_cuts(netlist, replace(TARGETS["ecp5"].delays, max_fanout=0), 2)
    after = retimed(netlist, before)
    cells = live(netlist)
    assert len(cells) <= 9
    least = None
    for stages in itertools.product(range(before.cuts + 1), repeat=len(cells)):
        stage = list(before.stage)
        for cell, at in zip(cells, stages, strict=True):
            for function in cell.functions:
                stage[function.out] = at
        tried = replace(before, stage=tuple(stage))
        if paths_are_no_longer(netlist, before, tried):
            count = register_count(netlist, tried)
            least = count if least is None else min(least, count)
    assert register_count(netlist, after) == least


def test_waiting_bits_are_added_late() -> None:
    netlist = Netlist(40)
    builder = SumBuilder(netlist, TARGETS["ice40"])
    slow = builder.total([(netlist.input(k),) for k in range(30)])
    quick = [builder.total([(netlist.input(k),) for k in range(first, first + 3)])
             for first in (30, 33, 36)]
    netlist.outputs = [*builder.total([], [slow, *quick]).lits,
                       *(netlist.input(k) for k in range(30, 39))]
    delays = replace(TARGETS["ice40"].delays, max_fanout=0)
    before = schedule(netlist, delays, 4.0)
    assert register_count(netlist, retimed(netlist, before)) < register_count(netlist, before)


def test_combinational_logic_is_unchanged() -> None:
    netlist = netlist_of(3, 9, 2, "ecp5")
    unregistered = schedule_cuts(netlist, TARGETS["ecp5"].delays, 0)
    assert retimed(netlist, unregistered) is unregistered


def test_a_huge_netlist_keeps_its_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = netlist_of(5, 20, 3, "ecp5")
    before = schedule_cuts(netlist, TARGETS["ecp5"].delays, 3)
    assert retimed(netlist, before) is not before
    monkeypatch.setattr("bnnhw.logic.retime.MAX_CELLS", 3)
    assert MAX_CELLS > 3
    assert retimed(netlist, before) is before
