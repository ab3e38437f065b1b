"""Tests costs and limits of unrolled logic against figures computed by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bnnhw.families import TARGETS
from bnnhw.logic import Netlist, SumBuilder
from bnnhw.logic.cells import Slot
from bnnhw.logic.cse.adder_graph import AdderGraph
from bnnhw.logic.cse.planes import PlaneSet, build_graph
from bnnhw.logic.cse.search import CseOptions, attempt_count, best_options
from bnnhw.logic.min_slots import min_slots
from bnnhw.logic.pipeline import Delays, Schedule, register_count, schedule, schedule_cuts

DELAYS = Delays(lut_ns=1.0, chain_ns=2.0, slot_ns=0.25, register_ns=0.5)


def popcount(target: str, width: int) -> Netlist:
    """A popcount of ``width`` plain bits."""
    netlist = Netlist(width)
    bits = [(netlist.input(k),) for k in range(width)]
    netlist.outputs = list(SumBuilder(netlist, TARGETS[target]).total(bits).lits)
    return netlist


@pytest.mark.parametrize(("target", "costs"), [
    ("cells", (4, 14, 61, 247)), ("ecp5", (7, 17, 76, 331)), ("generic", (10, 30, 126, 501)),
    ("ice40", (7, 23, 95, 374)), ("xc7", (3, 9, 41, 168)),
])
def test_popcounts_cost_no_more_than_recorded(target: str, costs: tuple[int, ...]) -> None:
    """Popcounts of 7, 16, 64 and 255 bits; a better compressor may lower the record."""
    for width, recorded in zip((7, 16, 64, 255), costs, strict=True):
        cost = TARGETS[target].cost(popcount(target, width))
        assert 0.9 * recorded <= cost <= recorded


def shared_input(readers: int) -> tuple[Netlist, Schedule]:
    """LUTs in stage 2 that all read input 0, and each another input."""
    netlist = Netlist(1 + readers)
    netlist.outputs = [netlist.lut([netlist.input(0), netlist.input(1 + k)], 0b1000)
                       for k in range(readers)]
    stage = [0] * netlist.bits
    for lit in netlist.outputs:
        stage[lit >> 1] = 2
    return netlist, Schedule(tuple(stage), 2, 5.0, 5.0)


def test_registers_are_counted_with_copies_for_fanout() -> None:
    """Five readers wait two stages for a shared input, and each for one other input."""
    netlist, found = shared_input(5)
    assert register_count(netlist, found) == 2 * 5 + 2
    # At most two readers: three copies in the last stage, which two registers drive.
    assert register_count(netlist, replace(found, max_fanout=2)) == 2 * 5 + 3 + 2


def test_outputs_are_registered_up_to_the_last_stage() -> None:
    netlist, found = shared_input(3)
    assert register_count(netlist, replace(found, cuts=4)) == 2 * 3 + 2 + 2 * 3


def test_delays_and_critical_path() -> None:
    """A LUT takes 1 ns, a chain of three slots 2.75 ns; setup and clock-to-output take 0.5 ns."""
    netlist = Netlist(4)
    lut = netlist.lut([netlist.input(0), netlist.input(1)], 0b0110)
    ins = (lut >> 1, 3)
    chain = netlist.chain(0, [(ins, 0b0110, 0b1010)] * 3)
    netlist.outputs = [2 * slot.total for slot in chain.slots]
    assert isinstance(chain.slots[0], Slot)
    assert [DELAYS.of(cell) for cell in netlist.cells] == [1.0, 2.75]
    found = schedule_cuts(netlist, DELAYS, 0)
    assert (found.cuts, found.critical_path_ns) == (0, 4.25)
    assert schedule(netlist, DELAYS, 4.25).cuts == 0
    assert schedule(netlist, DELAYS, 4.2).cuts == 1
    assert schedule(netlist, DELAYS, 4.2).critical_path_ns == 3.25


def test_the_chain_limit_applies_to_pipelined_netlists_only() -> None:
    netlist, delays = popcount("ecp5", 64), replace(DELAYS, max_chain_slots=8)
    assert schedule(netlist, delays, 1e9).max_chain_slots == 0
    pipelined = schedule(netlist, delays, 6.0)
    assert pipelined.cuts > 0
    assert pipelined.max_chain_slots == 8


def test_inputs_with_many_readers_are_registered_first() -> None:
    netlist, _ = shared_input(5)
    for max_fanout, cuts in ((0, 0), (5, 0), (4, 1)):
        assert schedule(netlist, replace(DELAYS, max_fanout=max_fanout), 9.0).cuts == cuts


@pytest.mark.parametrize(("rows", "columns", "attempts"), [
    (1, 1, 24), (32, 65, 24), (32, 66, 23), (64, 64, 12), (64, 784, 1), (10_000, 784, 1),
])
def test_search_effort(rows: int, columns: int, attempts: int) -> None:
    assert attempt_count(rows, columns) == attempts


def test_the_search_keeps_the_cheapest_attempt() -> None:
    matrix = np.random.default_rng(1).integers(0, 2, (40, 50)) * 2 - 1
    costs: dict[CseOptions, float] = {}

    def cost(graph: AdderGraph, options: CseOptions) -> float:
        costs[options] = sum(len(node.columns) + len(node.operands) for node in graph.nodes)
        return costs[options]

    build = partial(build_graph, PlaneSet.of_signs(matrix))
    best = best_options(build, cost, attempt_count(40, 50))
    assert len(costs) == attempt_count(40, 50)
    assert costs[best] == min(costs.values()) < max(costs.values())


@pytest.mark.parametrize("target", sorted(TARGETS))
@pytest.mark.parametrize("keep", [1, 2, 4])
def test_a_partial_sum_keeps_bits_only_where_that_saves_slots(target: str, keep: int) -> None:
    """A kept bit counts as 1.5 LUTs; the cheapest number of kept bits is chosen."""
    for width in range(5, 24):
        netlist = Netlist(width)
        bits = [(netlist.input(k),) for k in range(width)]
        _, kept = SumBuilder(netlist, TARGETS[target]).partial_total(bits, [], keep)
        costs = [TARGETS[target].cost(popcount(target, width - n)) + 1.5 * n
                 for n in range(keep + 1)]
        assert len(kept) == costs.index(min(costs))


@pytest.mark.parametrize(("heights", "max_height", "slots"), [
    ((7,), 1, 2),  # a parity of seven bits: two LUTs of four inputs
    ((4,), 1, 1),
    ((1, 1, 1), 1, 0),
    ((1, 1, 1), 2, 3),  # the chain that adds a constant
    ((3, 2, 2), 2, 4),  # the same with a carry in, and the slot that separates it
    ((3, 0), 1, 2),  # one full adder and its separating slot
    ((2, 2, 2), 1, 4),
])
def test_least_number_of_slots(heights: tuple[int, ...], max_height: int, slots: int) -> None:
    assert min_slots(heights, max_height)[0] == slots
