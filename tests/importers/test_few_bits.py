"""Tests models with weights of two to eight bits and ternary ones: exact, in QONNX and in QCDQ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.layers import Product
from tests.importers.comparison import MIXED, SAME, check, kinds
from tests.importers.few_bit_models import FewBits

Make = Callable[[FewBits], Any]

MLPS: dict[str, Make] = {
    "ternary": lambda b: b.dense(8, bits=2).batch_norm().bipolar().dense(5, bits=2),
    "two bits, full range": lambda b: b.dense(8, bits=2, narrow=0).batch_norm().levels(4.0).dense(
        5, bits=2, narrow=0),
    "three bits": lambda b: b.dense(9, bits=3).batch_norm(MIXED).levels(2.0, 3).dense(5, bits=3),
    "four bits, signed levels": lambda b: b.dense(9, bits=4, narrow=0).levels(
        4.0, 4, signed=1).dense(6, bits=4),
    "eight bits": lambda b: b.dense(7, bits=8, scale=1 / 64).batch_norm().levels(
        0.25, 8).dense(4, bits=8, scale=1 / 64),
    "scales of channels": lambda b: b.dense(6, bits=3, scale=[0.25, 0.5, 1, 2, 0.125, 1])
    .levels(2.0, 2).dense(4, bits=4, scale=[1, 0.5, 2, 0.25]),
    "unsigned weights": lambda b: b.dense(8, bits=3, signed=0, narrow=0).levels(4.0, 2).dense(
        4, bits=2, signed=0, narrow=0),
    "zero point of weights": lambda b: b.dense(8, bits=4, signed=0, narrow=0, zero=6).levels(
        2.0, 3).dense(4, bits=4, signed=0, narrow=0, zero=9),
    "zero point of levels": lambda b: b.dense(8, bits=3).levels(2.0, 4, zero=5).dense(4, bits=3),
    "bits to one bit": lambda b: b.dense(8, bits=4).batch_norm().bipolar().dense(4, bits=4),
    "bias": lambda b: b.dense(8, bits=4).then("Add", b.constant(b.random.normal(0, 2, 8)))
    .levels(2.0, 3).dense(4, bits=3).then("Add", b.constant(b.random.normal(0, 1, 4))),
    "falling": lambda b: b.dense(8, bits=3).then("Neg").levels(2.0, 3, signed=1).then(
        "Mul", b.constant(-1.0)).dense(4, bits=3),
    "rows of zeros": lambda b: b.then("MatMul", b.constant(np.diag([1, -1, 0, 1, 0, 1, 1, 1, 0, 0,
                                                                    1, -1]))).levels(
        1.0, 2, signed=1).dense(3, bits=2),
}


@pytest.mark.parametrize("qcdq", [False, True], ids=["qonnx", "qcdq"])
@pytest.mark.parametrize("name", MLPS)
def test_mlp_is_exact(name: str, qcdq: bool, tmp_path: Path) -> None:
    b = FewBits([1, 12], seed=3, qcdq=qcdq)
    MLPS[name](b)
    network = check(b, (12,), tmp_path)
    assert network.check is not None
    assert network.check["ties"] == 0


CNNS: dict[str, tuple[Make, tuple[int, ...]]] = {
    "ternary, padded": (lambda b: b.window(6, options={"bits": 2}, **SAME).batch_norm(MIXED)
                        .levels(2.0, 2).window(4, options={"bits": 2}, **SAME), (2, 5, 5)),
    "exact zeros around signs": (lambda b: b.window(6, options={"bits": 3}, **SAME).bipolar()
                                 .window(4, options={"bits": 2}, **SAME), (2, 5, 5)),
    "signed levels, padded": (lambda b: b.window(5, options={"bits": 4}).levels(
        2.0, 3, signed=1).window(4, options={"bits": 3}, **SAME), (2, 5, 5)),
    "depthwise": (lambda b: b.window(4, options={"bits": 3}).levels(2.0, 2).window(
        8, group=4, options={"bits": 4}), (2, 6, 6)),
    "scales of channels": (lambda b: b.window(4, options={
        "bits": 3, "scale": [0.5, 0.25, 1, 2]}).levels(2.0, 2).window(
        4, options={"bits": 4, "scale": [0.5, 1, 1, 0.25]}), (2, 6, 6)),
    "pools": (lambda b: b.window(6, options={"bits": 3}).pool().batch_norm(MIXED).levels(
        2.0, 3).window(4, (1, 1), options={"bits": 3}).pool("AveragePool"), (2, 6, 6)),
    "signal": (lambda b: b.window(5, (3,), options={"bits": 4}).levels(2.0, 3).window(
        4, (3,), options={"bits": 2}), (3, 9)),
    "global average": (lambda b: b.window(6, (2, 2), options={"bits": 2}).levels(2.0, 2).then(
        "GlobalAveragePool").flat(6).dense(4, bits=3), (2, 5, 5)),
}


@pytest.mark.parametrize("qcdq", [False, True], ids=["qonnx", "qcdq"])
@pytest.mark.parametrize("name", CNNS)
def test_cnn_is_exact(name: str, qcdq: bool, tmp_path: Path) -> None:
    make, shape = CNNS[name]
    b = FewBits([1, *shape], seed=5, qcdq=qcdq)
    make(b)
    check(b, shape, tmp_path)


@pytest.mark.parametrize("qcdq", [False, True], ids=["qonnx", "qcdq"])
def test_pixels_and_weights_of_eight_bits(qcdq: bool, tmp_path: Path) -> None:
    """Sums of 8 x 8 bits have millions of values: thresholds are searched, not enumerated."""
    b = FewBits([1, 3, 9, 9], seed=1, qcdq=qcdq).levels(1 / 256, 8)
    b.window(16, options={"bits": 8, "scale": 1 / 64}).batch_norm().levels(0.25, 4)
    b.window(8, options={"bits": 4}).batch_norm().levels(4.0, 4).flat(200)
    network = check(b.dense(5, bits=8, scale=1 / 128), (3, 9, 9), tmp_path, "uint8", noise=1e-3)
    methods = [c.method for c in network.certificates]
    assert sum("searched" in method for method in methods) >= 1


def test_search_and_enumeration_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def graph(limit: int) -> Any:
        monkeypatch.setattr("bnnhw.importers.onnx.threshold_search.SEARCH_FROM", limit)
        b = FewBits([1, 12], seed=7).dense(9, bits=4).batch_norm(MIXED).then("Relu")
        b.levels(1.5, 4, rounding="HALF_UP").dense(8, bits=3).levels(0.7, 8, signed=1)
        return import_onnx(b.dense(4, bits=3).save(tmp_path), name="net", input_type="bits").graph

    assert graph(1).digest() == graph(1 << 62).digest()


def test_real_scales_differ_by_rounding_at_most(tmp_path: Path) -> None:
    b = FewBits([1, 20], seed=2).dense(12, bits=4, scale=b_scales(12)).batch_norm().levels(0.913, 4)
    b.dense(10, bits=3, scale=0.0371).batch_norm().levels(0.411, 3)
    check(b.dense(5, bits=4, scale=b_scales(5)), (20,), tmp_path, noise=1e-4)


@pytest.mark.parametrize("seed", [4, 6, 8])
def test_rounding_of_sums_can_exceed_a_level(seed: int, tmp_path: Path) -> None:
    """Levels that are finer than the rounding of float32 sums: ties, and no defect."""
    b = FewBits([1, 400], seed=seed).levels(1 / 256, 8).dense(64, bits=8, scale=0.0131)
    path = b.batch_norm().levels(0.00037, 8, signed=1).dense(4, bits=8, scale=0.01).save(tmp_path)
    result = import_onnx(path, name="net", check=Check(200)).check
    assert result is not None
    assert 1 <= result["ties"] < 20


def b_scales(count: int) -> np.ndarray:
    return np.random.default_rng(count).uniform(0.03, 0.4, count)


@pytest.mark.parametrize("rounding", ["ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP",
                                      "HALF_DOWN"])
def test_rounding_modes(rounding: str, tmp_path: Path) -> None:
    b = FewBits([1, 12], seed=4).dense(8, bits=3).levels(2.0, 3, signed=1, rounding=rounding)
    check(b.dense(4, bits=3), (12,), tmp_path)


def test_weights_of_plain_numbers(tmp_path: Path) -> None:
    """Levels of DoReFa-Net, 2k / 7 - 1, in constants without a quantiser: odd integers."""
    b = FewBits([1, 12], seed=6)
    levels = (2 * b.random.integers(0, 8, (12, 8)) / np.float32(7) - 1).astype(np.float32)
    b.then("MatMul", b.constant(levels))
    b.channels = 8
    network = check(b.levels(1.0, 2).dense(4, bits=2), (12,), tmp_path, noise=1e-5)
    first = network.graph.layers[0]
    assert isinstance(first, Product)
    assert set(np.unique(first.values)) == {-7, -5, -3, -1, 1, 3, 5, 7}


@pytest.mark.parametrize("bits", [10, 16])
def test_weights_of_more_than_eight_bits(bits: int, tmp_path: Path) -> None:
    """The scale of their quantiser is known, so that it need not be searched."""
    b = FewBits([1, 20], seed=bits).dense(6, bits=bits, scale=2.0 ** -bits).levels(0.5, 4)
    network = check(b.dense(4, bits=bits, scale=0.0123), (20,), tmp_path, noise=1e-4)
    products = [layer for layer in network.graph.layers if isinstance(layer, Product)]
    assert [int(np.abs(layer.values).max()) for layer in products] == [(1 << bits - 1) - 1] * 2


def test_binary_rows_of_different_scales_are_one_bit(tmp_path: Path) -> None:
    b = FewBits([1, 8], seed=1)
    signs = b.random.choice([-1.0, 1.0], (8, 4)) * [0.5, 1, 2, 4]
    b.then("MatMul", b.constant(signs))
    b.channels = 4
    first = check(b.bipolar().dense(3, bits=2), (8,), tmp_path).graph.layers[0]
    assert isinstance(first, Product)
    assert first.one_bit


def test_activations_with_scales_of_small_ratios(tmp_path: Path) -> None:
    """Channels in steps of 1, 2 and 3: the factors become part of the next layer's weights."""
    b = FewBits([1, 12], seed=9).dense(6, bits=3).levels(1.0, 2)
    b.then("Mul", b.constant([1.0, 2, 3, 1, 2, 3])).dense(4, bits=2)
    assert "affine" not in kinds(check(b, (12,), tmp_path))


def test_residual_sum_of_levels(tmp_path: Path) -> None:
    b = FewBits([1, 12], seed=8).dense(6, bits=3).levels(2.0, 3, signed=1)
    start = b.current
    b.dense(6, bits=3).levels(2.0, 3, signed=1).then("Add", start).levels(4.0, 3, signed=1)
    assert "add" in kinds(check(b.dense(4, bits=3), (12,), tmp_path))


REJECTED: dict[str, tuple[Make, str]] = {
    "real weights": (lambda b: b.then("MatMul", b.constant(b.random.normal(size=(12, 9)))),
                     r"MatMul.*real weights, up to 12 magnitudes.*Quant"),
    "nearly ternary weights": (lambda b: b.then("MatMul", b.constant(
        (1 + 1e-7 * b.random.normal(size=(12, 12))) * b.random.integers(-1, 2, (12, 12)))),
        r"except for float rounding.*straight-through"),
    "all weights 0": (lambda b: b.then("MatMul", b.constant(np.zeros((12, 4)))), "all 0"),
    "scales of input channels": (lambda b: b.then("MatMul", b.integers(
        (12, 5), scale=np.random.default_rng(0).uniform(0.1, 1, 12), axis=0)), "real weights"),
    "levels of real scales": (lambda b: b.dense(3, bits=3).levels(1.0, 2).then("Mul", b.constant(
        [1.0, 1.3717, 2.2345])).dense(3, bits=2), "one scale for all of them, or integer"),
    "nine bits of levels": (lambda b: b.dense(3, bits=8).levels(1 / 64, 9).dense(3, bits=2),
                            "different values.*at most 8 bits"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_with_the_node(name: str, tmp_path: Path) -> None:
    build, text = REJECTED[name]
    b = FewBits([1, 12])
    build(b)
    with pytest.raises(ModelError, match=text):
        import_onnx(b.save(tmp_path), name="net", input_type="bits")
