"""Tests the import of convolutional models against onnxruntime: maps, signals and pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="qonnx (extra 'dev') is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from bnnhw.layers import Conv, MaxPool
from tests.importers.comparison import MIXED, SAME, check, kinds, tail
from tests.importers.map_models import MapBuilder
from tests.importers.vector_models import DOMAIN

MAPS: dict[str, Callable[[MapBuilder], Any]] = {
    "plain": lambda b: tail(b.conv(5).batch_norm(MIXED).bipolar(), 180),
    "bias": lambda b: tail(b.conv(5, bias=True).bipolar(), 180),
    "zero pad": lambda b: tail(b.conv(5, **SAME).batch_norm(MIXED).bipolar(), 320),
    "zero pad, even kernel": lambda b: tail(
        b.conv(5, (2, 2), pads=[1, 0, 0, 1]).batch_norm(MIXED).bipolar(), 320),
    "zero pad, scaled": lambda b: tail(
        b.conv(5, **SAME, scale=0.5).batch_norm(MIXED).bipolar(0.25).conv(4, **SAME).batch_norm(
            MIXED).bipolar(), 256),
    "minus pad": lambda b: tail(
        b.pad(-1.0, [1, 1], [1, 1]).conv(5).batch_norm(MIXED).bipolar(), 320),
    "plus pad": lambda b: tail(
        b.pad(1.0, [0, 2], [1, 0]).conv(5).batch_norm(MIXED).bipolar(), 5 * 7 * 8),
    "zero Pad node": lambda b: tail(
        b.pad(0.0, [1, 1], [1, 1]).conv(5).batch_norm(MIXED).bipolar(), 320),
    "stride": lambda b: tail(b.conv(5, strides=[2, 3]).batch_norm(MIXED).bipolar(), 5 * 3 * 2),
    "dilation": lambda b: tail(
        b.conv(5, dilations=[2, 1], pads=[2, 1, 2, 1]).batch_norm(MIXED).bipolar(), 320),
    "auto_pad": lambda b: tail(
        b.conv(5, auto_pad="SAME_UPPER", strides=[2, 2]).batch_norm(MIXED).bipolar(), 80),
    "auto_pad lower": lambda b: tail(
        b.conv(5, auto_pad="SAME_LOWER", strides=[2, 2]).batch_norm(MIXED).bipolar(), 80),
    "depthwise": lambda b: tail(
        b.conv(8).bipolar().conv(8, group=8, **SAME).batch_norm(MIXED).bipolar().conv(
            5, (1, 1)).batch_norm().bipolar(), 180),
    "groups": lambda b: tail(
        b.conv(8, bias=True).bipolar().conv(6, group=2).batch_norm(MIXED).bipolar(), 96),
    "channel shuffle": lambda b: tail(
        b.conv(6, bias=True).bipolar().then("Reshape", b.constant([0, 2, 3, 6, 6], np.int64)).then(
            "Transpose", perm=[0, 2, 1, 3, 4]).then(
                "Reshape", b.constant([0, 6, 6, 6], np.int64)).conv(4, group=2).bipolar(), 64),
    "pool before norm": lambda b: tail(
        b.conv(5, **SAME).pool().batch_norm(MIXED).bipolar(), 80),
    "pool between norm and sign": lambda b: tail(
        b.conv(5, **SAME).batch_norm(MIXED).pool().bipolar(), 80),
    "pool after sign": lambda b: tail(
        b.conv(5, **SAME).batch_norm(MIXED).bipolar().pool(), 80),
    "padded pool": lambda b: tail(
        b.conv(5).batch_norm(MIXED).pool(size=3, strides=[2, 2], **SAME).bipolar(), 45),
    "pool of ceil_mode that fits": lambda b: tail(
        b.conv(5, **SAME).bipolar().pool(ceil_mode=1), 80),
    "unipolar": lambda b: tail(
        b.conv(5, **SAME).batch_norm(MIXED).quant(1.0, 0.0).conv(4, **SAME).batch_norm(
            MIXED).bipolar(), 256),
    "2-bit": lambda b: tail(
        b.conv(5, **SAME).batch_norm(MIXED).then("Relu").quant(0.5, 0.0, bits=2).conv(
            4, **SAME).batch_norm(MIXED).bipolar(), 256),
    "signed 3-bit": lambda b: tail(
        b.conv(5).batch_norm(MIXED).quant(0.25, 0.0, bits=3, signed=1).conv(4, **SAME).batch_norm(
            MIXED).quant(0.5, 0.0, bits=3, signed=1, narrow=1), 144),
    "4-bit and pool": lambda b: tail(
        b.conv(5).batch_norm(MIXED).pool().then("Relu").quant(0.125, 0.0, bits=4), 45),
    "MultiThreshold": lambda b: tail(b.conv(5).then(
        "MultiThreshold", b.constant(np.sort(b.random.normal(0, 4, (5, 3)))), domain=DOMAIN,
        out_dtype="UINT2").conv(4).batch_norm().bipolar(), 64),
    "upsample": lambda b: tail(b.conv(5).bipolar().then(
        "Resize", "", b.constant([1, 1, 2, 3]), mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric").conv(3).batch_norm().bipolar(), 480),
    "average": lambda b: tail(
        b.conv(5).batch_norm().bipolar().pool("AveragePool").batch_norm(MIXED).bipolar(), 45),
    "global average": lambda b: b.conv(4).batch_norm().bipolar().then(
        "GlobalAveragePool").flat(4).matmul(3),
    "mean of axes": lambda b: b.conv(4).batch_norm().bipolar().then(
        "ReduceMean", axes=[2, 3], keepdims=0).matmul(3),
    "conv at the end": lambda b: b.conv(5).bipolar().conv(4, (6, 6)).flat(4),
    "scores of a map": lambda b: b.conv(5).bipolar().conv(4).batch_norm([0.5, 1.5, -2.0]),
    "sums into sums": lambda b: b.conv(3).conv(4, (6, 6)).flat(4),
    "norm of flat maps": lambda b: (
        b.conv(2).then("Flatten"), setattr(b, "channels", 72), b.batch_norm(), b.bipolar(),
        b.matmul(4)),
}
INEXACT = {"average", "global average", "mean of axes"}


@pytest.mark.parametrize("name", MAPS)
def test_map_is_imported_exactly(name: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 8, 8], seed=len(name))
    MAPS[name](b)
    check(b, (3, 8, 8), tmp_path, noise=1e-5 if name in INEXACT or "bit" in name else 0.0)


def test_norms_and_pools_fuse(tmp_path: Path) -> None:
    """Wherever the pool is, the product compares and the pool works on bits."""
    builds: dict[str, Callable[[MapBuilder], MapBuilder]] = {
        "before norm": lambda b: b.conv(5).pool().batch_norm(MIXED).bipolar(),
        "before sign": lambda b: b.conv(5).batch_norm(MIXED).pool().bipolar(),
        "after sign": lambda b: b.conv(5).batch_norm(MIXED).bipolar().pool(),
    }
    for name, build in builds.items():
        imported = check(build(MapBuilder([1, 2, 6, 6])), (2, 6, 6), tmp_path)
        assert kinds(imported) == ["conv", "max_pool"]
        pool = imported.graph.layers[1]
        assert isinstance(pool, MaxPool)
        assert pool.smallest.tolist() == ([0, 1, 0, 0, 1] if name == "before norm" else [0] * 5)
        assert imported.certificates[0].layer == imported.graph.layers[0].name
        assert imported.certificates[0].complemented == 2
        assert imported.certificates[0].constant == 1


def test_zero_pad_is_absent(tmp_path: Path) -> None:
    b = MapBuilder([1, 2, 5, 5]).conv(3, pads=[1, 1, 1, 1]).batch_norm().bipolar()
    imported = check(b, (2, 5, 5), tmp_path)
    layer = imported.graph.layers[0]
    assert isinstance(layer, Conv)
    assert layer.absent
    assert layer.coefficients == (2,)
    assert imported.certificates[0].points == 2 * 18 + 1


SIGNALS: dict[str, Callable[[MapBuilder], Any]] = {
    "causal": lambda b: b.conv(5, (3,), pads=[4, 0], dilations=[2]).batch_norm(MIXED).bipolar()
    .conv(4, (16,)).flat(4),
    "strided": lambda b: tail(b.conv(5, (4,), strides=[2], group=1).batch_norm(MIXED).bipolar()
                              .then("MaxPool", kernel_shape=[2], strides=[2]), 15),
    "mean": lambda b: b.conv(5, (3,)).batch_norm(MIXED).bipolar().then("GlobalAveragePool").flat(
        5).matmul(3),
}


@pytest.mark.parametrize("name", SIGNALS)
def test_signal(name: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 16])
    SIGNALS[name](b)
    check(b, (3, 16), tmp_path, noise=1e-5)


PIXELS: dict[str, tuple[Callable[[MapBuilder], Any], str, tuple[float, float]]] = {
    "valid": (lambda b: tail(b.conv(4).batch_norm(MIXED).bipolar(), 64), "uint8", (0.0, 1.0)),
    "zero pad": (lambda b: tail(b.conv(4, **SAME).batch_norm(MIXED).bipolar(), 144), "uint8",
                 (0.0, 255.0)),
    "centred": (lambda b: tail(b.conv(4, scale=0.5).batch_norm(MIXED).bipolar(), 64), "uint8",
                (-127.5, 127.5)),
    "means of channels": (lambda b: tail(b.then("Sub", b.constant(
        np.reshape([3, 5.5, 128], (1, 3, 1, 1)))).conv(4).batch_norm(MIXED).bipolar(), 64),
        "uint8", (0.0, 255.0)),
    "mean and pad": (lambda b: tail(b.then("Sub", b.constant(
        np.reshape([3, 5, 128], (1, 3, 1, 1)))).conv(4, **SAME).batch_norm(MIXED).bipolar(), 144),
        "uint8", (0.0, 255.0)),
    "falling channels": (lambda b: tail(b.then("Mul", b.constant(
        np.reshape([1, -1, 1], (1, 3, 1, 1)))).conv(4).batch_norm(MIXED).bipolar(), 64),
        "uint8", (0.0, 255.0)),
    "signed": (lambda b: tail(b.conv(4, **SAME).batch_norm(MIXED).bipolar(), 144), "int8",
               (0.0, 127.0)),
    "8-bit Quant": (lambda b: tail(b.quant(1 / 255, 0.0, bits=8).conv(4).bipolar(), 64), "uint8",
                    (0.0, 1.0)),
    "binarised by channel": (lambda b: tail(b.then("Sub", b.constant(np.reshape(
        [0.2, 0.5, 0.7], (1, 3, 1, 1)))).bipolar().conv(4, **SAME).bipolar(), 144), "uint8",
        (0.0, 1.0)),
    "2-bit input": (lambda b: tail(b.quant(0.25, 0.0, bits=2).conv(4, **SAME).bipolar(), 144),
                    "uint8", (0.0, 1.0)),
    "matrix": (lambda b: (b.then("Flatten"), setattr(b, "channels", 108), b.matmul(6), b.batch_norm(
        MIXED), b.bipolar(), b.matmul(4)), "uint8", (0.0, 255.0)),
}


@pytest.mark.parametrize("name", PIXELS)
def test_pixels(name: str, tmp_path: Path) -> None:
    b = MapBuilder([1, 3, 6, 6])
    build, kind, pixel_range = PIXELS[name]
    build(b)
    imported = check(b, (3, 6, 6), tmp_path, kind, pixel_range, noise=1e-5)
    assert all(c.order == 0 for c in imported.certificates) or pixel_range == (0.0, 1.0)
