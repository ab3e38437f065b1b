"""Tests the example networks from the file to plan, Verilog, simulation and synthesis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import load_design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.networks import random_samples

EXAMPLES = Path(__file__).parents[2] / "designs" / "examples"
CYCLES = {"residual": 6000, "mobilenet": 6000, "keyword": 4000, "segment": 4000, "gated": 4000}


@pytest.mark.parametrize("name", CYCLES)
def test_example(name: str, tmp_path: Path) -> None:
    """A residual net, depthwise convolutions, a dilated signal, an encoder and decoder,
    and a gate with a transposed convolution."""
    network = load_network(EXAMPLES / f"{name}.yaml")
    design = generate(network, "streaming", get_device("ecp5-25"), Goal(target_cycles=CYCLES[name]))
    write_files(design.files(tmp_path / "out.v"))
    design = load_design(tmp_path / "out.json")
    assert design.plan.ii <= CYCLES[name]
    x = random_samples(network.graph, len(design.plan.units) + 8, 7)
    expected = network.graph.compute(x)  # before the passes, too
    assert count_mismatches(expected, golden.run(design.graph, x, "packed")) == 0
    run = simulate(design, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
    run = simulate(design, x[:6], stalls=Stalls(0.4, 0.4, 3))
    assert count_mismatches({k: v[:6] for k, v in expected.items()}, run.outputs) == 0
    for values in expected.values():
        assert len(np.unique(values)) > 1, "an output that never changes shows nothing"
