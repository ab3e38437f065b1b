"""Tests trained Keras models in hardware: the simulation has the order of the framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("h5py", reason="h5py (extra 'keras') is not installed")
pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

from bnnhw.arch import get_arch
from bnnhw.emit.design import Design
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.registry import load_any
from bnnhw.passes import run_passes
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.comparison import same_order

MODELS = Path(__file__).parent / "models"
CASES = ["larq_ternary_weights.h5", "qkeras_bits.h5", *(
    pytest.param(name, marks=pytest.mark.long) for name in (
        "larq_tutorial.h5", "larq_dorefa_weights.keras", "qkeras_cnn.h5"))]


@pytest.mark.parametrize("name", CASES)
def test_hardware_computes_as_the_framework(name: str) -> None:
    path = MODELS / name
    with np.load(path.with_suffix(".npz")) as file:
        x, scores = file["x"][:3].astype(np.int64), file["scores"][:3]
        low, high = file["pixel_range"].tolist()
    network = load_any(path, ImportOptions("net", pixel_range=(low, high), check=None))
    graph = run_passes(network.graph)
    plan = get_arch("streaming").plan(graph, get_device("generic"), Goal(target_cycles=3000))
    x = x.reshape(len(x), *graph.input.shape)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(network.graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency
    same_order(run.outputs["scores"], scores, 2e-6 * float(np.abs(scores).max()))
