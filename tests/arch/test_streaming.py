"""Tests streaming designs of any network and fold: outputs equal golden, cycles the plan."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import LayerHint
from bnnhw.dataflow.units import MvtuParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.layers import Dense
from bnnhw.plan import Goal, Plan
from bnnhw.sim.simulate import simulate
from tests.networks import chains, examples, random_graph, random_samples, samples

GENERIC = get_device("generic")


def plan(graph: Graph, hints: dict[str, LayerHint] | None = None, ii: int = 64) -> Plan:
    return get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=ii), hints=hints)


@st.composite
def networks(draw: st.DrawFn) -> tuple[Graph, dict[str, LayerHint], int]:
    """Any chain with any legal fold, dividing or not."""
    graph = draw(chains(st.integers(1, 20)))
    hints = {layer.name: LayerHint(draw(st.integers(1, layer.outputs)),
                                   draw(st.integers(1, layer.fan_in)))
             for layer in graph.layers if isinstance(layer, Dense) and draw(st.booleans())}
    return graph, hints, draw(st.sampled_from([1, 5, 30, 200]))


@examples(35)
@given(st.data(), networks(), st.sampled_from([(0.3, 0.0), (0.0, 0.4), (0.7, 0.7)]))
def test_plan_is_measurement(data: st.DataObject, case: tuple[Graph, dict[str, LayerHint], int],
                             stalls: tuple[float, float]) -> None:
    graph, hints, ii = case
    design = Design(graph, plan(graph, hints, ii), "")
    x = data.draw(samples(graph, len(design.plan.units) + 7))
    expected = graph.compute(x)
    run = simulate(design, x, "pysim")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
    run = simulate(design, x[:5], "pysim", Stalls(*stalls, len(x)))
    assert count_mismatches({k: v[:5] for k, v in expected.items()}, run.outputs) == 0


FOLDS: dict[str, tuple[dict[str, LayerHint], int]] = {
    "fully folded": ({f"fc{k}": LayerHint(1, 1) for k in range(3)}, 9999),
    "256 cycles": ({}, 256),
    "40 cycles": ({}, 40),
    "rows unfolded": ({"fc0": LayerHint(16, 1), "fc1": LayerHint(12, 2)}, 64),
    "columns unfolded": ({"fc0": LayerHint(1, 49), "fc1": LayerHint(1, 16)}, 64),
    "nothing divides": ({"fc0": LayerHint(5, 9), "fc1": LayerHint(7, 3), "fc2": LayerHint(3, 5)},
                        64),
    "7 cycles": ({}, 7),
    "one cycle": ({}, 1),
}


@pytest.mark.parametrize("name", FOLDS)
def test_verilog_has_the_planned_cycles(name: str) -> None:
    """From fully folded to one cycle per frame, through Verilator, with and without stalls."""
    hints, ii = FOLDS[name]
    graph = random_graph([49, 16, 12, 10], seed=4, pixels=True)
    design = generate(Network(graph, hints, ()), "streaming", GENERIC, Goal(target_cycles=ii))
    x = random_samples(graph, 400, 1)
    expected = design.graph.compute(x)
    run = simulate(design, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
    ends = run.out_cycles[design.plan.o.words - 1::design.plan.o.words]
    assert set(np.diff(ends)[20:]) == {design.plan.ii}
    if name == "one cycle":
        assert design.plan.ii == 1
    if name == "fully folded":
        assert design.plan.ii == max(d.outputs * d.fan_in for d in design.graph.layers
                                     if isinstance(d, Dense))
    for seed, (a, b) in enumerate(((0.5, 0.0), (0.0, 0.5), (0.3, 0.8))):
        run = simulate(design, x, stalls=Stalls(a, b, seed))
        assert count_mismatches(expected, run.outputs) == 0


def test_padding_is_in_the_plan() -> None:
    unit = plan(random_graph([10, 7], tail="bits"), {"fc0": LayerHint(4, 3)}).units[1].params
    assert isinstance(unit, MvtuParams)
    assert unit.summary()["padding"] == "1 rows and 2 columns"
    assert unit.cycles == 8


def test_half_a_fold_meets_the_target() -> None:
    unit = plan(random_graph([32, 16], tail="bits"), {"fc0": LayerHint(pe=4)},
                ii=16).units[1].params
    assert isinstance(unit, MvtuParams)
    assert (unit.pe, unit.simd, unit.cycles) == (4, 8, 16)
    unit = plan(random_graph([32, 16], tail="bits"), {"fc0": LayerHint(simd=8)},
                ii=16).units[1].params
    assert isinstance(unit, MvtuParams)
    assert (unit.pe, unit.simd, unit.cycles) == (4, 8, 16)


def test_memory_by_hand_and_by_device() -> None:
    graph = random_graph([32, 16], tail="bits")
    for memory in ("block", "lut"):
        unit = plan(graph, {"fc0": LayerHint(2, 4, memory)}).units[1].params
        assert isinstance(unit, MvtuParams)
        assert unit.weight_memory == memory
    with pytest.raises(PlanError, match="constant weights need an unfolded layer"):
        plan(graph, {"fc0": LayerHint(2, 4, "constant")})
    unfolded = plan(graph, {"fc0": LayerHint(16, 32, "constant")}).units[1].params
    assert isinstance(unfolded, MvtuParams)
    assert (unfolded.weight_memory, unfolded.start_memory) == ("constant", "constant")


def test_plan_survives_json() -> None:
    graph = random_graph([20, 9, 5], pixels=True, affine=True)
    original = plan(graph)
    assert get_arch("streaming").load_plan(original.to_json()) == original


def test_errors_name_the_layer() -> None:
    graph = random_graph([8, 4, 3], tail="both")
    first, *others = graph.layers
    assert isinstance(first, Dense)
    with pytest.raises(PlanError, match=r"'label'.*is read by no layer and is no output"):
        plan(Graph("g", graph.input, (first, *others), (("y", "fc1"),)))
    with pytest.raises(PlanError, match="unknown architecture 'engine'"):
        get_arch("engine")
    with pytest.raises(PlanError, match="unknown device 'up6k'"):
        get_device("up6k")


def test_folds_are_those_of_the_written_network() -> None:
    """A fold for all columns remains legal when a pass drops a constant one."""
    graph = random_graph([8, 4, 3], seed=1)
    first = graph.layers[0]
    assert isinstance(first, Dense)
    assert first.thresholds is not None
    first.thresholds[:] = np.array([[4], [0], [5], [3]])
    network = Network(graph, {"fc1": LayerHint(3, 4)}, ())
    unit = generate(network, "streaming", GENERIC, Goal()).plan.units[-3].params
    assert isinstance(unit, MvtuParams)
    assert (unit.pe, unit.simd) == (3, 3)
    with pytest.raises(PlanError, match=r"simd = 5 must be 1\.\.4"):
        generate(Network(graph, {"fc1": LayerHint(3, 5)}, ()), "streaming", GENERIC, Goal())
