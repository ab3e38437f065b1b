"""Tests convolutional designs: outputs equal golden; cycles and buffer levels equal the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.sizing import token_net
from bnnhw.dataflow.timing import settle
from bnnhw.dataflow.units import FifoParams, LineWindowParams, MvtuParams, WindowParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.emit.verilog import convert
from bnnhw.errors import MismatchError, PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import Add, Conv
from bnnhw.plan import Goal, Plan
from bnnhw.sim.compare import first_difference
from bnnhw.sim.levels import measure_levels
from bnnhw.sim.simulate import simulate
from tests.networks import (
    Maker,
    SeededChoices,
    examples,
    map_networks,
    random_map_network,
    random_samples,
    samples,
)

GENERIC = get_device("generic")


def plan_at(graph: Graph, hints: Hints, ii: int) -> Plan:
    """Plan for ``ii`` cycles, or for as few as the network can take."""
    planner = get_arch("streaming").plan
    try:
        return planner(graph, GENERIC, Goal(target_cycles=ii), hints=hints)
    except PlanError as error:
        if "cannot take fewer" not in str(error):
            raise
        return planner(graph, GENERIC, Goal(target_cycles=5000), hints=hints)


@examples(15)
@given(st.data(), map_networks(), st.sampled_from([60, 150, 400, 1000]),
       st.sampled_from([(0.3, 0.0), (0.0, 0.4), (0.5, 0.5)]))
def test_plan_is_measurement(data: st.DataObject, made: tuple[Graph, Hints], ii: int,
                             stalls: tuple[float, float]) -> None:
    """Layers, shapes, strides, paddings, folds, groups, integers, residuals, several outputs."""
    graph, hints = made
    plan = plan_at(graph, hints, ii)
    design = Design(graph, plan, "")
    x = data.draw(samples(graph, len(plan.units) + 7 if plan.ii < 300 else 6))
    expected = graph.compute(x)
    run = simulate(design, x, "pysim")
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    run = simulate(design, x[:3], "pysim", Stalls(*stalls, ii))
    assert count_mismatches({k: v[:3] for k, v in expected.items()}, run.outputs) == 0


@pytest.mark.parametrize("seed", [
    3, 47, 60, *(pytest.param(seed, marks=pytest.mark.long) for seed in (8, 31, 77))])
def test_buffers_hold_what_was_computed(seed: int) -> None:
    """Through Verilator: high-water marks against depths, and all other checks."""
    graph, hints = random_map_network(seed, steps=6)
    plan = plan_at(graph, hints, 200)
    design = Design(graph, plan, convert(get_arch("streaming").elaborate(plan, graph)))
    x = random_samples(graph, len(plan.units) + 9, seed)
    expected = graph.compute(x)
    run = simulate(design, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    for k, stalls in enumerate(((0.4, 0.0), (0.0, 0.4), (0.6, 0.6))):
        run = simulate(design, x, stalls=Stalls(*stalls, k))
        assert count_mismatches(expected, run.outputs) == 0
    assert first_difference(design, x, 3) is None
    for level in measure_levels(design, x):
        # A word may arrive in the cycle in which another one is read; the mark does not count that.
        unit = plan.unit(level.unit).params
        assert isinstance(unit, BufferParams)
        least = unit.round_depth(level.even + 1)
        assert level.even <= level.depth <= least, level
        assert level.rushed <= level.depth, level


def test_plan_survives_json() -> None:
    for seed in (3, 8, 11, 29):
        graph, hints = random_map_network(seed)
        original = plan_at(graph, hints, 300)
        assert get_arch("streaming").load_plan(original.to_json()) == original
        assert Graph.from_json(graph.to_json()).digest() == graph.digest()


def residual_network() -> tuple[Graph, Hints]:
    """A shortcut around a convolution: its words have to wait."""
    make = Maker(SeededChoices(5), TensorType((8, 8, 4), Int(-8, 7)))
    make.conv(4, window=Window((3, 3), pads=(1, 1, 1, 1)), sums=True)
    first = make.last
    make.threshold()
    make.conv(4, window=Window((3, 3), pads=(1, 1, 1, 1)), sums=True)
    make.layers.append(Add("sum", *make.last, *first))
    return Graph("net", make.input, tuple(make.layers), (("y", "sum"),)), {}


def shrunk(plan: Plan, kind: type[BufferParams[None]], depth: int) -> Plan:
    """The plan with its deepest buffer of a kind cut down."""
    name, _ = max(((u.name, u.params.words_held) for u in plan.units
                   if isinstance(u.params, kind)), key=lambda pair: pair[1])
    return replace(plan, units=tuple(
        replace(u, params=replace(u.params, depth=depth)) if u.name == name else u
        for u in plan.units))


@pytest.mark.parametrize(("kind", "depth"), [(FifoParams, 3), (WindowParams, 10)])
def test_a_buffer_that_is_too_small_locks_up_and_is_reported(kind: type[BufferParams[None]],
                                                             depth: int) -> None:
    graph, hints = residual_network()
    full = plan_at(graph, hints, 4000)
    cut = shrunk(full, kind, depth)
    net, _ = token_net(list(cut.units))
    with pytest.raises(PlanError, match="the units deadlock"):
        settle(net, 2, np.arange(2 * net.edges[0].words))
    design = Design(graph, cut, convert(get_arch("streaming").elaborate(cut, graph)))
    x = random_samples(graph, 3)
    with pytest.raises(MismatchError, match=r"fell silent.*full buffers: '\w+' has"):
        simulate(design, x)
    run = simulate(Design(graph, full, convert(get_arch("streaming").elaborate(full, graph))), x)
    assert count_mismatches(graph.compute(x), run.outputs) == 0


@pytest.mark.parametrize("seed", [1018, 1086, 1093, 1109, 1125])
def test_networks_that_once_failed(seed: int) -> None:
    """1018, 1086: lanes beyond the channels of a pixel were not 0 after a threshold unit; 1093,
    1125: frames overtook each other where windows see only padding; 1109: two outputs of one
    layer."""
    graph, hints = random_map_network(seed)
    plan = plan_at(graph, hints, 400)
    x = random_samples(graph, 6, seed)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0


def test_zero_padding_needs_no_mask() -> None:
    """Exact zeros need nine sets of start values; the input stream has one bit per element."""
    make = Maker(SeededChoices(1), TensorType((6, 6, 4), Bits()))
    w = np.random.default_rng(3).integers(0, 2, (1, 4, 36), dtype=np.uint8)
    conv = Conv("c", "input", make.input, w, (2,), np.full(4, -36), np.zeros((4, 1), np.int64),
                window=Window((3, 3), pads=(1, 1, 1, 1)), absent=True)
    graph = Graph("net", make.input, (conv,), (("y", "c"),))
    mvtu = plan_at(graph, {}, 2000).unit("c").params
    assert isinstance(mvtu, MvtuParams)
    assert (mvtu.classes, mvtu.i.width) == (9, 1)
    x = random_samples(graph, 5)
    signs = np.pad(2 * x - 1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for y in range(6):
        for c in range(6):
            window = signs[:, y:y + 3, c:c + 3].reshape(5, -1)
            total = window @ (2 * w[0].astype(np.int64) - 1).T
            assert (graph.compute(x)["y"][:, y, c] == (total >= 0)).all()


def test_first_layer_on_pixels_is_serial_where_there_is_time() -> None:
    make = Maker(SeededChoices(2), TensorType((8, 8, 3), Int(-128, 127)))
    make.conv(8, window=Window((3, 3)))
    graph = Graph("net", make.input, tuple(make.layers), (("y", make.last[0]),))
    hints = {make.last[0]: LayerHint(4, 3)}
    fast, slow = plan_at(graph, hints, 700), plan_at(graph, hints, 6000)
    units = [next(u.params for u in p.units if isinstance(u.params, MvtuParams)) for p in (fast,
                                                                                           slow)]
    assert [u.serial for u in units] == [False, True]
    x = random_samples(graph, 4)
    for plan in (fast, slow):
        run = simulate(Design(graph, plan, ""), x, "pysim")
        assert count_mismatches(graph.compute(x), run.outputs) == 0
        assert plan.ii <= plan.target_cycles


@pytest.mark.parametrize("window", [
    Window((11, 11), pads=(5, 5, 5, 5)), Window((7, 2), (2, 1), (1, 3), (3, 0, 3, 3)),
    Window((1, 5), pads=(0, 4, 0, 0))], ids=("11x11", "7x2", "1x5"))
@pytest.mark.parametrize("parallel", [False, True])
def test_large_and_rectangular_kernels(window: Window, parallel: bool) -> None:
    make = Maker(SeededChoices(7), TensorType((8, 9, 2), Bits()))
    layer = make.conv(3, window=window)
    layer = replace(layer, pad=np.ones((1, 1, 1), np.int64) * (not layer.absent))
    graph = Graph("net", make.input, (layer,), (("y", layer.name),))
    hints = {layer.name: LayerHint(3, window.taps if parallel else 2)}
    plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=20000), hints=hints)
    x = random_samples(graph, 3)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency


def test_levels_of_groups_that_the_fold_does_not_divide() -> None:
    make = Maker(SeededChoices(6), TensorType((4, 4, 4), Bits()))
    make.conv(6, window=Window((2, 2)), groups=2, levels=3)
    name = make.last[0]
    graph = Graph("net", make.input, tuple(make.layers), (("y", name),))
    plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=5000),
                                      hints={name: LayerHint(2, 1)})
    x = random_samples(graph, 6)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(graph.compute(x), run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)


def test_a_pixel_per_cycle() -> None:
    """A convolution without folding keeps up with one pixel per cycle."""
    make = Maker(SeededChoices(3), TensorType((8, 8, 2), Bits()))
    make.conv(4, window=Window((3, 3)))
    graph = Graph("net", make.input, tuple(make.layers), (("y", make.last[0]),))
    plan = get_arch("streaming").plan(graph, GENERIC, Goal(target_cycles=64))
    assert plan.ii == 64
    assert any(isinstance(u.params, LineWindowParams) for u in plan.units)
    x = random_samples(graph, 8)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert (run.ii, run.latency) == (64, plan.latency)
    assert count_mismatches(graph.compute(x), run.outputs) == 0


def test_errors_of_folds_name_what_is_legal() -> None:
    make = Maker(SeededChoices(4), TensorType((6, 6, 4), Bits()))
    make.conv(4, window=Window((3, 3)), groups=2)
    name = make.last[0]
    graph = Graph("net", make.input, tuple(make.layers), (("y", name),))
    planner = get_arch("streaming").plan
    with pytest.raises(PlanError, match=r"simd = 9 must be 1\.\.2: groups"):
        planner(graph, GENERIC, Goal(target_cycles=9999), hints={name: LayerHint(1, 9)})
    with pytest.raises(PlanError, match=r"cannot take fewer than \d+ cycles.*use `ii="):
        planner(graph, GENERIC, Goal(target_cycles=3))
    make = Maker(SeededChoices(4), TensorType((6, 6, 4), Bits()))
    make.conv(4, window=Window((3, 3)))
    graph = Graph("net", make.input, tuple(make.layers), (("y", make.last[0]),))
    with pytest.raises(PlanError, match=r"simd = 7 must be 1\.\.4, or a multiple of the 9 taps"):
        planner(graph, GENERIC, Goal(target_cycles=9999), hints={make.last[0]: LayerHint(1, 7)})


def test_memory_of_an_unfolded_depthwise_layer() -> None:
    """Its weights are constants, which cannot be stored in SPRAM, whatever its groups."""
    make = Maker(SeededChoices(4), TensorType((4, 4, 3), Bits()))
    make.conv(3, window=Window((2, 2)), groups=3)
    name = make.last[0]
    graph = Graph("net", make.input, tuple(make.layers), (("y", name),))
    planner, goal = get_arch("streaming").plan, Goal(target_cycles=9999)
    plan = planner(graph, GENERIC, goal, hints={name: LayerHint(3, 4, "constant")})
    params = plan.unit(name).params
    assert isinstance(params, MvtuParams)
    assert params.weight_memory == "constant"
    with pytest.raises(PlanError, match="cannot be stored in SPRAM"):
        planner(graph, get_device("up5k"), goal, hints={name: LayerHint(3, 4, "spram")})
    with pytest.raises(PlanError, match="PE 1 and SIMD 1 take 12 cycles"):
        planner(graph, GENERIC, goal, hints={name: LayerHint(1, 1, "constant")})


def test_verilog_is_the_same_every_time() -> None:
    graph, hints = random_map_network(8)
    network = Network(graph, hints, ())
    texts = {generate(network, "streaming", GENERIC,
                      Goal(target_cycles=900)).verilog for _ in range(2)}
    assert len(texts) == 1
