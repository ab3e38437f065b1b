"""Tests padding with 0 for pixels around 0, against onnxruntime and in simulated hardware."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from bnnhw.arch import get_arch
from bnnhw.emit.design import Design
from bnnhw.errors import ModelError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Int
from bnnhw.passes import run_passes
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.comparison import MIXED, SAME, check, tail
from tests.importers.map_models import MapBuilder
from tests.networks import random_samples


def model(channels: int = 2) -> MapBuilder:
    return MapBuilder([1, channels, 5, 4], seed=2)


@pytest.mark.parametrize("pixel_range", [(-1.0, 1.0), (-0.5, 0.5), (1.0, -1.0)])
def test_pixels_around_zero(pixel_range: tuple[float, float], tmp_path: Path) -> None:
    builder = tail(model().conv(5, **SAME).batch_norm(MIXED).bipolar(), 100)
    network = check(builder, (2, 5, 4), tmp_path, "uint8", pixel_range)
    first = network.graph.layers[0]
    assert (first.kind, first.out_type().element) == ("affine", Int(-255, 255))


def test_two_readers_share_the_layer(tmp_path: Path) -> None:
    builder = model()
    start = builder.current
    first = builder.conv(4, **SAME).current
    builder.at(start, 2).conv(4, **SAME).then("Add", first)
    builder.channels = 4
    network = check(tail(builder.batch_norm(MIXED[:4]).bipolar(), 80), (2, 5, 4), tmp_path,
                    "uint8", (-1.0, 1.0))
    assert [layer.kind for layer in network.graph.layers].count("affine") == 1


def test_other_pixels_are_rejected(tmp_path: Path) -> None:
    builder = tail(model().conv(5, **SAME).batch_norm(MIXED).bipolar(), 100)
    with pytest.raises(ModelError, match="pads with 0"):
        check(builder, (2, 5, 4), tmp_path, "uint8", (-0.3, 1.0))


def test_in_hardware(tmp_path: Path) -> None:
    builder = tail(model(1).conv(4, **SAME).batch_norm(MIXED[:4]).bipolar(), 80)
    network = check(builder, (1, 5, 4), tmp_path, "uint8", (-1.0, 1.0))
    graph = run_passes(network.graph)
    plan = get_arch("streaming").plan(graph, get_device("generic"), Goal(target_cycles=600))
    x = random_samples(graph, 4, 1)
    run = simulate(Design(graph, plan, ""), x, "pysim")
    assert count_mismatches(network.graph.compute(x), run.outputs) == 0
    assert run.latency == plan.latency
