"""Tests weight memories that are split between block RAM and LUTs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.streaming import SLOWEST
from bnnhw.board_planning.planner import planner_of
from bnnhw.dataflow.unit import Unit
from bnnhw.dataflow.units import MvtuParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.families import Device, get_device
from bnnhw.families.costs import block_count
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network, load_network
from bnnhw.plan import Goal
from bnnhw.plan.resources import fastest_fit, fits
from bnnhw.sim.simulate import simulate
from bnnhw.tools.synth import synthesise
from tests.networks import random_graph

SLOW = {"hx8k": 550, "ecp5-25": 200}
"""Cycles per frame at which the test networks need more than three block RAMs."""


def with_blocks(name: str, blocks: int) -> Device:
    device = get_device(name)
    assert device.budget is not None
    return replace(device, budget=replace(device.budget, blocks=blocks))


def spilled(design: Design) -> list[Unit]:
    return [u for u in design.plan.units
            if isinstance(u.params, MvtuParams) and u.params.weights_in_luts]


@pytest.mark.parametrize(("device", "blocks"), [("hx8k", 4), ("hx8k", 5), ("ecp5-25", 2)])
def test_split_memories_are_exact_and_take_the_same_cycles(device: str, blocks: int) -> None:
    graph = random_graph([400, 64, 16, 6], seed=blocks)
    few, many = (generate(Network(graph, {}, ()), "streaming", part,
                          Goal(target_cycles=SLOW[device]))
                 for part in (with_blocks(device, blocks), get_device(device)))
    assert spilled(few)
    assert not spilled(many)
    assert sum(block_count(u.params, get_device(device)) for u in few.plan.units) <= blocks
    assert few.plan.ii == many.plan.ii
    x = np.random.default_rng(3).integers(0, 2, (60, 400))
    expected = golden.run(graph, x)
    run = simulate(few, x, "verilator")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (few.plan.ii, few.plan.latency)
    stalled = simulate(few, x, "verilator", Stalls(0.3, 0.4, 7))
    assert count_mismatches(expected, stalled.outputs) == 0


@pytest.mark.parametrize("device", ["hx8k", "ecp5-25"])
def test_synthesis_has_the_block_ram_of_the_plan(device: str) -> None:
    part = with_blocks(device, 3)
    design = generate(Network(random_graph([400, 64, 6], seed=2), {}, ()), "streaming", part,
                      Goal(target_cycles=SLOW[device]))
    assert spilled(design)
    report = synthesise(design, part)
    found = {unit.unit: unit.block for unit in report.units}
    for unit in spilled(design):
        assert found[unit.name] == block_count(unit.params, part)


def test_weights_are_split_on_parts_with_spram() -> None:
    graph = random_graph([784, 64, 64, 64, 10], seed=1)
    device = with_blocks("up5k", 12)
    assert fits(generate(Network(graph, {}, ()), "streaming", device,
                         Goal(target_cycles=256)).plan, device)


def test_a_design_can_fit_where_one_of_more_cycles_does_not(tmp_path: Path) -> None:
    """Block RAMs have 512 words, so 512 cycles per frame take fewer of them than 600."""
    path = tmp_path / "lfc.yaml"
    path.write_text("name: lfc\ninput: {shape: [784], type: bits}\nweights: random\nlayers:\n"
                    + "- {dense: 1024}\n" * 3 + "- {dense: 10, output: scores}\n")
    network = load_network(path)
    device = get_device("ecp5-85")
    best = fastest_fit(planner_of(network, "streaming", device), device, SLOWEST)
    assert fits(best, device)
    assert best.ii <= 400


def test_free_luts_make_designs_faster() -> None:
    graph = random_graph([784, 64, 64, 64, 10], seed=1)
    device = get_device("hx8k")
    best = fastest_fit(planner_of(Network(graph, {}, ()), "streaming", device), device, SLOWEST)
    assert fits(best, device)
    assert best.ii <= 70  # 152 if ROMs could not be split
