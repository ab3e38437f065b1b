"""Tests every form of the QONNX quantisers on every operand: exact, or rejected by an error."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from onnx import helper

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.quantisers import evaluate_quantiser
from bnnhw.ir import Int
from tests.importers.comparison import same_order
from tests.importers.vector_models import DOMAIN, Builder, execute

ROUNDINGS = ("ROUND", "HALF_EVEN", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN")


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8, 16])
def test_quant_is_that_of_the_package_qonnx(bits: int, rounding: str) -> None:
    from qonnx.custom_op.general.quant import quant

    x = np.linspace(-9, 9, 721, dtype=np.float32)
    for signed, narrow, zero, scale in itertools.product((0, 1), (0, 1), (0.0, 1.0), (0.25, 1.5)):
        node: Any = helper.make_node("Quant", ["x", "s", "z", "b"], ["y"], domain=DOMAIN,
                                     signed=signed, narrow=narrow, rounding_mode=rounding)
        operands = [np.float32(v) for v in (scale, zero, bits)]
        expected = quant(x, *map(np.asarray, operands), signed, narrow, rounding)
        found = evaluate_quantiser(node, [x, *(np.asarray(v) for v in operands)])
        assert np.array_equal(found, expected), (signed, narrow, zero, scale)


def test_two_signed_bits_of_a_narrow_range_are_three_levels(tmp_path: Path) -> None:
    b = Builder([1, 6]).matmul(5).quant(2.0, 0.0, bits=2, signed=1, narrow=1).matmul(3)
    path = b.save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.graph.layers[0].out_type().element == Int(0, 2)
    x = np.random.default_rng(1).choice([-1.0, 1.0], (200, 6))
    found = imported.graph.compute(((x + 1) // 2).astype(np.int64))["scores"]
    reference = np.concatenate([execute(path, one[None]) for one in x])
    assert len(np.unique(reference)) > 4
    same_order(found, reference)


def test_ternary_input_is_three_levels(tmp_path: Path) -> None:
    b = Builder([1, 4])
    b.then("Mul", b.constant(2.0)).then("Sub", b.constant(1.0))
    path = b.quant(1.0, 0.0, bits=2, signed=1, narrow=1).matmul(3).save(tmp_path)
    graph = import_onnx(path, name="net").graph
    x = np.random.default_rng(1).integers(0, 256, (100, 4))
    reference = np.concatenate([execute(path, (one / np.float32(255))[None]) for one in x])
    same_order(graph.compute(x)["scores"], reference)


@pytest.mark.parametrize("dtype", [np.int64, np.float64, np.float32])
@pytest.mark.parametrize("quantiser", ["Quant", "BipolarQuant"])
def test_parameters_may_be_of_any_number_type(quantiser: str, dtype: Any, tmp_path: Path) -> None:
    b = Builder([1, 6]).matmul(5)
    if quantiser == "Quant":
        b.then("Quant", b.constant(1, dtype), b.constant(0, dtype), b.constant(2, dtype),
               domain=DOMAIN, signed=1, narrow=1, rounding_mode="ROUND")
    else:
        b.then("BipolarQuant", b.constant(1, dtype), domain=DOMAIN)
    path = b.matmul(3).save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.check is not None
    assert imported.check["ties"] == 0


def test_bias_of_a_16_bit_quantiser(tmp_path: Path) -> None:
    b = Builder([1, 6])
    bias = b.add("Quant", [b.constant(b.random.normal(0, 2, 5)), b.constant(2.0 ** -10),
                           b.constant(0.0), b.constant(16.0)], DOMAIN, signed=1, narrow=0,
                 rounding_mode="ROUND")
    b.then("Gemm", b.weights(5, transposed=True), bias, transB=1)
    b.channels = 5
    path = b.bipolar().matmul(3).save(tmp_path)
    x = np.random.default_rng(1).choice([-1.0, 1.0], (64, 6))
    graph = import_onnx(path, name="net", input_type="bits").graph
    reference = np.concatenate([execute(path, one[None]) for one in x])
    same_order(graph.compute(((x + 1) // 2).astype(np.int64))["scores"], reference)


@pytest.mark.parametrize(("domain", "operator", "message"), [
    (DOMAIN, "Im2Col", "the operator 'Im2Col'.*is not supported, expected one of BipolarQuant"),
    ("onnx.brevitas", "FloatQuant", "the operator 'FloatQuant'"),
    ("", "BipolarQuant", "has the domain ''.*set node.domain = 'qonnx.custom_op.general'"),
    ("com.other", "Quant", "belongs to the domain 'com.other'"),
])
def test_message_names_what_is_wrong(domain: str, operator: str, message: str,
                                     tmp_path: Path) -> None:
    b = Builder([1, 6])
    path = b.then(operator, b.constant(1.0), domain=domain).matmul(3).save(tmp_path)
    with pytest.raises(ModelError, match=message):
        import_onnx(path, name="net", input_type="bits")


def test_debug_marker_passes_its_input_on(tmp_path: Path) -> None:
    b = Builder([1, 6]).matmul(5).then("DebugMarker", domain=DOMAIN, export_debug_name="seen")
    imported = import_onnx(b.bipolar().matmul(3).save(tmp_path), name="net", input_type="bits")
    assert [layer.kind for layer in imported.graph.layers] == ["dense", "dense", "argmax"]


def test_sign_that_reaches_zero_is_three_levels_with_a_note(
        tmp_path: Path) -> None:
    b = Builder([1, 6]).matmul(5).then("Sign").matmul(3)
    path = b.save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    assert imported.graph.layers[0].out_type().element == Int(0, 2)
    assert any("torch.where(x >= 0, 1.0, -1.0)" in note for note in imported.notes)
    x = np.random.default_rng(1).choice([-1.0, 1.0], (100, 6))
    reference = np.concatenate([execute(path, one[None]) for one in x])
    same_order(imported.graph.compute(((x + 1) // 2).astype(np.int64))["scores"], reference)
