"""Tests of integer weights, and of the planes that they are split into."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.errors import BnnhwError
from bnnhw.ir import Bits, Element, Graph, Int, TensorType
from bnnhw.layers import Conv, Dense, Product
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import WeightPlanes, split_values, weight_bits
from tests.importers.yaml_networks import load
from tests.networks.choices import DrawnChoices

ELEMENTS = (Bits(), Bits(unipolar=True), Int(0, 3), Int(-4, 3), Int(0, 255), Int(-1, 1),
            Int(3, 10))


def every_level(levels: list[int], shape: tuple[int, int] = (4, 9)) -> np.ndarray:
    values = np.resize(levels, shape)
    return np.random.default_rng(0).permutation(values.ravel()).reshape(shape)


@pytest.mark.parametrize(("levels", "scales", "masked"), [
    ([-1, 1], (1,), False),
    ([-3, 3], (3,), False),
    ([-1, 0, 1], (1,), True),                                 # ternary
    ([-2, 0, 2], (2,), True),
    ([-3, -1, 1, 3], (1, 2), False),                          # DoReFa-Net with two bits
    ([-7, -5, -3, -1, 1, 3, 5, 7], (1, 2, 4), False),
    (list(range(-3, 4)), (1, 2), True),                       # 3 bits, narrow
    (list(range(-127, 128)), tuple(1 << q for q in range(7)), True),
    ([-2, -1, 0, 1], (1, 2), True),                           # 2 bits of two's complement
    (list(range(-8, 8)), (1, 2, 4, 8), True),
    ([-5, 0, 7], (5, 7), True),                               # TTQ
    ([-9, -5, 5, 9], (2, 7), False),                          # two bases
    ([-32, -12, 8, 32], (10, 10, 12), False),                 # nested bases with a common factor
    ([13 * a + 7 * b + 3 * c for a, b, c in itertools.product((-1, 1), repeat=3)], (3, 7, 13),
     False),                                                  # three bases
])
def test_forms(levels: list[int], scales: tuple[int, ...], masked: bool) -> None:
    values = every_level(levels, (4, max(9, len(levels))))
    planes = split_values(values)
    assert (planes.values() == values).all()
    assert (planes.scales, planes.mask is not None) == (scales, masked)


def test_signed_weights_share_their_sign() -> None:
    """Planes of magnitudes have equal sign bits, so that hardware stores these once."""
    planes = split_values(every_level(list(range(-127, 128)), (16, 64)))
    assert all((plane == planes.bits[0]).all() for plane in planes.bits)


def test_signs_that_never_differ_are_constant() -> None:
    planes = split_values(every_level([-5, 0, 7]))
    assert [set(plane.ravel()) for plane in planes.bits] == [{0}, {1}]


def test_zeros_alone_have_no_planes() -> None:
    with pytest.raises(ValueError, match="all weights are 0"):
        split_values(np.zeros((2, 2), np.int64))


@given(st.data())
def test_split_values_back(data: st.DataObject) -> None:
    choices = DrawnChoices(data.draw)
    high = choices.integer(1, 300)
    values = choices.integers(-high, high, (choices.integer(1, 3), choices.integer(1, 5)))
    values[0, 0] = high
    planes = split_values(values)
    assert (planes.values() == values).all()
    assert len(planes.bits) <= weight_bits(values)
    assert 1 << weight_bits(values) - 1 > high


def product(planes: WeightPlanes, element: Element) -> Dense:
    scales, coefficients, const = planes_sum(planes, element)
    return Dense("d", "input", TensorType((planes.bits.shape[2],), element), planes.bits,
                 coefficients, const, None, scales=scales, mask=planes.mask)


@given(st.data())
def test_sums_are_products_of_values(data: st.DataObject) -> None:
    """The values, the planes and the plain integer matrix product are equal, in their range."""
    choices = DrawnChoices(data.draw)
    element = choices.pick(ELEMENTS)
    rows, columns, count = choices.integer(1, 3), choices.integer(1, 6), choices.integer(1, 3)
    bits = choices.bits((count, rows, columns))
    mask = choices.bits(bits.shape) if choices.chance(0.7) else None
    planes = WeightPlanes(bits, mask, tuple(choices.integer(1, 9) for _ in range(count)))
    layer = product(planes, element)
    x = choices.integers(element.lo, element.hi, (4, columns))
    meant = 2 * x - 1 if element.bipolar else x
    expected = meant @ planes.values().T
    graph = Graph("g", layer.input, (layer,), (("scores", "d"),))
    for level in ("reference", "fast", "packed"):
        assert (golden.run(graph, x, level)["scores"] == expected).all()
    assert layer.acc_range.lo <= expected.min()
    assert layer.acc_range.hi >= expected.max()
    popcounts = expected - layer.const
    assert (popcounts >= 0).all()
    assert (popcounts <= layer.top).all()


def test_compiled_popcounts_in_a_mask() -> None:
    pytest.importorskip("numba")
    random = np.random.default_rng(3)
    planes = split_values(random.integers(-3, 4, (20, 130)))
    layer = product(planes, Bits())
    graph = Graph("g", layer.input, (layer,), (("scores", "d"),))
    x = random.integers(0, 2, (50, 130))
    assert (golden.run(graph, x, "compiled")["scores"] == (2 * x - 1) @ planes.values().T).all()


def build(item: dict[str, Any], input_: dict[str, Any], arrays: dict[str, np.ndarray]) -> Product:
    layer = load([item], input_, arrays).layers[0]
    assert isinstance(layer, Product)
    return layer


@pytest.mark.parametrize("element", [{"type": "bits"}, {"type": "int8"}])
def test_yaml_reads_integers(element: dict[str, Any]) -> None:
    values = np.random.default_rng(0).integers(-4, 4, (3, 8))
    arrays = {"d.weights": values, "d.thresholds": np.array([-2, 0, 5])}
    layer = build({"dense": 3, "name": "d", "weight_bits": 3}, {"shape": [8], **element}, arrays)
    low = 0 if element["type"] == "bits" else -128
    x = np.random.default_rng(1).integers(low, -low or 2, (40, 8))
    meant = 2 * x - 1 if element["type"] == "bits" else x
    assert (layer.compute(x) == (meant @ values.T >= [-2, 0, 5])).all()


def test_yaml_folds_batch_norm_of_integers() -> None:
    """Rising and falling channels of ternary weights, at all inputs."""
    random = np.random.default_rng(5)
    values = random.integers(-1, 2, (6, 7))
    arrays = {"d.weights": values, "d.var": random.uniform(0.5, 2, 6),
              **{f"d.{key}": random.normal(size=6) for key in ("gamma", "beta", "mean")}}
    layer = build({"dense": 6, "name": "d", "weight_bits": 2, "batch_norm": True},
                  {"shape": [7], "type": "bits"}, arrays)
    x = np.array(list(itertools.product((0, 1), repeat=7)))
    sums = (2 * x - 1) @ values.T
    y = arrays["d.gamma"] * (sums - arrays["d.mean"]) / np.sqrt(arrays["d.var"] + 1e-5)
    assert (layer.compute(x) == (y + arrays["d.beta"] >= 0)).all()


def test_exact_zeros_around_ternary_weights() -> None:
    """A padded convolution of -1, 0, +1 equals the plain convolution of exact zeros."""
    random = np.random.default_rng(7)
    values = random.integers(-1, 2, (4, 3, 3, 2))
    layer = build({"conv": 4, "kernel": 3, "pad": 1, "pad_value": "zero", "name": "c",
                   "weight_bits": 2, "sums": True, "output": "sums"},
                  {"shape": [5, 4, 2], "type": "bits"}, {"c.weights": values})
    assert isinstance(layer, Conv)
    x = random.integers(0, 2, (9, 5, 4, 2))
    padded = np.pad(2 * x - 1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((9, 5, 4, 4), np.int64)
    for ky, kx in itertools.product(range(3), repeat=2):
        expected += padded[:, ky:ky + 5, kx:kx + 4] @ values[:, ky, kx].T
    assert (layer.compute(x) == expected).all()


@pytest.mark.parametrize(("bits", "values", "text"), [
    (2, [[2, 0, 1]], "has values from 0 to 2, but weight_bits: 2 means -2 to 1"),
    (2, [[0, 0, 0]], "has only weights of 0"),
    (2, [[0.5, 0, 0]], "has fractions"),
    (1, [[-1, 0, 1]], "write 'weight_bits' where they are integers"),
    (17, [[0, 0, 1]], "weight_bits"),
])
def test_wrong_integers(bits: int, values: list[list[float]], text: str) -> None:
    with pytest.raises(BnnhwError) as info:
        build({"dense": 1, "name": "d", "weight_bits": bits}, {"shape": [3], "type": "bits"},
              {"d.weights": np.array(values)})
    assert text in f"{info.value} {info.value.hint}"
