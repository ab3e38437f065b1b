"""Tests networks of integers of one to eight bits on every architecture against golden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.unrolled import UnrolledOptions
from bnnhw.arch.yodann import YodannOptions, YodannPlan, in_software, run_network
from bnnhw.config.hints import Hints
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError, PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.golden.predictions import check_labels, predictions
from bnnhw.ir import Graph, Int, TensorType, Window
from bnnhw.layers import MaxPool, Product, Threshold
from bnnhw.passes.fuse_thresholds import fuse_thresholds
from bnnhw.plan import Goal, Plan
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import load, network
from tests.networks import examples, integer_networks, random_samples, samples

GENERIC = get_device("generic")
LEVELS = [level for level in golden.LEVELS if level != "compiled"]


def planned(graph: Graph, hints: Hints, cycles: int) -> Plan:
    """Plan for a number of cycles, or for as few as the network can take."""
    planner = get_arch("streaming").plan
    try:
        return planner(graph, GENERIC, Goal(target_cycles=cycles), hints=hints)
    except PlanError as error:
        if "cannot take fewer" not in str(error):
            raise
        return planner(graph, GENERIC, Goal(target_cycles=9000), hints=hints)


@examples(60)
@given(st.data(), integer_networks(steps=5))
def test_golden_levels(data: st.DataObject, made: tuple[Graph, Hints]) -> None:
    graph, _ = made
    x = data.draw(samples(graph, 3))
    reference = graph.compute_all(x)
    for layer in graph.layers:
        element = layer.out_type().element
        assert element.lo <= reference[layer.name].min()
        assert reference[layer.name].max() <= element.hi
    for level in LEVELS:
        found = golden.run_all(graph, x, level)
        assert all((found[name] == value).all() for name, value in reference.items()), level


@pytest.mark.long
@examples(8)
@given(st.data(), integer_networks(), st.sampled_from([60, 200, 1000]),
       st.sampled_from([(0.3, 0.0), (0.0, 0.4), (0.5, 0.5)]))
def test_streaming(data: st.DataObject, made: tuple[Graph, Hints], cycles: int,
                   stalls: tuple[float, float]) -> None:
    graph, hints = made
    plan = planned(graph, hints, cycles)
    assert Plan.from_json(plan.to_json()) == plan
    design = Design(graph, plan, "")
    x = data.draw(samples(graph, len(plan.units) + 5 if plan.ii < 300 else 5))
    expected = graph.compute(x)
    run = simulate(design, x, "pysim")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    run = simulate(design, x[:3], "pysim", Stalls(*stalls, cycles))
    assert count_mismatches({k: v[:3] for k, v in expected.items()}, run.outputs) == 0


@examples(5)
@given(st.data(), integer_networks(steps=3), st.integers(0, 2))
def test_unrolled(data: st.DataObject, made: tuple[Graph, Hints], cuts: int) -> None:
    graph, _ = made
    plan = get_arch("unrolled").plan(graph, GENERIC, Goal(), UnrolledOptions(cuts))
    x = data.draw(samples(graph, 4))
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0


@examples(40)
@given(st.data(), integer_networks())
def test_yodann(data: st.DataObject, made: tuple[Graph, Hints]) -> None:
    graph, _ = made
    assume(all(layer.input.element.width < 16 for layer in graph.layers
               if isinstance(layer, Product)))  # the widest words of the core have 16 bits
    plan = get_arch("yodann").plan(graph, GENERIC, Goal(), YodannOptions(
        "ni=3,no=2,kernel=3,depth=32,bank=16,bits=16"))
    assert isinstance(plan, YodannPlan)
    x = data.draw(samples(graph, 3))
    found = run_network(plan, graph, x, in_software(plan))
    for name, expected in graph.compute(x).items():
        assert (found[name] == expected).all(), name


@pytest.mark.parametrize("levels", [3, 4, 15])
def test_pools_of_codes_after_falling_channels(levels: int) -> None:
    """A pool before thresholds equals one after them: the smallest code on falling channels."""
    random = np.random.default_rng(levels)
    type_ = TensorType((4, 6, 3), Int(-40, 40))
    pool = MaxPool("pool", "input", type_, Window((2, 2), (2, 2)))
    falling = np.array([0, 1, 1], np.uint8)
    threshold = Threshold("t", "pool", pool.out_type(),
                          np.sort(random.integers(-40, 41, (3, levels)), axis=1), falling)
    graph = Graph("net", type_, (pool, threshold), (("y", "t"),))
    moved, _ = fuse_thresholds(graph)
    assert [layer.kind for layer in moved.layers] == ["threshold", "max_pool"]
    after = moved.layers[1]
    assert isinstance(after, MaxPool)
    assert (after.smallest == falling).all()
    x = random.integers(-40, 41, (30, 4, 6, 3))
    expected = graph.compute(x)["y"]
    assert (moved.compute(x)["y"] == expected).all()


POOLED = [{"conv": 4, "kernel": 3, "pad": "same", "pad_value": 3, "levels": 7},
          {"max_pool": 2, "name": "p"},
          {"conv": 3, "kernel": 1, "sums": True, "output": "y"}]


@pytest.mark.parametrize("arch", [
    "streaming", pytest.param("unrolled", marks=pytest.mark.long)])
def test_largest_and_smallest_codes_in_hardware(arch: str) -> None:
    graph = load([POOLED[0], {**POOLED[1], "output": "pooled"}, POOLED[2]],
                 {"shape": [4, 4, 2], "type": "int", "range": [3, 10]})
    pool = graph.layer("p")
    assert isinstance(pool, MaxPool)
    object.__setattr__(pool, "smallest", np.array([0, 1, 1, 0], np.uint8))
    plan = get_arch(arch).plan(graph, GENERIC, Goal(target_cycles=100))
    x = random_samples(graph, 12)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0


SEGMENTATION = [{"conv": 6, "kernel": 3, "pad": "same", "pad_value": 0, "levels": 3},
                {"prelu": True, "shift": 3, "limits": [-8, 7]},
                {"conv": 4, "kernel": 1, "sums": True}, "argmax"]


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize(("arch", "cycles"), [
    ("streaming", 60), ("streaming", 1500),
    pytest.param("unrolled", 60, marks=pytest.mark.long)])
def test_a_label_for_each_pixel(arch: str, cycles: int, scores: bool) -> None:
    """Alone, and above the scores that the network outputs too."""
    layers = [*SEGMENTATION[:2], {**SEGMENTATION[2], **({"output": "scores"} if scores else {})},
              "argmax"]
    made = network(layers, {"shape": [6, 5, 3], "type": "int8"})
    design = generate(made, arch, GENERIC, Goal(target_cycles=cycles))
    x = random_samples(design.graph, 5)
    expected = design.graph.compute(x)
    assert expected["label"].shape == (5, 6, 5, 1)
    if scores:
        assert (expected["label"][..., 0] == expected["scores"].argmax(axis=3)).all()
    run = simulate(design, x, "pysim")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)


def test_labels_of_a_signal() -> None:
    graph = load([{"conv": 3, "kernel": 3, "sums": True}, "argmax"],
                 {"shape": [9, 2], "type": "int8"})
    plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=80))
    x = random_samples(graph, 5)
    assert graph.compute(x)["label"].shape == (5, 7, 1)
    run = simulate(Design(graph, plan, convert(get_arch("streaming").elaborate(plan, graph))), x)
    assert count_mismatches(graph.compute(x), run.outputs) == 0


def test_true_labels_of_pixels_are_rejected() -> None:
    """Accuracy is that of one label per sample; tables show the first labels of a map."""
    graph = load([{"conv": 3, "kernel": 1, "sums": True}, "argmax"],
                 {"shape": [4, 4, 2], "type": "int8"})
    with pytest.raises(ConfigError, match=r"a label for each pixel.*one for each sample"):
        check_labels(np.zeros(2), graph, 2)
    outputs = graph.compute(random_samples(graph, 2))
    row = predictions(outputs, outputs, None, 1)[0].row()
    assert row[2] == "label " + " ".join(map(str, outputs["label"][0].ravel()[:10])) + " ..."
