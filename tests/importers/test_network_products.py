"""Tests weights, sums and thresholds of layers.yaml against direct arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.ir import Int
from bnnhw.layers import Dense
from tests.importers.convolution import direct, normed, norms, weights_of
from tests.importers.yaml_networks import load, network, signs
from tests.networks import DrawnChoices, SeededChoices, random_samples, samples

ELEMENTS: list[tuple[dict[str, Any], int, int]] = [
    ({"type": "uint8"}, 0, 255), ({"type": "int8"}, -128, 127),
    ({"type": "int", "bits": 4, "signed": True}, -8, 7),
    ({"type": "int", "bits": 3, "signed": False}, 0, 7), ({"type": "int", "range": [-3, 9]}, -3, 9),
]


@given(st.sampled_from(ELEMENTS), st.booleans(), st.sampled_from([None, 0, 3, -3]),
       st.data())
def test_integer_first_layer(element: tuple[dict[str, Any], int, int], norm: bool,
                             fill: int | None, data: st.DataObject) -> None:
    """Integers times -1/+1: sums, thresholds on sums, and batch-norm folded into thresholds."""
    keys, low, high = element
    if fill is not None and not low <= fill <= high:
        return
    choices = DrawnChoices(data.draw)
    w = choices.bits((5, 3, 3, 2))
    item: dict[str, Any] = {"conv": 5, "kernel": 3, "pad": 1, "name": "c"}
    if fill is not None:
        item["pad_value"] = fill
    input_ = {"shape": [4, 5, 2], **keys}
    sums = load([{**item, "sums": True}], input_, {"c.weights": w})
    assert sums.input.element == Int(low, high)
    x = data.draw(samples(sums, 4))
    expected = direct(x, signs(w), (1, 1, 1, 1), fill=fill or 0)
    assert (sums.compute(x)["scores"] == expected).all()
    if norm:
        arrays = norms(choices, 5)
        graph = load([{**item, "batch_norm": True}], input_, {"c.weights": w, **arrays})
        assert (graph.compute(x)["bits"] == normed(expected, arrays)).all()
    else:
        thresholds = np.sort(choices.integers(-99, 98, (5, 3)), axis=1)
        graph = load([{**item, "levels": 3}], input_, {"c.weights": w, "c.thresholds": thresholds})
        levels = (expected[..., None] >= thresholds).sum(axis=-1)
        assert (graph.compute(x)["scores"] == levels).all()


@pytest.mark.parametrize("sign", [">=", ">"])
def test_dense_reads_integers(sign: str) -> None:
    """A plain sign on integer sums, ties included; and a bias on raw sums."""
    w = weights_of(0, 6, 5)
    input_ = {"shape": [5], "type": "int", "bits": 2, "signed": True}
    x = np.stack(np.meshgrid(*[np.arange(-2, 2)] * 5), axis=-1).reshape(-1, 5)
    graph = load([{"dense": 6, "name": "a", "sign": sign}], input_, {"a.weights": w})
    expected = x @ signs(w).T
    assert (expected == 0).any()
    bits = expected >= 0 if sign == ">=" else expected > 0
    assert (graph.compute(x)["bits"] == bits).all()
    bias = np.arange(-3, 3)
    scores = load([{"dense": 6, "name": "a", "output": "scores"}], input_,
                  {"a.weights": w, "a.bias": bias})
    assert (scores.compute(x)["scores"] == expected + bias).all()


def test_evaluation_in_parts_is_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {"c.weights": weights_of(3, 9, 20), **norms(SeededChoices(3), 9)}
    layers = [{"dense": 9, "name": "c", "batch_norm": True}]
    input_ = {"shape": [20], "type": "int8"}
    at_once = network(layers, input_, arrays)
    monkeypatch.setattr("bnnhw.layers.building.signs.CHUNK", 12_000)  # two rows at a time
    parts = network(layers, input_, arrays)
    assert parts.graph.digest() == at_once.graph.digest()
    assert parts.certificates == at_once.certificates
    assert at_once.certificates[0].points == 255 * 20 + 1
    assert at_once.certificates[0].constant >= 1  # gamma is 0 there


def test_weights_may_be_rows() -> None:
    w = weights_of(4, 4, 3, 2, 5)
    input_ = {"shape": [4, 4, 5], "type": "bits"}
    graphs = [load([{"conv": 4, "kernel": [3, 2], "name": "c"}], input_, {"c.weights": array})
              for array in (w, w.reshape(4, -1), signs(w), signs(w).astype(np.float32))]
    assert len({graph.digest() for graph in graphs}) == 1


def test_coefficients_and_planes() -> None:
    """Sums of masked popcounts with two planes of weights, on integers of two bits."""
    random = np.random.default_rng(0)
    w, mask = random.integers(0, 2, (2, 2, 3, 4))
    arrays = {"a.weights": w, "a.mask": mask, "a.scales": np.array([2, 5]),
              "a.coefficients": np.array([3, 5]), "a.bias": np.array([1, -2, 0]),
              "a.thresholds": np.array([40, 35, 23])}
    graph = load([{"dense": 3, "name": "a"}],
                 {"shape": [4], "type": "int", "bits": 2, "signed": False}, arrays)
    x = np.stack(np.meshgrid(*[np.arange(4)] * 4), axis=-1).reshape(-1, 4)
    sums = arrays["a.bias"] + sum(
        s * c * (((x >> m & 1)[:, None] == w[q]) & (mask[q] == 1)).sum(axis=2)
        for q, s in enumerate((2, 5)) for m, c in enumerate((3, 5)))
    assert (graph.compute(x)["bits"] == (sums >= arrays["a.thresholds"])).all()


@pytest.mark.parametrize("input_", [
    {"shape": [6, 6, 4], "type": "bits"}, {"shape": [6, 6, 4], "type": "bits", "unipolar": True},
    {"shape": [6, 6, 4], "type": "uint8"}, {"shape": [6, 6, 4], "type": "int8"}])
@pytest.mark.parametrize("levels", [1, 3])
def test_random_weights_reach_all_levels(input_: dict[str, Any], levels: int) -> None:
    """About half of the bits are set, all levels occur, and equal seeds are equal networks."""
    layers = [{"conv": 32, "kernel": 3, "levels": levels}]
    graph = load(layers, input_, seed=5)
    assert load(layers, input_, seed=5).digest() == graph.digest()
    assert load(layers, input_, seed=6).digest() != graph.digest()
    y = graph.compute(random_samples(graph, 20, 0))[graph.outputs[0][0]]
    assert 0.3 * levels < y.mean() < 0.7 * levels
    assert sorted(np.unique(y)) == list(range(levels + 1))


def test_hints_of_a_convolution() -> None:
    found = network([{"conv": 4, "kernel": 3, "fold": {"pe": 2, "simd": 9}, "memory": "lut",
                      "name": "a"}, {"depthwise": 1, "name": "b"}],
                    {"shape": [4, 4, 3], "type": "bits"}).hints
    assert (found["a"].pe, found["a"].simd, found["a"].memory) == (2, 9, "lut")
    assert (found["b"].pe, found["b"].simd, found["b"].memory) == (None, None, "auto")


def test_input_of_a_dense_layer_is_flattened() -> None:
    graph = load([{"dense": 3}], {"shape": [2, 3, 4], "type": "uint8", "threshold": 7})
    assert graph.input.shape == (24,)
    assert [layer.kind for layer in graph.layers] == ["binarize", "dense"]
    layer = graph.layers[1]
    assert isinstance(layer, Dense)
    assert math.prod(layer.input.shape) == layer.fan_in == 24


def test_certificate_of_given_thresholds_counts_constants() -> None:
    w = weights_of(0, 3, 2, 2, 1)
    thresholds = np.array([-128 * 4, 0, 128 * 4 + 1])
    found = network([{"conv": 3, "kernel": 2, "name": "c"}], {"shape": [2, 2, 1], "type": "int8"},
                    {"c.weights": w, "c.thresholds": thresholds})
    certificate = found.certificates[0]
    assert (certificate.channels, certificate.points, certificate.constant) == (3, 4 * 255 + 1, 2)
