"""Tests the trained TFC from one lane to one cycle per frame: cycles and outputs (long)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.arch.simulation import Stalls
from bnnhw.config.hints import LayerHint
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate

ONE = LayerHint(1, 1)


@pytest.mark.long
@pytest.mark.parametrize(("ii", "frames", "by_hand"), [
    (50_176, 40, True), (12_544, 100, False), (1024, 1000, False), (256, 5000, False),
    (64, 5000, False), (13, 2000, False), (1, 2000, False)])
def test_tfc(ii: int, frames: int, by_hand: bool, tfc_onnx: Path,
             digits: tuple[np.ndarray, np.ndarray]) -> None:
    graph = import_onnx(tfc_onnx, name="tfc").graph
    hints = {layer.name: ONE for layer in graph.layers if layer.kind == "dense"} if by_hand else {}
    core = generate(Network(graph, hints, ()), "streaming", get_device("generic"),
                    Goal(target_cycles=ii))
    assert core.plan.ii <= ii
    if by_hand or ii == 1:
        assert core.plan.ii == ii
    x = digits[0][:: 5000 // frames]
    expected = golden.run(graph, x)
    run = simulate(core, x)
    assert count_mismatches(expected, run.outputs) == 0
    assert run.latency == core.plan.latency
    ends = run.out_cycles[core.plan.o.words - 1::core.plan.o.words]
    assert set(np.diff(ends)[20:]) == {core.plan.ii}
    run = simulate(core, x[:40], stalls=Stalls(0.3, 0.5, 9))
    assert count_mismatches({k: v[:40] for k, v in expected.items()}, run.outputs) == 0
    print(f"target {ii}: {core.plan.ii} cycles per frame, latency {core.plan.latency}")
