"""Tests designs whose layers divide numbers, multiply maps, or move pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import Hints
from bnnhw.dataflow.sizing import token_net
from bnnhw.dataflow.timing import settle, steady
from bnnhw.dataflow.units import FifoParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import plan_network
from bnnhw.emit.verilog import convert
from bnnhw.errors import MismatchError, PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Graph
from bnnhw.passes import run_passes
from bnnhw.plan import Goal, Plan
from bnnhw.sim.levels import measure_levels
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import network
from tests.networks import examples, random_samples, samples, shaped_networks

GENERIC = get_device("generic")
INTS: dict[str, Any] = {"shape": [6, 4, 3], "type": "int", "range": [-9, 12]}
STEM: dict[str, Any] = {"conv": 8, "kernel": 1, "levels": 3, "name": "stem"}
SQUEEZE: list[Any] = [
    STEM, {"average_pool": "global", "rounding": "half_even"}, "flatten", {"dense": 4, "levels": 7},
    {"dense": 8, "sums": True}, {"divide": 4, "limits": [0, 15]},
    {"multiply": "stem", "divisor": 8, "rounding": "half_up", "limits": [0, 3], "name": "gated"}]


def planned(layers: list[Any], arch: str = "streaming",
            ii: int | None = 200) -> tuple[Graph, Plan]:
    graph, plan = plan_network(network(layers, INTS), arch, GENERIC, Goal(target_cycles=ii))
    assert isinstance(plan, Plan)
    return graph, plan


def check(graph: Graph, plan: Plan, x: np.ndarray, stalls: Stalls) -> None:
    """Outputs equal the golden model, cycles equal the plan, also under stalls."""
    design, expected = Design(graph, plan, ""), graph.compute(x)
    run = simulate(design, x, "pysim")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    run = simulate(design, x[:3], "pysim", stalls)
    assert count_mismatches({k: v[:3] for k, v in expected.items()}, run.outputs) == 0


@examples(15)
@given(st.data(), shaped_networks(), st.sampled_from([20, 60, 200, 1000]),
       st.sampled_from([(0.3, 0.0), (0.0, 0.4), (0.5, 0.5)]))
def test_plan_is_measurement(data: st.DataObject, made: tuple[Graph, Hints], ii: int,
                             stalls: tuple[float, float]) -> None:
    """Average pools, divisions, gates, crops and pixel shuffles in any order."""
    given, hints = made
    graph = run_passes(given)  # there are no units for transposed convolutions themselves
    try:
        plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=ii), hints=hints)
    except PlanError as error:
        if "cannot take fewer" not in str(error):
            raise
        plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=5000), hints=hints)
    x = data.draw(samples(graph, len(plan.units) + 7))
    assert (graph.compute(x)["y"] == given.compute(x)["y"]).all()
    check(graph, plan, x, Stalls(*stalls, ii))


SHAPES: dict[str, list[Any]] = {
    "average": [STEM, {"average_pool": [2, 3], "stride": 1, "pad": 1, "rounding": "half_even"},
                {"divide": 2, "rounding": "zero", "limits": [0, 1]}],
    "squeeze": SQUEEZE,
    "shuffle": [STEM, {"depth_to_space": 2, "order": "crd"}, {"crop": [1, 0, 2, 3]}],
    "unshuffle": [STEM, {"space_to_depth": [3, 2], "order": "crd"}],
    "transposed": [
        {"conv_transpose": 3, "kernel": 2, "stride": 2}, {"max_pool": 2, "stride": 1},
        {"conv_transpose": 2, "kernel": 4, "stride": 2, "pad": 1, "output_pad": 1, "sums": True}],
    "masked": [{"conv_transpose": 3, "kernel": 3, "stride": 2, "pad": 1, "output_pad": 1}],
    "blocks": [STEM, {"space_to_depth": 2}, {"depth_to_space": [2, 1]}],
}


@pytest.mark.parametrize("name", ["average", "shuffle", "masked", *(
    pytest.param(name, marks=pytest.mark.long)
    for name in sorted(SHAPES.keys() - {"average", "shuffle", "masked"}))])
def test_unrolled_designs_contain_the_same_units(name: str) -> None:
    graph, plan = planned(SHAPES[name], "unrolled", None)
    check(graph, plan, random_samples(graph, len(plan.units) + 6), Stalls(0.4, 0.3, 1))


@pytest.mark.parametrize(("name", "ii"), [
    ("squeeze", 900), ("transposed", 400), *(pytest.param(name, ii, marks=pytest.mark.long)
                        for name in SHAPES for ii in (100, 900))])
def test_verilog_equals_golden(name: str, ii: int) -> None:
    """Through Verilator; at few lanes elements are read in any order, at many lanes by wires."""
    graph, plan = planned(SHAPES[name], ii=ii)
    design = Design(graph, plan, convert(get_arch("streaming").elaborate(plan, graph)))
    x = random_samples(graph, len(plan.units) + 6)
    for stalls in (Stalls(0.0, 0.0), Stalls(0.5, 0.5, 2)):
        run = simulate(design, x, stalls=stalls)
        assert count_mismatches(graph.compute(x), run.outputs) == 0
    for level in measure_levels(design, x):
        assert max(level.even, level.rushed) <= level.depth, level


def fifo_of(plan: Plan) -> FifoParams:
    """The queue that holds the map until the gate of its frame is known."""
    params = plan.unit("gated_b_fifo").params
    assert isinstance(params, FifoParams)
    return params


def with_depth(plan: Plan, depth: int) -> Plan:
    changed = replace(fifo_of(plan), depth=depth)
    return replace(plan, units=tuple(
        replace(unit, params=changed) if unit.name == "gated_b_fifo" else unit
        for unit in plan.units))


def test_the_queue_of_a_gate_is_as_deep_as_needed() -> None:
    """One word less costs cycles in every frame; less than a frame locks up, and is reported."""
    graph, plan = planned(SQUEEZE, ii=100)
    depth, words = fifo_of(plan).words_held, fifo_of(plan).i.words
    assert words < depth < 3 * words
    assert steady(token_net(list(plan.units))[0], plan.ii)[0] == plan.ii
    shorter = with_depth(plan, depth - 1)
    assert steady(token_net(list(shorter.units))[0], plan.ii)[0] > plan.ii
    short = with_depth(plan, words - 8)
    net, _ = token_net(list(short.units))
    with pytest.raises(PlanError, match="the units deadlock"):
        settle(net, 2, np.arange(2 * net.edges[0].words))
    design = Design(graph, short, convert(get_arch("streaming").elaborate(short, graph)))
    with pytest.raises(MismatchError, match=r"fell silent.*full buffers: '\w+' has"):
        simulate(design, random_samples(graph, 3))


def test_plans_survive_json() -> None:
    for layers in SHAPES.values():
        _, plan = planned(layers)
        assert get_arch("streaming").load_plan(plan.to_json()) == plan
