"""Tests the smallest network from YAML to simulated Verilog."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bnnhw import golden
from bnnhw.emit.design import load_design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate

YAML = """
name: tiny
input: {shape: [4], type: bits}
weights: weights.npz
layers:
  - {dense: 3, name: a}
  - {dense: 2, name: b, output: scores}
  - argmax
"""


def test_tiny(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(YAML)
    np.savez(tmp_path / "weights.npz", **{
        "a.weights": np.array([[1, -1, 1, 1], [-1, -1, 1, -1], [1, 1, 1, 1]]),
        "a.thresholds": np.array([2, 3, 1]),
        "b.weights": np.array([[0, 1, 1], [1, 0, 1]]),
    })
    design = generate(load_network(tmp_path), "streaming", get_device("generic"),
                      Goal(target_cycles=4))
    write_files(design.files(tmp_path / "tiny.v"))
    design = load_design(tmp_path / "tiny.json")
    x = ((np.arange(16)[:, None] >> np.arange(4)) & 1).astype(np.uint8)
    # By hand, for the input 1000: popcounts 2, 1, 1 give the bits 1, 0, 1.
    assert design.graph.compute_all(x[1:2])["a"].tolist() == [[1, 0, 1]]
    assert design.graph.compute(x[1:2])["scores"].tolist() == [[-1, 3]]
    assert design.graph.compute(x[1:2])["label"].tolist() == [1]
    run = simulate(design, x, "pysim")
    for name, expected in golden.run(design.graph, x).items():
        assert (run.outputs[name] == expected).all()
    assert (run.ii, run.latency) == (design.plan.ii, design.plan.latency)
