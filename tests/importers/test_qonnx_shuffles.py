"""Tests the import of pixel shuffles, crops and gates against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.importer import import_onnx
from tests.importers.comparison import MIXED, SAME, check, kinds, tail
from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import DOMAIN

SHAPE = (1, 3, 8, 6)

Make = Callable[[MapBuilder], MapBuilder]


def moved(b: MapBuilder, op: str, channels: int, *inputs: str, **attributes: object) -> MapBuilder:
    """Append a node that changes the number of channels."""
    b.then(op, *inputs, **attributes)
    b.channels = channels
    return b


def reshapes(b: MapBuilder, channels: int, height: int, width: int) -> MapBuilder:
    """A pixel shuffle as older exporters of PyTorch write it."""
    b.then("Reshape", b.constant([-1, channels, 2, 2, height, width], np.int64))
    b.then("Transpose", perm=[0, 1, 4, 2, 5, 3])
    return moved(b, "Reshape", channels,
                 b.constant([-1, channels, 2 * height, 2 * width], np.int64))


def squeezed(b: MapBuilder, scale: float = 0.25) -> MapBuilder:
    """A gate of each channel: average, two layers, and a few levels."""
    map_, channels = b.current, b.channels
    b.then("GlobalAveragePool").then("Flatten").quant(scale, 0.0, bits=3)
    b.matmul(4).batch_norm().then("Relu").quant(1.0, 0.0, bits=2).matmul(channels)
    b.then("Mul", b.constant(0.125)).then("HardSigmoid").quant(0.0625, 0.0, bits=4)
    b.then("Reshape", b.constant([-1, channels, 1, 1], np.int64))
    b.current = b.add("Mul", [map_, b.current])
    b.channels = channels
    return b


def transposed(b: MapBuilder, outputs: int, kernel: int, bias: bool = False, bits: int = 1,
               **attributes: object) -> MapBuilder:
    """A transposed convolution with binary weights, or with weights of a few bits."""
    real = b.constant(b.random.normal(size=(b.channels, outputs, kernel, kernel)))
    weights = b.add("BipolarQuant", [real, b.constant(0.5)], DOMAIN) if bits == 1 else b.add(
        "Quant", [real, b.constant(0.5), b.constant(0.0), b.constant(float(bits))], DOMAIN,
        signed=1, narrow=1, rounding_mode="ROUND")
    biases = [b.constant(b.random.normal(0, 3, outputs))] if bias else []
    return moved(b, "ConvTranspose", outputs, weights, *biases,
                 kernel_shape=[kernel, kernel], **attributes)


def up(b: MapBuilder, *size: int, **attributes: object) -> MapBuilder:
    """A model with a transposed convolution of bits; ``size``: its kernel, and its output size."""
    kernel, height, width = size
    b.conv(6, **SAME).batch_norm(MIXED).bipolar()
    transposed(b, 3, kernel, **attributes).bipolar()
    return tail(b, 3 * height * width)


TWICE = {"strides": [2, 2]}

MODELS: dict[str, tuple[Make, set[str]]] = {
    "pixel shuffle of bits": (lambda b: tail(moved(
        b.conv(8, **SAME).batch_norm(MIXED).bipolar(), "DepthToSpace", 2, blocksize=2, mode="CRD"
    ).conv(3, **SAME).batch_norm().bipolar(), 3 * 16 * 12), {"depth_to_space"}),
    "depth to space": (lambda b: tail(moved(
        b.conv(8, **SAME).batch_norm(MIXED).bipolar(), "DepthToSpace", 2, blocksize=2, mode="DCR"
    ).conv(3, **SAME).batch_norm().bipolar(), 3 * 16 * 12), {"depth_to_space"}),
    "norm after the shuffle": (lambda b: tail(moved(
        b.conv(8, **SAME), "DepthToSpace", 2, blocksize=2, mode="CRD"
    ).batch_norm(MIXED).bipolar().conv(3, **SAME).batch_norm().bipolar(), 3 * 16 * 12),
        {"depth_to_space"}),
    "shuffle by reshapes": (lambda b: tail(reshapes(
        b.conv(8, **SAME).batch_norm(MIXED).then("Relu").quant(0.5, 0.0, bits=2), 2, 8, 6
    ).conv(3, **SAME).batch_norm().bipolar(), 3 * 16 * 12), {"depth_to_space"}),
    "space to depth": (lambda b: tail(moved(
        b.conv(4, **SAME).batch_norm(MIXED).bipolar(), "SpaceToDepth", 16, blocksize=2
    ).conv(3, **SAME).batch_norm().bipolar(), 3 * 4 * 3), {"space_to_depth"}),
    "space to depth of the input": (lambda b: tail(moved(
        b, "SpaceToDepth", 12, blocksize=2).conv(3, **SAME).batch_norm().bipolar(), 3 * 4 * 3),
        {"space_to_depth"}),
    "crop": (lambda b: tail(moved(
        b.conv(4, **SAME).batch_norm(MIXED).bipolar(), "Slice", 4,
        b.constant([1, 2], np.int64), b.constant([-2, 6], np.int64), b.constant([2, 3], np.int64)
    ).conv(3, **SAME).batch_norm().bipolar(), 3 * 5 * 4), {"crop"}),
    "transposed, kernel 2": (lambda b: up(b, 2, 16, 12, **TWICE), {"conv_transpose"}),
    "transposed, kernel 3": (lambda b: up(b, 3, 16, 12, **TWICE, pads=[1, 1, 1, 1],
                                          output_padding=[1, 1]), {"conv_transpose"}),
    "transposed, kernel 4": (lambda b: up(b, 4, 16, 12, **TWICE, pads=[1, 1, 1, 1], bias=True),
                             {"conv_transpose"}),
    "transposed, one stride": (lambda b: up(b, 3, 18, 8, strides=[2, 1], pads=[0, 0, 0, 0],
                                            output_padding=[1, 0]), {"conv_transpose"}),
    "transposed, SAME_UPPER": (lambda b: up(b, 3, 16, 12, **TWICE, auto_pad="SAME_UPPER"),
                               {"conv_transpose"}),
    "transposed, SAME_LOWER": (lambda b: up(b, 3, 16, 12, **TWICE, auto_pad="SAME_LOWER"),
                               {"conv_transpose"}),
    "transposed, output_shape": (lambda b: up(b, 4, 17, 13, **TWICE, output_shape=[17, 13]),
                                 {"conv_transpose"}),
    "transposed, weights of 3 bits": (lambda b: up(b, 4, 16, 12, **TWICE, pads=[1, 1, 1, 1],
                                                   bits=3), {"conv_transpose"}),
    "transposed, levels": (lambda b: tail(transposed(
        b.conv(4, **SAME).batch_norm(MIXED).quant(0.5, 1.0, bits=2), 3, 4, **TWICE).batch_norm(
            MIXED).bipolar(), 3 * 18 * 14), {"conv_transpose", "affine"}),
    "squeeze and excite": (lambda b: tail(squeezed(
        b.conv(5, **SAME).batch_norm(MIXED).then("Relu").quant(1.0, 0.0, bits=2)
    ).quant(0.5, 0.0, bits=3), 5 * 48), {"multiply"}),
    "product of two maps": (lambda b: tail(_product(b), 4 * 48), {"multiply"}),
}


def _product(b: MapBuilder) -> MapBuilder:
    """Two branches of integers with zero points, multiplied."""
    b.conv(4, **SAME).batch_norm(MIXED).quant(0.5, 0.0, bits=3, signed=1)
    one = b.current
    b.at("x", 3).conv(4, **SAME).batch_norm(MIXED).quant(0.25, 2.0, bits=3)
    b.current = b.add("Mul", [one, b.current])
    return b.quant(0.5, 0.0, bits=4, signed=1)


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path) -> None:
    make, expected = MODELS[name]
    imported = check(make(MapBuilder(SHAPE)), SHAPE[1:], tmp_path)
    assert expected <= set(kinds(imported))


def test_a_norm_after_a_shuffle_becomes_thresholds_of_the_convolution(tmp_path: Path) -> None:
    make, _ = MODELS["norm after the shuffle"]
    imported = check(make(MapBuilder(SHAPE)), SHAPE[1:], tmp_path)
    assert kinds(imported)[:2] == ["conv", "depth_to_space"]


def refused(b: MapBuilder, folder: Path, text: str) -> None:
    with pytest.raises(ModelError, match=text):
        import_onnx(b.save(folder), name="net", input_type="bits")


def test_channels_of_different_scales_are_refused(tmp_path: Path) -> None:
    b = MapBuilder(SHAPE).conv(8, **SAME).batch_norm(MIXED)
    moved(b, "DepthToSpace", 2, blocksize=2, mode="CRD").pool().bipolar()
    refused(tail(b, 2 * 8 * 6), tmp_path, "channels of different scales were moved to one channel")


@pytest.mark.parametrize(("attributes", "text"), [
    ({"group": 2}, "has groups or a dilation"), ({"dilations": [2, 1]}, "has groups or a dilation"),
    ({"pads": [2, 0, 0, 0]}, "expected pads less than the kernel"),
    ({"output_padding": [1, 0], "strides": [1, 1]}, "output_padding less than the stride"),
    ({"output_shape": [99, 99]}, "needs negative pads")])
def test_unsupported_transposed_convolutions(attributes: dict[str, object], text: str,
                                             tmp_path: Path) -> None:
    b = MapBuilder(SHAPE).conv(4, **SAME).batch_norm().bipolar()
    transposed(b, 2, 2, **{**TWICE, **attributes})
    refused(tail(b, 2), tmp_path, text)


def test_products_of_other_shapes_are_refused(tmp_path: Path) -> None:
    b = MapBuilder(SHAPE).conv(4, **SAME).batch_norm().quant(0.5, 0.0, bits=2)
    map_ = b.current
    b.then("ReduceMean", axes=[3], keepdims=1)
    b.current = b.add("Mul", [map_, b.current])
    refused(tail(b, 4 * 48), tmp_path, r"averages the axes \[3\]|multiplies activations of")


def test_levels_without_zero_cannot_be_multiplied(tmp_path: Path) -> None:
    b = MapBuilder(SHAPE).conv(4, **SAME).batch_norm().quant(0.5, 0.0, bits=2)
    map_ = b.current
    b.then("GlobalAveragePool").then("Add", b.constant(0.3)).quant(0.25, 0.0, bits=2)
    b.then("Add", b.constant(0.1))
    b.current = b.add("Mul", [map_, b.current])
    refused(tail(b, 4 * 48), tmp_path, "no multiples of one step.*levels contain 0")
