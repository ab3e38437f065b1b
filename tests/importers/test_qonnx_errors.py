"""Tests that models of maps without an exact integer form are rejected with the node's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.importer import import_onnx
from tests.importers.comparison import SAME
from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import DOMAIN


def weights(b: MapBuilder, *shape: int) -> str:
    return b.constant(np.sign(b.random.normal(size=shape)))


REJECTED: dict[str, tuple[Callable[[MapBuilder], Any], str]] = {
    "average with ceil_mode": (lambda b: b.conv(4, (2, 2)).bipolar().pool(
        "AveragePool", ceil_mode=1), r"AveragePool.*ceil_mode.*train"),
    "real kernel": (lambda b: b.then("Conv", b.constant(b.random.normal(size=(4, 3, 3, 3)))),
                    r"Conv.*real weights.*BipolarQuant"),
    "groups": (lambda b: b.then("Conv", weights(b, 4, 2, 3, 3), group=2), "in 2 groups for 3"),
    "large window": (lambda b: b.conv(4, (7, 7)), r"window of \[7, 7\]"),
    "huge pads": (lambda b: b.conv(4, pads=[60000, 60000, 60000, 60000]), "elements"),
    "negative pads": (lambda b: b.conv(4, pads=[-1, 0, 0, 0]), r"pads \[-1"),
    "huge stride": (lambda b: b.conv(4, strides=[1 << 40, 1]), "strides"),
    "odd pad value": (lambda b: b.pad(0.5, [1, 1], [1, 1]).conv(4), "pads with 0.5"),
    "two pads": (lambda b: b.pad(-1.0, [1, 1], [1, 1]).conv(4, **SAME), "Pad node pads"),
    "reflected pad": (lambda b: b.then("Pad", b.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
                                       mode="reflect"), "mode reflect"),
    "pad of channels": (lambda b: b.then("Pad", b.constant([0, 1, 0, 0, 0, 0, 0, 0], np.int64))
                        .then("Conv", weights(b, 4, 4, 3, 3)), "the channels cannot be padded"),
    "pad at the end": (lambda b: b.conv(4).pad(1.0, [1, 1], [1, 1]).bipolar(), "expected a Conv"),
    "pool of a pad": (lambda b: b.conv(4).pad(1.0, [1, 1], [1, 1]).pool(), "expected a Conv"),
    "average with pads": (lambda b: b.conv(4).bipolar().pool("AveragePool", 3, **SAME),
                          "AveragePool.*border"),
    "linear upsampling": (lambda b: b.then("Resize", "", b.constant([1, 1, 2, 2]), mode="linear"),
                          "mode linear"),
    "broken factor": (lambda b: b.then("Resize", "", b.constant([1, 1, 1.5, 2]), mode="nearest"),
                      "scales"),
    "huge upsampling": (lambda b: b.then("Resize", "", b.constant([1, 1, 1e5, 1e5]),
                                         mode="nearest"), "elements"),
    "scales of channels": (lambda b: b.then("Mul", b.constant(
        np.reshape([1, 2.34, 3.141], (3, 1, 1)))).conv(4), "Conv.*one for each channel"),
    "constants of pixels": (lambda b: b.conv(4).then("Add", b.constant(
        np.arange(16).reshape(4, 4))), "elements of one channel"),
    "pool that rises and falls": (lambda b: b.conv(4).then("Mul", b.constant(0.1)).then(
        "PRelu", b.constant(-1.0)).pool(), "rises and falls"),
    "bits of a function that falls": (lambda b: b.conv(4).then("PRelu", b.constant(-1.0)).then(
        "Sub", b.constant(3.0)).bipolar().conv(3, (1, 1)), "rises and falls"),
    "sum of real branches": (lambda b: b.conv(4).then("Tanh").then("Add", b.current).conv(2),
                             r"have \d+ different values"),
    "sum of other shapes": (lambda b: b.then("Add", b.add("Conv", ["x", weights(b, 3, 3, 3, 3)])),
                            "expected equal ones"),
    "concat of rows": (lambda b: b.bipolar().then("Concat", b.current, axis=2), "axis 2"),
    "convolution of transposed axes": (lambda b: b.conv(6, (1, 1)).then("Transpose", perm=[
        0, 2, 1, 3]).then("Conv", weights(b, 4, 6, 1, 1)), "not a map of 'Conv"),
    "flat view as a map": (lambda b: b.conv(3, (1, 1)).bipolar().then("Reshape", b.constant(
        [1, 12, 3, 3], np.int64)).then("Conv", weights(b, 4, 12, 3, 3)), "not a map of"),
    "batch of two": (lambda b: b.then("Reshape", b.constant([2, 54], np.int64)), "batch of one"),
    "second result": (lambda b: second(b), "second output that is not supported"),
    "unknown node": (lambda b: b.conv(4).then("InstanceNormalization", b.constant(np.ones(4)),
                                              b.constant(np.ones(4))), "is not supported"),
    "pool of a vector": (lambda b: b.flat(108).then("GlobalMaxPool"), "is not supported"),
    "no weights": (lambda b: b.then("Conv"), "expected constant weights"),
    "half a Quant": (lambda b: b.conv(4).then("Quant", b.constant(1.0), domain=DOMAIN).conv(2),
                     "Quant.*has no zero point"),
    "scale of a wrong shape": (lambda b: b.then("Conv", b.add("BipolarQuant", [
        weights(b, 4, 3, 3, 3), b.constant(np.ones(5))], DOMAIN)), "does not allow"),
    "Quant of half a bit": (lambda b: b.conv(4).quant(1.0, 0.0, bits=1.5).conv(2), "1.5 bits"),
    "weights from activations": (lambda b: b.then("Conv", "x"), "combines two branches"),
}


def second(b: MapBuilder) -> MapBuilder:
    """Append a node that reads the indices of a pool."""
    b.conv(4).bipolar().pool()
    b.nodes[-1].output.append("indices")
    return b.then("Add", "indices")


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_with_the_node(name: str, tmp_path: Path) -> None:
    build, text = REJECTED[name]
    b = MapBuilder([1, 3, 6, 6])
    build(b)
    with pytest.raises(ModelError, match=text) as info:
        import_onnx(b.save(tmp_path), name="net", input_type="bits")
    assert "\n" not in str(info.value)


def test_pad_value_between_pixels_is_rejected(tmp_path: Path) -> None:
    path = MapBuilder([1, 3, 6, 6]).conv(4, **SAME).bipolar().save(tmp_path)
    with pytest.raises(ModelError, match=r"pads with 0, expected one of the 256 values.*train"):
        import_onnx(path, name="net", pixel_range=(-0.3, 1.0))
