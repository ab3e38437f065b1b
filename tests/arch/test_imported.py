"""Imported models in hardware: outputs equal the Graph's, cycles equal the plan's."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")

from bnnhw.arch import get_arch
from bnnhw.device import get_device
from bnnhw.emit.design import Design
from bnnhw.frontend.qonnx import import_qonnx
from bnnhw.passes import run_passes
from bnnhw.plan import Wish
from bnnhw.sim.compare import count_mismatches
from bnnhw.sim.simulate import simulate
from tests.frontend import test_qonnx_conv as models
from tests.frontend.maps import MapBuilder
from tests.networks import random_samples

SHAPES = {"MAPS": [1, 3, 8, 8], "SIGNALS": [1, 3, 16], "BRANCHES": [1, 3, 6, 6]}
CASES = [("BRANCHES", "shortcut"), ("BRANCHES", "concat"), ("BRANCHES", "downsampling shortcut"),
         ("BRANCHES", "NHWC"), ("SIGNALS", "causal"), ("MAPS", "depthwise"),
         ("MAPS", "pool before norm"), ("MAPS", "2-bit"), ("MAPS", "zero pad, even kernel")]


@pytest.mark.parametrize(("group", "name"), CASES)
def test_imported_model_in_hardware(group: str, name: str, tmp_path: Path) -> None:
    builder = MapBuilder(SHAPES[group], seed=3)
    getattr(models, group)[name](builder)
    imported = import_qonnx(builder.save(tmp_path), name="net", input_type="bits")
    graph = run_passes(imported.graph)
    plan = get_arch("streaming").plan(graph, {}, get_device("generic"), Wish(ii=1500))
    x = random_samples(graph, 5, 1)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(imported.graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency
