"""Import of convolutional, residual and branching models: equal to onnxruntime, or refused."""

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
from bnnhw.frontend.network import load_network
from bnnhw.frontend.qonnx import Imported, import_qonnx
from bnnhw.frontend.save import network_files
from bnnhw.ir.layers import Conv, MaxPool, Threshold
from tests.frontend.maps import MapBuilder, run
from tests.frontend.models import DOMAIN
from tests.frontend.test_qonnx import same_order

MIXED = [1.0, -0.7, 0.0, 2.0, -1.5]
SAME = {"pads": [1, 1, 1, 1]}


def samples(shape: tuple[int, ...], kind: str, n: int = 24) -> np.ndarray:
    random = np.random.default_rng(5)
    if kind == "bits":
        return random.choice([-1, 1], (n, *shape))
    low, high = (0, 256) if kind == "uint8" else (-128, 128)
    x = random.integers(low, high, (n, *shape))
    x[0], x[1] = low, high - 1
    return x


def check(b: MapBuilder, shape: tuple[int, ...], folder: Path, kind: str = "bits",
          pixel_range: tuple[float, float] = (0.0, 1.0), last: bool = False,
          noise: float = 0.0, order: bool = True) -> Imported:
    """Compare an imported model with its reference, and its files with itself."""
    path = b.save(folder)
    imported = import_qonnx(path, name="net", input_type=kind, pixel_range=pixel_range)
    x = samples(shape, kind)
    low, high = pixel_range
    seen = {"bits": x, "uint8": np.float32(low) + (x / np.float32(255)).astype(np.float32)
            * np.float32(high - low), "int8": (x / np.float32(127)) * np.float32(high)}[kind]
    references = run(path, seen)
    stored = x if last or x.ndim < 3 or len(imported.graph.input.shape) == 1 \
        else np.moveaxis(x, 1, -1)
    found = imported.graph.compute(stored.astype(np.int64))
    names = [name for name in found if not name.endswith("label")]
    assert len(names) == len(references)
    for name, reference in zip(names, references, strict=True):
        got = found[name]
        if reference.ndim > 2 and got.ndim > 2:
            reference = np.moveaxis(reference, 1, -1)
        reference = reference.reshape(got.shape)
        if "bits" in name:
            assert (got == (reference > 0)).all()
            continue
        assert len(np.unique(got)) > 2
        if order:
            same_order(got.reshape(-1, got.shape[-1]), reference.reshape(-1, got.shape[-1]), noise)
    files = network_files(imported.graph, imported.certificates, imported.scores)
    for file, data in files.items():
        (folder / file).write_bytes(data)
    assert load_network(folder).graph.digest() == imported.graph.digest()
    return imported


def kinds(imported: Imported) -> list[str]:
    return [layer.kind for layer in imported.graph.layers]


def tail(b: MapBuilder, features: int) -> MapBuilder:
    return b.flat(features).matmul(4)


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
    """Wherever the pool stands, the product compares and the pool works on bits."""
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


def residual(b: MapBuilder, scale: float, shortcut: str = "bits") -> MapBuilder:
    """Bits, a convolution with a norm, and the sum of both behind it."""
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
    """A stem whose sums go on beside the bits of two blocks, as in Bi-Real nets."""
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
    """The same maps channels last between two convolutions, with a norm there."""
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
    """A shortcut through an average pool, doubled channels."""
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
    """Scales without a common unit: close to the model, and the certificate says so."""
    b = MapBuilder([1, 3, 6, 6], seed=3)
    residual(b, 0.3, "norm").give()
    path = b.batch_norm(MIXED[:4]).bipolar().conv(3).give().save(tmp_path)
    imported = import_qonnx(path, name="net", input_type="bits")
    texts = [c.method for c in imported.certificates]
    assert sum("sum of two branches; fixed point" in t for t in texts) == 1
    assert sum("at all sums; fixed point" in t for t in texts) == 1
    x = samples((3, 6, 6), "bits", 200)
    sums, scores = run(path, x)
    found = imported.graph.compute_all(np.moveaxis(x, 1, -1))
    add = next(layer.name for layer in imported.graph.layers if layer.kind == "add")
    fold = imported.scores
    assert fold is not None
    values = found[add] * fold.float_scale + fold.float_offset
    error = np.abs(values - np.moveaxis(sums, 1, -1)).max(axis=(0, 1, 2))
    assert (error < 1.2 * fold.float_scale).all()  # a unit is 2**-13 of the attainable range
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


def test_unread_layers_go(tmp_path: Path) -> None:
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


def weights(b: MapBuilder, *shape: int) -> str:
    return b.constant(np.sign(b.random.normal(size=shape)))


REFUSED: dict[str, tuple[Callable[[MapBuilder], Any], str]] = {
    "ceil_mode": (lambda b: b.conv(4, (2, 2)).bipolar().pool(ceil_mode=1), r"MaxPool.*ceil_mode"),
    "real kernel": (lambda b: b.then("Conv", b.constant(b.random.normal(size=(4, 3, 3, 3)))),
                    r"Conv.*different magnitudes.*BipolarQuant"),
    "groups": (lambda b: b.then("Conv", weights(b, 4, 2, 3, 3), group=2), "in 2 groups for 3"),
    "large window": (lambda b: b.conv(4, (7, 7)), r"window of \[7, 7\]"),
    "huge pads": (lambda b: b.conv(4, pads=[60000, 60000, 60000, 60000]), "elements"),
    "negative pads": (lambda b: b.conv(4, pads=[-1, 0, 0, 0]), r"pads \[-1"),
    "huge stride": (lambda b: b.conv(4, strides=[1 << 40, 1]), "strides"),
    "odd pad value": (lambda b: b.pad(0.5, [1, 1], [1, 1]).conv(4), "pads with 0.5"),
    "two pads": (lambda b: b.pad(-1.0, [1, 1], [1, 1]).conv(4, **SAME), "pads already"),
    "reflected pad": (lambda b: b.then("Pad", b.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64),
                                       mode="reflect"), "mode reflect"),
    "pad of channels": (lambda b: b.then("Pad", b.constant([0, 1, 0, 0, 0, 0, 0, 0], np.int64)),
                        "batch or the channels"),
    "pad before a sign": (lambda b: b.pad(1.0, [1, 1], [1, 1]).bipolar(), "padded map"),
    "average with pads": (lambda b: b.conv(4).bipolar().pool("AveragePool", 3, **SAME),
                          "AveragePool.*border"),
    "linear upsampling": (lambda b: b.then("Resize", "", b.constant([1, 1, 2, 2]), mode="linear"),
                          "mode linear"),
    "broken factor": (lambda b: b.then("Resize", "", b.constant([1, 1, 1.5, 2]), mode="nearest"),
                      "scales"),
    "huge upsampling": (lambda b: b.then("Resize", "", b.constant([1, 1, 1e5, 1e5]),
                                         mode="nearest"), "elements"),
    "scales of channels": (lambda b: b.then("Mul", b.constant(
        np.reshape([1, 2, 3], (3, 1, 1)))).conv(4), "Conv.*one for each channel"),
    "constants of pixels": (lambda b: b.conv(4).then("Add", b.constant(
        np.arange(16).reshape(4, 4))), "elements of one channel"),
    "pool that rises and falls": (lambda b: b.conv(4).then("Mul", b.constant(0.1)).then(
        "PRelu", b.constant(-1.0)).pool(), "rises and falls"),
    "bits of a function that turns": (lambda b: b.conv(4).then("PRelu", b.constant(-1.0)).then(
        "Sub", b.constant(3.0)).bipolar().conv(3, (1, 1)), "rises and falls"),
    "sum of real branches": (lambda b: b.conv(4).then("Tanh").then("Add", b.current),
                             r"take \d+ different values"),
    "sum of other shapes": (lambda b: b.then("Add", b.add("Conv", ["x", weights(b, 3, 3, 3, 3)])),
                            "expected equal ones"),
    "concat of rows": (lambda b: b.bipolar().then("Concat", b.current, axis=2), "axis 2"),
    "convolution of turned axes": (lambda b: b.then("Transpose", perm=[0, 1, 3, 2]).then(
        "Transpose", perm=[0, 2, 1, 3]).then("Conv", weights(b, 4, 6, 1, 1)), "no map of 'input'"),
    "flat view as a map": (lambda b: b.bipolar().then("Reshape", b.constant(
        [1, 12, 3, 3], np.int64)).then("Conv", weights(b, 4, 12, 3, 3)), "no map of"),
    "batch of two": (lambda b: b.then("Reshape", b.constant([2, 54], np.int64)), "batch of one"),
    "second result": (lambda b: second(b), "second output that is not taken"),
    "unknown node": (lambda b: b.conv(4).then("InstanceNormalization", b.constant(np.ones(4)),
                                              b.constant(np.ones(4))), "is not taken"),
    "pool of a vector": (lambda b: b.flat(108).then("GlobalMaxPool"), "is not taken"),
    "no weights": (lambda b: b.then("Conv"), "expected constant weights"),
    "half a Quant": (lambda b: b.conv(4).then("Quant", b.constant(1.0), domain=DOMAIN).conv(2),
                     "Quant.*has no zero point"),
    "scale of a wrong shape": (lambda b: b.then("Conv", b.add("BipolarQuant", [
        weights(b, 4, 3, 3, 3), b.constant(np.ones(5))], DOMAIN)), "does not allow"),
    "Quant of half a bit": (lambda b: b.conv(4).quant(1.0, 0.0, bits=1.5).conv(2), "1.5 bits"),
    "weights from activations": (lambda b: b.then("Conv", "x"), "joins two branches"),
}


def second(b: MapBuilder) -> MapBuilder:
    """The indices of a pool."""
    b.conv(4).bipolar().pool()
    b.nodes[-1].output.append("indices")
    return b.then("Add", "indices")


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_node(name: str, tmp_path: Path) -> None:
    build, text = REFUSED[name]
    b = MapBuilder([1, 3, 6, 6])
    build(b)
    with pytest.raises(ModelError, match=text) as info:
        import_qonnx(b.save(tmp_path), name="net", input_type="bits")
    assert "\n" not in str(info.value)


def test_pixels_between_steps_cannot_pad(tmp_path: Path) -> None:
    path = MapBuilder([1, 3, 6, 6]).conv(4, **SAME).bipolar().save(tmp_path)
    with pytest.raises(ModelError, match=r"pads with 0, which is none of the 256 values.*train"):
        import_qonnx(path, name="net", pixel_range=(-1.0, 1.0))
