"""Tests imported models in hardware: outputs equal the Graph's, cycles equal the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")

from bnnhw.arch import get_arch
from bnnhw.emit.design import Design
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.passes import run_passes
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.map_models import MapBuilder
from tests.importers.test_qonnx_branches import BRANCHES
from tests.importers.test_qonnx_conv import MAPS, SIGNALS
from tests.networks import random_samples

MODELS = {"maps": (MAPS, [1, 3, 8, 8]), "signals": (SIGNALS, [1, 3, 16]),
          "branches": (BRANCHES, [1, 3, 6, 6])}
CASES = [("branches", "shortcut"), ("branches", "concat"), ("branches", "downsampling shortcut"),
         ("branches", "NHWC"), ("signals", "causal"), ("maps", "depthwise"),
         ("maps", "pool before norm"), ("maps", "2-bit"), ("maps", "zero pad, even kernel")]


@pytest.mark.parametrize(("group", "name"), CASES)
def test_imported_model_in_hardware(group: str, name: str, tmp_path: Path) -> None:
    builds, shape = MODELS[group]
    builder = MapBuilder(shape, seed=3)
    builds[name](builder)
    imported = import_onnx(builder.save(tmp_path), name="net", input_type="bits")
    graph = run_passes(imported.graph)
    plan = get_arch("streaming").plan(graph, get_device("generic"), Goal(target_cycles=1500))
    x = random_samples(graph, 5, 1)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(imported.graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency
