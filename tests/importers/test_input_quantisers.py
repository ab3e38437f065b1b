"""Tests input quantisers of many levels: exact integers at every pixel, in the hardware too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.arch.simulation import Stalls
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.importers.network import load_network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.save import network_files
from bnnhw.layers import Affine, Threshold
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.map_models import MapBuilder, run
from tests.importers.vector_models import DOMAIN


def network(mean: list[float], std: list[float], scale: float, bits: int, signed: int,
            narrow: int, rounding: str = "ROUND") -> MapBuilder:
    b = MapBuilder([1, 3, 5, 5], seed=bits)
    b.then("Sub", b.constant(np.reshape(mean, (-1, 1, 1))))
    b.then("Div", b.constant(np.reshape(std, (-1, 1, 1))))
    b.then("Quant", b.constant(scale), b.constant(0.0), b.constant(float(bits)), domain=DOMAIN,
           signed=signed, narrow=narrow, rounding_mode=rounding)
    return b.conv(4).batch_norm().bipolar().flat(36).matmul(3)


CASES = {
    "FINN's CNV: 2x - 1 in 8 bits": ([0.5], [0.5], 1 / 128, 8, 1, 0, "ROUND"),
    "narrow": ([0.5], [0.5], 1 / 127, 8, 1, 1, "ROUND"),
    "unsigned, 1/256": ([0.0], [1.0], 1 / 256, 8, 0, 0, "ROUND"),
    "Brevitas' learned scale": ([0.0], [1.0], 0.007811823394149542, 8, 1, 0, "ROUND"),
    "5 bits": ([0.5], [0.5], 1 / 16, 5, 1, 0, "ROUND"),
    "6 bits, floor": ([0.5], [0.5], 1 / 32, 6, 1, 1, "FLOOR"),
    "mean and deviation of each channel": (
        [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 2.64 / 127, 8, 1, 0, "ROUND"),
    "falling": ([0.5], [-0.5], 1 / 128, 8, 1, 0, "ROUND"),
}


@pytest.mark.parametrize("name", CASES)
def test_pixels_become_the_integers_of_the_quantiser(name: str, tmp_path: Path) -> None:
    b = network(*CASES[name])
    path = b.save(tmp_path)
    imported = import_onnx(path, name="net")
    first = imported.graph.layers[0]
    assert isinstance(first, Affine)
    x = np.random.default_rng(3).integers(0, 256, (40, 5, 5, 3))
    x.reshape(-1)[:256] = np.arange(256)  # every pixel occurs
    seen = np.moveaxis(x, -1, 1) / np.float32(255)
    reference = run(path, seen)[0]
    found = imported.graph.compute(x)["scores"]
    order = np.sign(found[:, :, None] - found[:, None])
    wanted = np.sign(reference[:, :, None] - reference[:, None])
    assert (order == wanted).all()


def test_levels_without_an_affine_form_become_thresholds(tmp_path: Path) -> None:
    b = MapBuilder([1, 1, 4, 4])
    b.then("Sqrt")
    path = b.quant(1 / 32, 0.0, bits=6).conv(3, (2, 2)).bipolar().flat(27).matmul(3).save(tmp_path)
    imported = import_onnx(path, name="net")
    assert isinstance(imported.graph.layers[0], Threshold)
    assert imported.graph.layers[0].levels == 32


def test_hardware_computes_the_integers(tmp_path: Path) -> None:
    path = network(*CASES["FINN's CNV: 2x - 1 in 8 bits"]).save(tmp_path)
    for file, data in network_files(import_onnx(path, name="net")).items():
        (tmp_path / file).write_bytes(data)
    design = generate(load_network(tmp_path), "streaming", get_device("generic"),
                      Goal(target_cycles=300))
    x = np.random.default_rng(1).integers(0, 256, (20, 5, 5, 3)).astype(np.uint8)
    x[0], x[1] = 0, 255
    expected = design.graph.compute(x)
    found = simulate(design, x, "verilator", Stalls(0.2, 0.2, 1)).outputs
    assert (found["scores"] == expected["scores"]).all()
