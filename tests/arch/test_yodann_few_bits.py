"""Tests weights of several bits on the YodaNN core: pixels, scales, jobs and cycles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.yodann import YodannOptions, YodannPlan, in_software, run_network
from bnnhw.arch.yodann.planes import channel_planes
from bnnhw.emit.design import Design
from bnnhw.emit.verilog import convert
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import Affine, Conv, Dense
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import split_values
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.networks import SeededChoices, examples, random_samples, samples
from tests.networks.few_bits import few_bit_networks, make_few_bit_network

CORES = ("ni=3,no=2,kernel=3,depth=32,bank=16",
         "ni=8,no=2,kernel=3,bits=8,frac=4,depth=64,bank=32,batch=2",
         "ni=2,no=3,kernel=5,depth=16,bank=8")


def yodann(graph: Graph, core: str) -> YodannPlan:
    plan = get_arch("yodann").plan(graph, get_device("generic"), Goal(), YodannOptions(core))
    assert isinstance(plan, YodannPlan)
    return plan


@examples(80)
@given(st.data(), few_bit_networks(), st.sampled_from(CORES))
def test_any_network_on_the_core(data: st.DataObject, graph: Graph, core: str) -> None:
    plan = yodann(graph, core)
    assert YodannPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    x = data.draw(samples(graph, 3))
    found = run_network(plan, graph, x, in_software(plan))
    for name, expected in graph.compute(x).items():
        assert (found[name] == expected).all(), name


@pytest.mark.parametrize(("kinds", "element"), [(("ternary", "ternary", "levels"), Bits()),
                                                (("narrow", "bases", "full range"), Int(-4, 3))])
def test_jobs_on_the_core(kinds: tuple[str, ...], element: Bits | Int) -> None:
    """Every job equals its golden model to the bit, and its plan to the cycle."""
    graph = make_few_bit_network(SeededChoices(4), (6, 5, 3), kinds, element)
    plan = yodann(graph, CORES[0])
    core = Design(graph, plan, convert(get_arch("yodann").elaborate(plan, graph)))
    x = random_samples(graph, 3, 1)
    run = simulate(core, x)
    assert count_mismatches(golden.run(graph, x), run.outputs) == 0
    assert run.cycles == run.planned
    stalled = simulate(core, x, stalls=Stalls(0.3, 0.4, 5))
    assert count_mismatches(golden.run(graph, x), stalled.outputs) == 0


def product(values: np.ndarray, element: Bits | Int) -> Dense:
    """A dense layer of integer weights ``[out, in]``, with its sums as outputs."""
    planes = split_values(values)
    scales, coefficients, const = planes_sum(planes, element)
    return Dense("fc", "input", TensorType((values.shape[1],), element), planes.bits, coefficients,
                 const, None, scales=scales, mask=planes.mask)


def graph_of(layer: Dense) -> Graph:
    return Graph("one", layer.input, (layer,), (("sums", layer.name),))


def test_the_host_multiplies_what_pixels_cannot_hold() -> None:
    """Weights of 6 bits on pixels of 7 bits: only some planes fit 8 bits."""
    values = np.random.default_rng(2).integers(-31, 32, (3, 11))
    layer = product(values, Int(0, 100))
    planes = channel_planes(layer, 8)
    assert set(planes.factors) == {1, 2, 4, 8, 16}
    assert planes.divisor == 2
    assert set(channel_planes(layer, 12).factors) == {1}
    graph = graph_of(layer)
    plan = yodann(graph, CORES[1])
    x = random_samples(graph, 5, 1)
    found = run_network(plan, graph, x, in_software(plan))
    assert (found["sums"] == x @ values.T).all()


def test_pixels_that_no_factor_makes_smaller_are_rejected() -> None:
    layer = product(np.array([[1, -1, 1]]), Int(0, 200))
    wide = Dense("fc", "input", layer.input, layer.weights, (1, 2, 4, 8, 16, 32, 64, 1100),
                 layer.const, None)
    with pytest.raises(PlanError, match=r"layer 'fc'.*its pixels.*exceeds signed 9-bit numbers"):
        yodann(graph_of(wide), "ni=2,no=2,kernel=3,bits=9,frac=4,depth=32,bank=16")
    yodann(graph_of(wide), "ni=2,no=2,kernel=3,bits=12,depth=32,bank=16")


def test_a_scale_contains_the_factor_of_two_of_a_mask() -> None:
    """A ternary layer and its ``affine`` run on the core, unless half a scale is no integer."""
    values = np.random.default_rng(1).integers(-1, 2, (4, 9 * 3))
    planes = split_values(values)
    type_ = TensorType((5, 6, 3), Int(-8, 7))
    scales, coefficients, const = planes_sum(planes, type_.element)
    conv = Conv("conv", "input", type_, planes.bits, coefficients, const, None,
                window=Window((3, 3)), groups_=1, pad=np.zeros((1, 1, 1), np.int64), absent=False,
                scales=scales, mask=planes.mask)

    def network(alpha: np.ndarray) -> Graph:
        offset = -alpha * channel_planes(conv, 12).const() + 512 * np.arange(4)
        affine = Affine("scaled", "conv", conv.out_type(), alpha, offset, 9)
        return Graph("ternary", type_, (conv, affine), (("y", "scaled"),))

    for alpha, fused in ((np.array([100, -6, 44, 2]), "scaled"), (np.array([100, -5, 4, 2]), None)):
        graph = network(alpha)
        plan = yodann(graph, "ni=6,no=2,kernel=3,depth=64,bank=32")
        assert plan.layers[0].fused == fused
        x = random_samples(graph, 4, 2)
        found = run_network(plan, graph, x, in_software(plan))
        assert (found["y"] == graph.compute(x)["y"]).all()
