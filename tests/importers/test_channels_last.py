"""Tests QONNX's operators on maps with their channels last, and those that remove bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from onnx import helper

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.channels_last import CHANNELS_LAST
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.onnx.quantisers import evaluate_quantiser
from tests.importers.comparison import kinds
from tests.importers.few_bit_models import FewBits
from tests.importers.vector_models import DOMAIN


def imported(b: FewBits, folder: Path, version: int = 1, input_type: str = "bits") -> Network:
    """Import a model; its check compares every tensor with the package qonnx."""
    model = b.model()
    model.opset_import[1].version = version
    model.opset_import.append(helper.make_opsetid(CHANNELS_LAST, 1))
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    network = import_onnx(path, name="net", input_type=input_type, check=Check(40))
    assert network.check is not None
    assert network.check["ties"] == 0
    return network


def conv(b: FewBits, outputs: int, **attributes: Any) -> FewBits:
    """Append a convolution of [1, H, W, C] with kernels [out, rows, columns, in]."""
    weights = b.integers((outputs, 3, 3, b.channels), bits=2)
    b.then("Conv", weights, domain=CHANNELS_LAST, kernel_shape=[3, 3], strides=[1, 1],
           dilations=[1, 1], group=1, **{"pads": [0, 0, 0, 0], **attributes})
    b.channels = outputs
    return b


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 2]])
def test_convolution_norm_and_pool(pads: list[int], tmp_path: Path) -> None:
    b = FewBits([1, 7, 6, 2], seed=1)
    b.channels = 2
    conv(b, 5, pads=pads)
    b.then("BatchNormalization", *(b.constant(v) for v in (
        [1, -1, 2, 0.5, 1], [1, 0, 2, 1, 3], [1, 2, 0, 1, 0], [1.0, 2, 3, 4, 5])),
        domain=CHANNELS_LAST, epsilon=1e-5)
    b.levels(2.0, 2)
    b.then("MaxPool", domain=CHANNELS_LAST, kernel_shape=[2, 2], strides=[1, 1], pads=[0] * 4)
    network = imported(conv(b, 3), tmp_path)
    assert network.shape == (7, 6, 2)
    assert kinds(network) == ["conv", "max_pool", "conv"]


def test_finn_streamlined_form(tmp_path: Path) -> None:
    """Thresholds and pools with the channels last between matrices, as FINN transforms them."""
    b = FewBits([1, 6, 6, 2], seed=2)
    b.channels = 2
    conv(b, 4)
    b.then("MultiThreshold", b.constant(np.sort(b.random.integers(-6, 6, (4, 3)), axis=1)),
           domain=DOMAIN, data_layout="NHWC", out_dtype="UINT2")
    b.then("MaxPoolNHWC", domain=DOMAIN, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    b.dense(5, bits=2)
    assert kinds(imported(b, tmp_path)) == ["conv", "max_pool", "conv"]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_average_pool_of_quantised_integers(layout: str, tmp_path: Path) -> None:
    shape = [1, 2, 6, 6] if layout == "NCHW" else [1, 6, 6, 2]
    b = FewBits(shape, seed=3)
    b.channels = 2
    b.levels(1.0, 4)
    b.then("QuantAvgPool2d", domain=DOMAIN, kernel=2, stride=2, ibits=4, obits=4, signed=0,
           data_layout=layout)
    b.then("Flatten")
    b.channels = 18
    imported(b.dense(3), tmp_path, input_type="uint8")


def test_multi_threshold_without_a_layout_guesses_it_by_rank(tmp_path: Path) -> None:
    b = FewBits([1, 3, 8], seed=4).window(3, (3,))
    b.then("Transpose", perm=[0, 2, 1])
    b.then("MultiThreshold", b.constant([[-2.0, 1], [0, 3], [1, 2]]), domain=DOMAIN,
           out_dtype="UINT2")
    imported(b.then("Transpose", perm=[0, 2, 1]).window(4, (2,)), tmp_path)


@pytest.mark.parametrize("operator", ["Quant", "IntQuant"])
def test_both_names_of_the_quantiser(operator: str, tmp_path: Path) -> None:
    b = FewBits([1, 12]).dense(6).levels(2.0, 3, operator=operator)
    imported(b.dense(3), tmp_path)


ROUNDINGS = ("FLOOR", "ROUND", "CEIL", "HALF_UP", "DOWN")


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_trunc_is_that_of_the_package_qonnx(rounding: str) -> None:
    from qonnx.custom_op.general.trunc import trunc_v1, trunc_v2

    x = (np.arange(-40, 41) * np.float32(0.5)).astype(np.float32)
    one: Any = helper.make_node("Trunc", list("abcde"), ["y"], domain=DOMAIN,
                                rounding_mode=rounding)
    for zero in (0.0, 2.0):
        given = [np.asarray(v, np.float32) for v in (0.5, zero, 7, 5)]
        assert np.array_equal(evaluate_quantiser(one, [x, *given]), trunc_v1(x, *given, rounding))
        for signed in (0, 1):
            two: Any = helper.make_node("Trunc", list("abcdef"), ["y"], domain=DOMAIN,
                                        rounding_mode=rounding, signed=signed, narrow=0)
            given = [np.asarray(v, np.float32) for v in (0.5, zero, 7, 2.0, 5)]
            expected = trunc_v2(x, *given[:3], 0, signed, *given[3:], rounding)
            assert np.array_equal(evaluate_quantiser(two, [x, *given]), expected)


@pytest.mark.parametrize("version", [1, 2])
def test_average_and_trunc(version: int, tmp_path: Path) -> None:
    """The average of Brevitas: a sum, of which the lowest bits are removed."""
    b = FewBits([1, 2, 6, 6], seed=5).window(4).levels(2.0, 4)
    b.pool("AveragePool").then("Mul", b.constant(4.0))
    scales = [b.constant(v) for v in ((2.0, 0.0, 6.0, 4.0) if version == 1 else
                                      (2.0, 0.0, 6.0, 8.0, 4.0))]
    signs = {} if version == 1 else {"signed": 0, "narrow": 0}
    b.then("Trunc", *scales, domain=DOMAIN, rounding_mode="FLOOR", **signs).then("Flatten")
    b.channels = 16
    imported(b.dense(3), tmp_path, version)


@pytest.mark.parametrize(("operator", "text"), [
    ("FloatQuant", "'FloatQuant'.*train with Quant or BipolarQuant"),
    ("Im2Col", "'Im2Col'.*export before FINN lowers convolutions"),
    ("XnorPopcountMatMul", "'XnorPopcountMatMul'.*export before FINN lowers matrices"),
])
def test_other_operators_are_rejected_with_advice(operator: str, text: str,
                                                  tmp_path: Path) -> None:
    b = FewBits([1, 12]).dense(6).then(operator, domain=DOMAIN)
    with pytest.raises(ModelError, match=text):
        imported(b.dense(3), tmp_path)


def test_another_operator_with_channels_last(tmp_path: Path) -> None:
    b = FewBits([1, 6, 6, 2]).then("AveragePool", domain=CHANNELS_LAST, kernel_shape=[2, 2])
    with pytest.raises(ModelError, match=r"'AveragePool'.*expected one of BatchNorm"):
        imported(b, tmp_path)
