"""Tests the import of residual and branching models against onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.layers import Threshold
from tests.importers.comparison import MIXED, SAME, check, kinds, samples, tail
from tests.importers.map_models import MapBuilder, run


def residual(b: MapBuilder, scale: float, shortcut: str = "bits") -> MapBuilder:
    """Bits, a convolution with a batch-norm, and the sum of both."""
    b.conv(4, **SAME).batch_norm().bipolar(1.0)
    start = b.current
    if shortcut == "levels":
        b.then("Mul", b.constant(1.0))
    b.conv(4, **SAME, scale=scale)
    if shortcut == "norm":
        b.batch_norm()
    return b.then("Add", start)


BRANCHES: dict[str, Callable[[MapBuilder], Any]] = {
    "shortcut": lambda b: tail(residual(b, 1.0).batch_norm(MIXED[:4]).bipolar(), 144),
    "shortcut, scaled": lambda b: tail(residual(b, 0.25).batch_norm(MIXED[:4]).bipolar(), 144),
    "shortcut, two readers": lambda b: two_blocks(b),
    "difference": lambda b: difference(b),
    "twice itself": lambda b: tail(b.conv(4).then("Add", b.current).batch_norm().bipolar(), 64),
    "levels": lambda b: tail(levels(b).bipolar(), 144),
    "pool of a sum": lambda b: tail(residual(b, 1.0).pool().batch_norm(MIXED[:4]).bipolar(), 36),
    "concat": lambda b: concat(b, 1),
    "concat of kinds": lambda b: concat(b, 1, True),
    "NHWC": lambda b: nhwc(b),
    "downsampling shortcut": lambda b: downsample(b),
}


def two_blocks(b: MapBuilder) -> MapBuilder:
    """Sums that bypass two blocks of bits, as in Bi-Real nets."""
    b.conv(4, **SAME)
    for _ in range(2):
        start = b.current
        b.then("Sub", b.constant(b.random.integers(-2, 3, (4, 1, 1)) + 0.5)).bipolar()
        b.conv(4, **SAME, scale=0.5).then("Add", start)
    return tail(b.bipolar(), 144)


def difference(b: MapBuilder) -> MapBuilder:
    b.conv(4).bipolar()
    start = b.current
    b.conv(4, (1, 1)).then("Sub", start)
    return tail(b.then("Add", b.constant(0.5)).bipolar(), 64)


def levels(b: MapBuilder) -> MapBuilder:
    """Two branches of 2-bit activations with scales of 3 and 1."""
    b.conv(4, **SAME).batch_norm()
    start = b.current
    left = b.then("Relu").quant(3.0, 0.0, bits=2).current
    return b.at(start, 4).then("Neg").then("Relu").quant(1.0, 0.0, bits=2).then("Add", left).then(
        "Sub", b.constant(2.5))


def concat(b: MapBuilder, axis: int, mixed: bool = False) -> MapBuilder:
    b.conv(4, **SAME).batch_norm().bipolar()
    left = b.current
    b.conv(3, **SAME).batch_norm()
    if mixed:
        b.quant(2.0, 1.0)
        b.then("Mul", b.constant(-1.0))
    else:
        b.bipolar()
    b.then("Concat", left, axis=axis)
    return tail(b.at(b.current, 7).conv(4).batch_norm().bipolar(), 64)


def nhwc(b: MapBuilder) -> MapBuilder:
    """Maps that are channels last between two convolutions, with a batch-norm."""
    b.conv(5, **SAME).then("Transpose", perm=[0, 2, 3, 1])
    b.then("Mul", b.constant([1, -1, 1, 1, -1])).then("Sub", b.constant(0.5 + np.arange(5)))
    b.bipolar()
    b.then("MatMul", b.weights(4))
    b.channels = 4
    b.then("Add", b.constant(np.full(4, 0.5))).bipolar()
    start = b.current
    b.then("Transpose", perm=[0, 3, 1, 2]).conv(3).bipolar().flat(48)
    left = b.current
    b.at(start, 4).flat(144)
    b.then("Concat", left, axis=1)
    return b.at(b.current, 192).matmul(4)


def downsample(b: MapBuilder) -> MapBuilder:
    """A shortcut through an average pool, with doubled channels."""
    b.conv(4, **SAME).batch_norm().bipolar()
    start = b.current
    b.conv(8, pads=[1, 1, 1, 1], strides=[2, 2])
    main = b.current
    b.at(start, 4).pool("AveragePool")
    b.then("Concat", b.current, axis=1).then("Add", main)
    return tail(b.at(b.current, 8).batch_norm(MIXED).bipolar(), 72)


@pytest.mark.parametrize("name", BRANCHES)
def test_branches(name: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=3)
    BRANCHES[name](b)
    imported = check(b, (3, 6, 6), tmp_path)
    assert not any("fixed point" in c.method for c in imported.certificates)
    assert (len([k for k in kinds(imported) if k == "add"]) > 0) == (
        "concat" not in name and name != "NHWC")


def test_shortcut_in_fixed_point(tmp_path: Path) -> None:
    """Scales without a common unit are approximated, and the certificate has the bound."""
    b = MapBuilder([1, 3, 6, 6], seed=3)
    residual(b, 0.3, "norm").give()
    path = b.batch_norm(MIXED[:4]).bipolar().conv(3).give().save(tmp_path)
    imported = import_onnx(path, name="net", input_type="bits")
    texts = [c.method for c in imported.certificates]
    assert sum("sum of two branches; fixed point" in t for t in texts) == 1
    assert sum("at all sums; fixed point" in t for t in texts) == 1
    x = samples((3, 6, 6), "bits", 200)
    sums, scores = run(path, x)
    found = imported.graph.compute_all(np.moveaxis(x, 1, -1))
    add = next(layer.name for layer in imported.graph.layers if layer.kind == "add")
    fold = imported.scores
    assert fold is not None
    scale, offset = np.array(fold["float_scale"]), np.array(fold["float_offset"])
    values = found[add] * scale + offset
    error = np.abs(values - np.moveaxis(sums, 1, -1)).max(axis=(0, 1, 2))
    assert (error < 1.2 * scale).all()  # a unit is 2**-13 of the attainable range
    last = found[imported.graph.outputs[-1][1]]
    assert (last == np.moveaxis(scores, 1, -1)).mean() > 0.99


def test_several_outputs(tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6], seed=1).conv(4, **SAME).batch_norm(MIXED[:4]).bipolar().give()
    b.nodes[-1].output[0] = b.current = b.outputs[0] = "stem/bits"
    start = b.current
    b.flat(144).matmul(5).give()
    b.at(start, 4).conv(3).give()
    imported = check(b, (3, 6, 6), tmp_path)
    assert [name for name, _ in imported.graph.outputs] == [
        "stem_bits", b.outputs[1], f"{b.outputs[1]}_label", b.outputs[2]]


def test_unread_layers_are_removed(tmp_path: Path) -> None:
    b = MapBuilder([1, 2, 5, 5]).conv(3).bipolar()
    start = b.current
    b.conv(2)
    imported = check(b.at(start, 3).conv(4), (2, 5, 5), tmp_path)
    assert kinds(imported) == ["conv", "conv", "flatten", "argmax"]


def test_thresholds_of_a_sum(tmp_path: Path) -> None:
    b = residual(MapBuilder([1, 3, 6, 6]), 1.0).batch_norm(MIXED[:4]).bipolar()
    imported = check(b, (3, 6, 6), tmp_path)
    last = imported.graph.layers[-1]
    assert isinstance(last, Threshold)
    assert last.falling.tolist() == [0, 1, 0, 0]
