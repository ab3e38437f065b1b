"""Tests unrolled designs: outputs equal golden and streaming, the latency equals the plan."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.arch.unrolled import UnrolledOptions
from bnnhw.arch.unrolled.blocks import count_block
from bnnhw.arch.unrolled.logic import LogicParams
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.emit.verilog import convert
from bnnhw.errors import BnnhwError, PlanError
from bnnhw.families import TARGETS, get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.ir import Bits, Graph, TensorType, Window
from bnnhw.layers import ArgMax
from bnnhw.logic import CertificateError
from bnnhw.logic.cse.block_netlist import build_block
from bnnhw.logic.cse.check import check_block
from bnnhw.logic.cse.search import CseOptions
from bnnhw.logic.pipeline import register_count, schedule, schedule_cuts
from bnnhw.plan import Goal
from bnnhw.sim.cells import with_cells
from bnnhw.sim.compare import first_difference
from bnnhw.sim.simulate import simulate
from tests.networks import Maker, SeededChoices, random_graph, random_map_network


def design(graph: Graph, device: str = "generic", goal: Goal | None = None,
           cuts: int | None = None) -> Design:
    arch = get_arch("unrolled")
    plan = arch.plan(graph, get_device(device), goal or Goal(), UnrolledOptions(cuts))
    return Design(graph, plan, convert(arch.elaborate(plan, graph)))


def inputs(graph: Graph, count: int, seed: int) -> np.ndarray:
    element = graph.input.element
    return np.random.default_rng(seed).integers(element.lo, element.hi + 1,
                                                (count, *graph.input.shape))


def check(core: Design, x: np.ndarray, engine: str = "verilator") -> None:
    """Outputs, cycles per frame and latency are those of golden and plan; stalls change neither."""
    expected = golden.run(core.graph, x)
    run = simulate(core, x, engine)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (core.plan.ii, core.plan.latency)
    stalled = simulate(core, x, engine, Stalls(0.3, 0.4, 5))
    assert count_mismatches(expected, stalled.outputs) == 0


@pytest.mark.parametrize("seed", [
    *range(12), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(12, 30))])
def test_random_maps(seed: int) -> None:
    """Windows, borders with exact zeros, patterns of padding, groups, integers, residuals."""
    graph, _ = random_map_network(seed)
    arch = get_arch("unrolled")
    plan = arch.plan(graph, get_device("generic"), Goal(), UnrolledOptions(seed % 4))
    check(Design(graph, plan, ""), inputs(graph, 3, seed), "pysim")


@pytest.mark.parametrize(("seed", "device"), [(3, "ecp5"), (12, "ice40"), (24, "xc7"),
                                              (7, "generic")])
def test_the_twin_and_the_cells_are_the_same(seed: int, device: str) -> None:
    graph, _ = random_map_network(seed)
    core = design(graph, device, cuts=seed % 3)
    x = inputs(graph, 12, seed)
    check(core, x)
    check(with_cells(core), x)


@pytest.mark.parametrize("seed", range(6))
def test_random_dense_networks(seed: int) -> None:
    tail = ("bits", "scores", "label", "both")[seed % 4]
    graph = random_graph((11 + 7 * seed, 9, 1 + seed, 6), seed=seed, tail=tail,
                         unipolar=seed % 2 == 1, pixels=seed == 3, affine=seed == 5)
    core = design(graph, cuts=seed % 3)
    x = inputs(graph, 20, seed)
    check(Design(graph, core.plan, ""), x, "pysim")
    other = get_arch("streaming").plan(graph, get_device("generic"), Goal())
    both = simulate(Design(graph, other, ""), x, "pysim").outputs
    assert count_mismatches(both, simulate(core, x).outputs) == 0


@pytest.mark.parametrize(("tail", "recorded"), [("label", {"label"}), ("both", {"conv0"})])
def test_the_streams_of_a_correct_design_equal_its_layers(tail: str, recorded: set[str]) -> None:
    """A label is compared with the golden model unless its words carry the scores, too."""
    if tail == "label":
        graph = random_graph((20, 6, 5), seed=3, tail=tail)
    else:
        make = Maker(SeededChoices(2), TensorType((4, 4, 2), Bits()))
        make.conv(3, window=Window((2, 2)))
        scores = make.dense(5)
        make.layers.append(ArgMax("label", scores.name, scores.out_type()))
        graph = Graph("net", make.input, tuple(make.layers),
                      (("scores", scores.name), ("label", "label")))
    core = design(graph, cuts=0)
    assert {tap.layer for tap in core.core.probes.taps} == recorded
    assert first_difference(core, inputs(graph, 8, 1), 8) is None


@pytest.fixture(scope="module")
def tfc(tfc_onnx: Path) -> Graph:
    return import_onnx(tfc_onnx, name="tfc").graph


def test_tfc_on_real_digits(tfc: Graph, digits: tuple[np.ndarray, np.ndarray]) -> None:
    """5,000 digits through the emitted Verilog, one per cycle."""
    core = generate(Network(tfc, {}, ()), "unrolled", get_device("ecp5-85"), Goal(clock_mhz=150))
    unit = next(u.params for u in core.plan.units if isinstance(u.params, LogicParams))
    assert core.plan.ii == 1
    assert unit.synapses == 784 * 64 + 2 * 64 * 64 + 64 * 10
    assert unit.luts < 0.45 * unit.synapses
    expected = golden.run(tfc, digits[0])
    run = simulate(core, digits[0])
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (1, core.plan.latency)


@pytest.mark.long
def test_a_serial_front_collects_the_frame(tfc: Graph,
                                           digits: tuple[np.ndarray, np.ndarray]) -> None:
    core = design(tfc, "ice40", Goal(target_cycles=98), cuts=0)
    assert core.plan.ii == 98
    assert core.plan.i.lanes == 8
    check(core, digits[0][:20])


@pytest.mark.long
@pytest.mark.parametrize("device", ["ecp5", "ice40", "xc7", "generic"])
def test_tfc_cell_by_cell(device: str, tfc: Graph, digits: tuple[np.ndarray, np.ndarray]) -> None:
    """What synthesis reads, with the vendor's cell models: 5,000 digits."""
    core = with_cells(design(tfc, device, Goal(clock_mhz=60)))
    run = simulate(core, digits[0])
    assert count_mismatches(golden.run(tfc, digits[0]), run.outputs) == 0


def test_cuts() -> None:
    graph = random_graph((40, 12, 10), seed=2)
    latencies = [design(graph, cuts=k).plan.latency for k in (0, 1, 3)]
    assert latencies == sorted(latencies)
    core = design(graph, cuts=0)
    unit = next(u.params for u in core.plan.units if isinstance(u.params, LogicParams))
    assert unit.cuts == unit.ffs == 0
    assert not re.search(r"^reg \[\d+:0\] r\d", core.verilog, re.MULTILINE)
    faster = design(graph, "ecp5", Goal(clock_mhz=400))
    slower = design(graph, "ecp5", Goal(clock_mhz=50))
    assert faster.plan.latency > slower.plan.latency
    with pytest.raises(PlanError, match="must not be negative"):
        design(graph, cuts=-1)
    with pytest.raises(BnnhwError, match="'streaming' has no option `cuts=`"):
        generate(Network(graph, {}, ()), "streaming", get_device("generic"), Goal(), cuts=1)


def test_same_bytes_twice() -> None:
    graph, _ = random_map_network(5)
    assert design(graph, "ecp5").verilog == design(graph, "ecp5").verilog


def test_registers_are_counted_as_they_are_written() -> None:
    graph, _ = random_map_network(12)
    core = design(graph, "ecp5", cuts=2)
    for unit in core.plan.units:
        if isinstance(unit.params, LogicParams):
            module = core.verilog.split(f"module {core.plan.name}_{unit.name}_logic(")[1]
            module = module.split("`else")[0]
            written = sum(int(n) + 1 for n in re.findall(r"^reg \[(\d+):0\] r\d+", module,
                                                         re.MULTILINE))
            assert written == unit.params.ffs


def test_a_short_period_has_a_register_after_every_level() -> None:
    from bnnhw.logic import Netlist, SumBuilder
    netlist = Netlist(60)
    builder = SumBuilder(netlist, TARGETS["ecp5"])
    netlist.outputs = list(builder.total([(netlist.input(k),) for k in range(60)]).lits)
    every = schedule(netlist, TARGETS["ecp5"].delays, 0.1)
    for cell in netlist.cells:
        at = max(every.stage[f.out] for f in cell.functions)
        assert all(every.stage[bit] < at or bit <= 60 for bit in cell.reads)
    few = schedule_cuts(netlist, TARGETS["ecp5"].delays, 2)
    assert few.cuts == 2
    assert 0 < register_count(netlist, few) < register_count(netlist, every)


def test_a_netlist_with_two_rows_exchanged_is_rejected() -> None:
    graph = random_graph((30, 8), seed=4, tail="bits")
    block = count_block(list(graph.layers), True)
    netlist = build_block(block, TARGETS["ice40"], [CseOptions()])
    check_block(block, netlist)
    netlist.outputs[2], netlist.outputs[3] = netlist.outputs[3], netlist.outputs[2]
    with pytest.raises(CertificateError, match="differs from its layers"):
        check_block(block, netlist)
