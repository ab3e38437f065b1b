"""Tests QuantizeLinear and DequantizeLinear on every operand: exact, or rejected with the node."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from onnx import TensorProto, helper

from bnnhw.errors import ModelError
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.linear_quantisers import evaluate_linear_quantiser
from bnnhw.ir import Int
from bnnhw.layers import Product
from tests.importers.comparison import check
from tests.importers.few_bit_models import FewBits
from tests.importers.map_models import run


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
def test_nodes_are_those_of_onnxruntime(dtype: Any, tmp_path: Path) -> None:
    x = np.linspace(-90, 90, 2881, dtype=np.float32)[None]
    for scale, zero in itertools.product((0.25, 0.37, 1.5), (0, 3, 100)):
        b = FewBits([1, x.size])
        pair = [b.constant(scale), b.constant(zero, dtype)]
        b.then("QuantizeLinear", *pair)
        b.give().then("DequantizeLinear", *pair).give()
        model = b.model()
        model.opset_import[0].version = 21
        for output in model.graph.output:
            output.ClearField("type")
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        expected = session.run(None, {"x": x})
        arrays = [np.asarray(scale, np.float32), np.asarray(zero, dtype)]
        integers = evaluate_linear_quantiser(b.nodes[0], [x, *arrays])
        assert integers.dtype == dtype
        assert np.array_equal(integers, expected[0])
        floats = evaluate_linear_quantiser(b.nodes[1], [integers, *arrays])
        assert np.array_equal(floats, expected[1])


def save(b: FewBits, folder: Path, opset: int = 13, dtype: int = TensorProto.FLOAT) -> Path:
    model = b.model()
    model.opset_import[0].version = opset
    model.graph.input[0].type.tensor_type.elem_type = dtype
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def imported(b: FewBits, folder: Path, **options: Any) -> Network:
    network = import_onnx(save(b, folder, **options), name="net", input_type="bits")
    assert network.check is not None
    assert network.check["ties"] == 0
    return network


def bias32(b: FewBits, channels: int, scale: float) -> str:
    """Add a bias of 32-bit integers, as PyTorch and Brevitas export it."""
    return b.add("DequantizeLinear", [b.constant(b.random.integers(-40, 40, channels), np.int32),
                                      b.constant(scale), b.constant(0, np.int32)])


def test_bias_of_32_bit_integers(tmp_path: Path) -> None:
    b = FewBits([1, 12], qcdq=True)
    b.then("Gemm", b.integers((6, 12)), bias32(b, 6, 0.25), transB=1)
    b.channels = 6
    check(b.levels(2.0, 3).dense(4), (12,), tmp_path)


def test_weights_stored_as_integers_by_channel(tmp_path: Path) -> None:
    b = FewBits([1, 2, 5, 5], qcdq=True)
    stored = b.constant(b.random.integers(-127, 128, (4, 2, 3, 3)), np.int8)
    scales = b.constant([0.5, 0.25, 1.0, 0.125])
    weights = b.add("DequantizeLinear", [stored, scales, b.constant(np.zeros(4), np.int8)], axis=0)
    b.then("Conv", weights, bias32(b, 4, 0.5), kernel_shape=[3, 3])
    b.channels = 4
    check(b.levels(16.0, 4).flat(36).dense(3), (2, 5, 5), tmp_path)


def test_levels_by_channel(tmp_path: Path) -> None:
    """Channels with other scales: the factors become part of the next layer's weights."""
    b = FewBits([1, 12], qcdq=True).dense(6)
    pair = [b.constant([0.5, 1, 0.5, 2, 1, 0.5]), b.constant([1, 2, 3, 4, 5, 6], np.uint8)]
    b.then("QuantizeLinear", *pair, axis=1).then("DequantizeLinear", *pair, axis=-1)
    check(b.dense(4), (12,), tmp_path)


def test_pool_and_reshape_of_integers(tmp_path: Path) -> None:
    """Nodes between QuantizeLinear and DequantizeLinear that only move or select integers."""
    b = FewBits([1, 2, 6, 6], qcdq=True).window(4)
    pair = [b.constant(2.0), b.constant(3, np.uint8)]
    b.then("QuantizeLinear", *pair).pool()
    b.then("Clip", b.constant(1, np.uint8), b.constant(9, np.uint8))
    b.then("Flatten").then("DequantizeLinear", *pair)
    b.channels = 16
    check(b.dense(3), (2, 6, 6), tmp_path)


def test_without_zero_point_the_integers_have_8_unsigned_bits(tmp_path: Path) -> None:
    b = FewBits([1, 12], qcdq=True).dense(6)
    b.then("QuantizeLinear", b.constant(0.125)).then("DequantizeLinear", b.constant(0.125))
    network = imported(b.dense(3), tmp_path)
    first = network.graph.layers[0]
    assert isinstance(first, Product)
    assert first.levels > 16


@pytest.mark.parametrize("signed", [False, True])
def test_integers_of_4_bits(signed: bool, tmp_path: Path) -> None:
    kind = TensorProto.INT4 if signed else TensorProto.UINT4
    b = FewBits([1, 12], qcdq=True)
    values = b.random.integers(-8, 8, 72) if signed else b.random.integers(0, 16, 72)
    b.constants.append(helper.make_tensor("w", kind, [12, 6], values.tolist()))
    b.constants.append(helper.make_tensor("zero", kind, [], [2]))
    weights = b.add("DequantizeLinear", ["w", b.constant(0.5), "zero"])
    b.then("MatMul", weights).then("QuantizeLinear", b.constant(4.0), "zero")
    b.then("DequantizeLinear", b.constant(4.0), "zero")
    b.channels = 6
    network = imported(b.dense(3), tmp_path, opset=21)
    element = network.graph.layers[0].out_type().element
    assert isinstance(element, Int)
    assert 4 < element.hi <= 15


@pytest.mark.parametrize("kind", ["INT8", "UINT8"])
def test_integers_as_the_input_of_the_model(kind: str, tmp_path: Path) -> None:
    """The model itself gives the type of its samples, whatever the options are."""
    b = FewBits([1, 12], qcdq=True)
    zero = b.constant(5, getattr(np, kind.lower()))
    b.then("DequantizeLinear", b.constant(0.25), zero).dense(6, bits=8, scale=1 / 64)
    network = imported(b.levels(8.0, 4).dense(3), tmp_path, dtype=getattr(TensorProto, kind))
    element = network.graph.input.element
    assert (element.lo, element.hi) == ((-128, 127) if kind == "INT8" else (0, 255))


def test_output_as_integers(tmp_path: Path) -> None:
    b = FewBits([1, 12], qcdq=True).dense(6).levels(2.0, 3).dense(4)
    b.then("QuantizeLinear", b.constant(1.0), b.constant(0, np.int8))
    path = save(b, tmp_path)
    network = import_onnx(path, name="net", input_type="bits")
    x = np.random.default_rng(0).choice([-1.0, 1.0], (50, 12))
    reference = run(path, x)[0]
    found = network.graph.compute(((x + 1) // 2).astype(np.int64))["scores"]
    order = np.sign(found[:, :, None] - found[:, None])
    assert (order == np.sign(reference[:, :, None] - reference[:, None])).all()


def unsupported(b: FewBits, operator: str) -> FewBits:
    return b.dense(6).then(operator)


REJECTED: dict[str, tuple[Callable[[FewBits], Any], str]] = {
    "blocks": (lambda b: b.dense(6).then("QuantizeLinear", b.constant(np.ones((1, 2))),
                                         b.constant(np.zeros((1, 2)), np.uint8), block_size=3),
               "QuantizeLinear.*in blocks, expected one scale"),
    "no scale": (lambda b: b.dense(6).then("QuantizeLinear", b.constant(-1.0)),
                 "scale that is not positive"),
    "axis": (lambda b: b.dense(6).then("QuantizeLinear", b.constant(np.ones(6)), axis=5),
             "has axis 5 for a tensor of 2 axes"),
    "float8": (lambda b: b.dense(6).then("QuantizeLinear", b.constant(1.0), output_dtype=17),
               "quantises to float8.*expected one of"),
    "16 bits": (lambda b: b.dense(6, bits=8).then("QuantizeLinear", b.constant(1 / 128), b.constant(
        0, np.int16)).then("DequantizeLinear", b.constant(1 / 128), b.constant(0, np.int16))
        .dense(3), "different values.*at most 8 bits"),
    "operator of integers": (lambda b: b.then("MatMulInteger", b.constant(np.ones((12, 3)),
                                                                          np.int8)),
                             "'MatMulInteger'.*QuantizeLinear and DequantizeLinear"),
    "dynamic": (lambda b: unsupported(b, "DynamicQuantizeLinear"), "scale.*depends on the sample"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_with_the_node(name: str, tmp_path: Path) -> None:
    build, text = REJECTED[name]
    b = FewBits([1, 12], qcdq=True)
    build(b)
    with pytest.raises(ModelError, match=text):
        import_onnx(save(b, tmp_path, opset=21), name="net", input_type="bits")
