"""Tests that the check of an import finds planted faults and names the tensor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ModelError, ToolError
from bnnhw.importers.base import Check
from bnnhw.importers.network import load_network
from bnnhw.importers.onnx import execute as onnx_execute
from bnnhw.importers.onnx import linear_quantisers
from bnnhw.importers.onnx import operators as onnx_operators
from bnnhw.importers.onnx import product_nodes as onnx_product
from bnnhw.importers.onnx import quantisers as onnx_quant
from bnnhw.importers.onnx import window as onnx_window
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.integer_weights import IntegerWeights
from bnnhw.importers.onnx.random_samples import random_samples
from bnnhw.importers.save import network_files
from bnnhw.ir import Bits, Int, TensorType
from tests.importers.few_bit_models import FewBits
from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import Builder


def ternary(b: Builder) -> Builder:
    return b.matmul(5).quant(2.0, 0.0, bits=2, signed=1, narrow=1).matmul(3)


def normed(b: Builder) -> Builder:
    return b.matmul(8).batch_norm([1.0, -1.0, 2.0]).bipolar().matmul(3)


def padded(b: MapBuilder) -> MapBuilder:
    return b.conv(4, pads=[1, 1, 0, 0]).batch_norm().bipolar().flat(100).matmul(3)


def grouped(b: MapBuilder) -> MapBuilder:
    return b.conv(4, group=2).batch_norm().bipolar().flat(64).matmul(3)


def two_bits_are_one(patch: pytest.MonkeyPatch) -> None:
    """Plant: the range -1..1 is read as one signed bit, a bug that published networks had."""
    right = onnx_quant._quant_range

    def wrong(node: Any, bits: np.ndarray) -> tuple[int, int, bool]:
        low, high, _ = right(node, bits)
        return low, high, (low, high) == (-1, 1)
    patch.setattr(onnx_quant, "_quant_range", wrong)


def mean_is_added(patch: pytest.MonkeyPatch) -> None:
    """Plant: the mean of a batch-norm has the wrong sign."""
    def wrong(node: Any, inputs: list[np.ndarray | None]) -> np.ndarray:
        x, gamma, beta, mean, var = inputs
        assert x is not None
        scale = np.sqrt(np.asarray(var) + x.dtype.type(1e-5))
        return np.asarray(gamma * (x + mean) / scale + beta)
    patch.setattr(onnx_operators, "_batch_norm", wrong)


def pads_in_another_order(patch: pytest.MonkeyPatch) -> None:
    """Plant: pads are read as ends and then starts."""
    right = onnx_window._pads

    def wrong(*arguments: Any) -> list[int]:
        pads = right(*arguments)
        return pads[2:] + pads[:2]
    patch.setattr(onnx_window, "_pads", wrong)


def first_weight_is_turned(patch: pytest.MonkeyPatch) -> None:
    """Plant: the first weight of the first row is read with the wrong sign."""
    right = onnx_product.integer_weights

    def wrong(weights: np.ndarray, scales: np.ndarray | None, label: str) -> IntegerWeights:
        found = right(weights, scales, label)
        found.values[0, 0] *= -1
        return found
    patch.setattr(onnx_product, "integer_weights", wrong)


def scale_of_one_row(patch: pytest.MonkeyPatch) -> None:
    """Plant: the scale of a row of ternary weights is read as that of another one."""
    right = onnx_product.integer_weights

    def wrong(weights: np.ndarray, scales: np.ndarray | None, label: str) -> IntegerWeights:
        found = right(weights, scales, label)
        found.scales[0] = found.scales[1]
        return found
    patch.setattr(onnx_product, "integer_weights", wrong)


def saturation_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """Plant: QuantizeLinear does not saturate."""
    patch.setattr(linear_quantisers, "quantised_range", lambda node, zero: (-32768, 32767))


def rounding_up(patch: pytest.MonkeyPatch) -> None:
    """Plant: ROUND is read as rounding half up."""
    patch.setitem(onnx_quant._ROUNDING, "ROUND", onnx_quant._ROUNDING["HALF_UP"])


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Callable[[], Builder], str]] = {
    "ternary as bipolar": (two_bits_are_one, lambda: ternary(Builder([1, 6])),
                           r"tensor 't2', from node 'Quant_2'"),
    "batch-norm": (mean_is_added, lambda: normed(Builder([1, 12])),
                   r"tensor 't2', from node 'BatchNormalization_2'"),
    "pads": (pads_in_another_order, lambda: padded(MapBuilder([1, 3, 6, 6])),
             r"tensor 't1', from layer 'Conv_1'"),
    "weights": (first_weight_is_turned, lambda: grouped(MapBuilder([1, 4, 6, 6])),
                r"tensor 't1', from layer 'Conv_1'"),
    "scale of weights": (scale_of_one_row, lambda: FewBits([1, 12]).dense(
        4, bits=2, scale=[1.0, 0.5, 2.0, 1.0]), r"tensor 't1', from layer 'MatMul_1'"),
    "saturation": (saturation_is_ignored, lambda: FewBits([1, 12], qcdq=True).dense(
        4, scale=8.0).levels(0.25, 8).dense(3), r"tensor 't\d+', from node 'QuantizeLinear_\d+'"),
    "rounding": (rounding_up, lambda: Builder([1, 6]).matmul(5).quant(
        4.0, 0.0, bits=3, signed=1).matmul(3), r"tensor 't2', from node 'Quant_2'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found_by_its_tensor(name: str, tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    plant, build, where = FAULTS[name]
    path = build().save(tmp_path)
    import_onnx(path, name="net", input_type="bits")  # correct without the fault
    plant(monkeypatch)
    with pytest.raises(ModelError, match=where + ".*differs from an independent execution"):
        import_onnx(path, name="net", input_type="bits")
    import_onnx(path, name="net", input_type="bits", check=None)  # only the check notices


def test_result_is_part_of_the_certificate(tmp_path: Path) -> None:
    path = normed(Builder([1, 12])).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits", check=Check(samples=40, seed=3))
    for file, data in network_files(imported).items():
        (tmp_path / file).write_bytes(data)
    stored = json.loads((tmp_path / "certificate.json").read_text())["check"]
    assert stored == imported.check == load_network(tmp_path).check
    assert stored["samples"] == 40
    assert stored["seed"] == 3
    assert stored["ties"] == 0
    assert stored["tensors"] == 4
    assert "onnxruntime" in stored["executor"]
    assert "qonnx" in stored["executor"]


def test_equal_imports_give_equal_files(tmp_path: Path) -> None:
    path = normed(Builder([1, 12])).save(tmp_path)
    first, second = (network_files(import_onnx(path, name="net", input_type="bits"))
                     for _ in range(2))
    assert first == second


def test_samples_follow_the_size_of_the_network(tmp_path: Path) -> None:
    small = import_onnx(normed(Builder([1, 12])).save(tmp_path), name="n", input_type="bits")
    big = MapBuilder([1, 32, 64, 64]).conv(64, (5, 5)).bipolar()
    path = big.flat(64 * 60 * 60).matmul(2).save(tmp_path)
    large = import_onnx(path, name="n", input_type="bits")
    assert small.check is not None
    assert large.check is not None
    assert small.check["samples"] == 300
    assert large.check["samples"] == 16


def test_ties_of_inexact_scales_are_counted(tmp_path: Path) -> None:
    """Sums of +-0.1 that are 0 are rounded to 0 or to a tiny number, depending on the order."""
    b = Builder([1, 64], seed=2).matmul(32, scale=0.1).bipolar().matmul(3)
    imported = import_onnx(b.save(tmp_path), name="net", input_type="bits")
    assert imported.check is not None
    assert 0 < imported.check["ties"] < 300


def test_missing_executor_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def absent(name: str) -> str:
        raise PackageNotFoundError(name)
    monkeypatch.setattr(onnx_execute.importlib.metadata, "version", absent)
    path = normed(Builder([1, 12])).save(tmp_path)
    with pytest.raises(ToolError, match=r"onnxruntime is not installed.*\[onnx\]"):
        import_onnx(path, name="net", input_type="bits")


@pytest.mark.parametrize("type_", [TensorType((9,), Bits()), TensorType((7, 5, 3), Int(0, 255)),
                                   TensorType((6, 4), Int(-8, 7))])
def test_samples_are_legal_and_reach_the_ends(type_: TensorType) -> None:
    x = random_samples(type_, 50, 1)
    assert x.shape == (50, *type_.shape)
    low, high = type_.element.lo, type_.element.hi
    assert (x[0] == low).all()
    assert (x[1] == high).all()
    assert x.min() >= low
    assert x.max() <= high
    assert np.array_equal(x, random_samples(type_, 50, 1))
