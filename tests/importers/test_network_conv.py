"""Tests convolutions and dense layers of layers.yaml against direct arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.ir import Int
from bnnhw.layers import Conv, Dense
from tests.importers.yaml_networks import load, network, signs
from tests.networks import Choices, DrawnChoices, SeededChoices, random_samples, samples

Pads = tuple[int, int, int, int]
SMALL = st.integers(1, 3)


def direct(x: np.ndarray, w: np.ndarray, pads: Pads, stride: tuple[int, int] = (1, 1),
           dilation: tuple[int, int] = (1, 1), groups: int = 1, fill: Any = 0) -> np.ndarray:
    """Convolve values ``[n, H, W, C]`` with ``[out, kh, kw, C / groups]``, one pixel at a time."""
    top, left, bottom, right = pads
    n, height, width, channels = x.shape
    padded = np.empty((n, height + top + bottom, width + left + right, channels), np.int64)
    padded[:] = fill
    padded[:, top:top + height, left:left + width] = x
    out, kh, kw, cut = w.shape
    oh = (padded.shape[1] - (kh - 1) * dilation[0] - 1) // stride[0] + 1
    ow = (padded.shape[2] - (kw - 1) * dilation[1] - 1) // stride[1] + 1
    y = np.zeros((n, oh, ow, out), np.int64)
    for i in range(oh):
        for j in range(ow):
            for o in range(out):
                first = o // (out // groups) * cut
                for a in range(kh):
                    for b in range(kw):
                        pixel = padded[:, i * stride[0] + a * dilation[0],
                                       j * stride[1] + b * dilation[1], first:first + cut]
                        y[:, i, j, o] += pixel @ w[o, a, b]
    return y


def weights_of(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, shape)


@given(st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL),
       st.tuples(*[st.integers(0, 2)] * 4), st.sampled_from([(4, 6, 1), (4, 6, 2), (4, 4, 4)]),
       st.data())
def test_zero_padding_is_exactly_zero(kernel: tuple[int, int], stride: tuple[int, int],
                                      dilation: tuple[int, int], pads: Pads,
                                      channels: tuple[int, int, int],
                                      data: st.DataObject) -> None:
    """Sums and signs equal those of a convolution over -1, +1 and zeros."""
    inputs, outputs, groups = channels
    choices = DrawnChoices(data.draw)
    w = choices.bits((outputs, *kernel, inputs // groups))
    item = {"conv": outputs, "kernel": list(kernel), "stride": list(stride), "name": "c",
            "dilation": list(dilation), "pad": list(pads), "pad_value": "zero", "groups": groups}
    input_ = {"shape": [7, 8, inputs], "type": "bits"}
    norm = norms(choices, outputs)
    thresholds = choices.integers(-9, 9, outputs)
    sums = load([{**item, "sums": True}], input_, {"c.weights": w})
    given_ = load([item], input_, {"c.weights": w, "c.thresholds": thresholds})
    folded = load([{**item, "batch_norm": True}], input_, {"c.weights": w, **norm})
    x = data.draw(samples(sums, 3))
    expected = direct(signs(x), signs(w), pads, stride, dilation, groups)
    assert (sums.compute(x)["scores"] == expected).all()
    assert (given_.compute(x)["bits"] == (expected >= thresholds)).all()
    assert (folded.compute(x)["bits"] == normed(expected, norm)).all()


def norms(choices: Choices, outputs: int) -> dict[str, np.ndarray]:
    """Parameters of batch-norm that float32 rounds; the first channel is constant."""
    gamma, beta, bias = choices.integers(-2000, 2000, (3, outputs)) / 1000
    gamma[0] = 0
    return {"c.gamma": gamma, "c.beta": beta, "c.mean": choices.integers(-4, 4, outputs) / 2,
            "c.var": choices.integers(0, 9000, outputs) / 1000, "c.bias": bias}


def normed(sums: np.ndarray, norm: dict[str, np.ndarray]) -> np.ndarray:
    """Compute bits of batch-norm and sign in float32, in the documented order."""
    gamma, beta, mean, var, bias = (norm[f"c.{k}"].astype(np.float32)
                                    for k in ("gamma", "beta", "mean", "var", "bias"))
    y = gamma * ((sums.astype(np.float32) + bias) - mean) / np.sqrt(var + np.float32(1e-5)) + beta
    return y >= 0


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
    layers, input_ = [{"dense": 9, "name": "c", "batch_norm": True}], {"shape": [20],
                                                                        "type": "int8"}
    at_once = network(layers, input_, arrays)
    monkeypatch.setattr("bnnhw.layers.building.signs.CHUNK", 12_000)  # two rows at a time
    parts = network(layers, input_, arrays)
    assert parts.graph.digest() == at_once.graph.digest()
    assert parts.certificates == at_once.certificates
    assert at_once.certificates[0].points == 255 * 20 + 1
    assert at_once.certificates[0].constant >= 1  # gamma is 0 there


@pytest.mark.parametrize(("value", "fill"), [(-1, -1), (1, 1), ("zero", 0)])
@pytest.mark.parametrize("kernel", [1, 3, [3, 1], 5])
def test_pad_values_of_signs(value: int | str, fill: int, kernel: Any) -> None:
    kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
    w = weights_of(1, 3, kh, kw, 4)
    graph = load([{"conv": 3, "kernel": kernel, "pad": 2, "pad_value": value, "sums": True,
                   "name": "c"}], {"shape": [5, 6, 4], "type": "bits"}, {"c.weights": w})
    x = random_samples(graph, 3, 0)
    assert (graph.compute(x)["scores"] == direct(signs(x), signs(w), (2, 2, 2, 2),
                                                 fill=fill)).all()


@pytest.mark.parametrize("value", [None, 0, 1, "zero"])
def test_pad_values_of_unipolar_bits(value: int | str | None) -> None:
    w = weights_of(1, 3, 3, 3, 4)
    item: dict[str, Any] = {"conv": 3, "kernel": 3, "pad": 1, "name": "c"}
    if value is not None:
        item["pad_value"] = value
    input_ = {"shape": [5, 6, 4], "type": "bits", "unipolar": True}
    sums = load([{**item, "sums": True}], input_, {"c.weights": w})
    x = random_samples(sums, 3, 0)
    expected = direct(x, signs(w), (1, 1, 1, 1), fill=1 if value == 1 else 0)
    assert (sums.compute(x)["scores"] == expected).all()
    sign = load([item], input_, {"c.weights": w})
    assert (sign.compute(x)["bits"] == (expected >= 0)).all()
    layer = sign.layers[0]
    assert isinstance(layer, Conv)
    assert layer.coefficients == (1,)
    assert not layer.const.any()


def test_checker_and_pattern() -> None:
    w = weights_of(1, 3, 3, 3, 4)
    item = {"conv": 3, "kernel": 3, "pad": 1, "sums": True, "name": "c"}
    input_ = {"shape": [5, 6, 4], "type": "bits"}
    pattern = np.indices((2, 2, 2)).sum(axis=0) % 2
    checker = load([{**item, "pad_value": "checker"}], input_, {"c.weights": w})
    for stored in (pattern, signs(pattern)):
        same = load([{**item, "pad_value": "pattern"}], input_,
                    {"c.weights": w, "c.pad": stored})
        assert same.digest() == checker.digest()
    y, x, c = np.indices((7, 8, 4))
    fill = (y - 1 + x - 1 + c) & 1
    sample = random_samples(checker, 3, 0)
    assert (checker.compute(sample)["scores"] == direct(
        signs(sample), signs(w), (1, 1, 1, 1), fill=signs(fill))).all()


@given(st.integers(1, 9), st.integers(1, 9), st.tuples(SMALL, SMALL), st.tuples(SMALL, SMALL),
       st.tuples(SMALL, SMALL))
def test_same_gives_the_size_of_the_stride(height: int, width: int, kernel: tuple[int, int],
                                           stride: tuple[int, int],
                                           dilation: tuple[int, int]) -> None:
    graph = load([{"conv": 2, "kernel": list(kernel), "stride": list(stride), "pad": "same",
                   "dilation": list(dilation)}], {"shape": [height, width, 1], "type": "uint8"})
    layer = graph.layers[0]
    assert isinstance(layer, Conv)
    assert layer.out_type().shape == (-(-height // stride[0]), -(-width // stride[1]), 2)
    top, left, bottom, right = layer.window.pads
    assert bottom - top in (0, 1)  # an odd pixel is added at the end, as for SAME_UPPER
    assert right - left in (0, 1)


def test_causal_signal_reads_no_later_samples() -> None:
    w = weights_of(2, 6, 3, 1, 4)
    item = {"conv": 6, "kernel": 3, "dilation": 2, "pad": "causal", "pad_value": "zero",
            "sums": True, "name": "c"}
    input_ = {"shape": [12, 4], "type": "bits"}
    graph = load([item], input_, {"c.weights": w})
    for shape in ((6, 3, 4), (6, 12)):
        other = load([item], input_, {"c.weights": w.reshape(shape)})
        assert other.digest() == graph.digest()
    x = random_samples(graph, 3, 1)
    expected = direct(signs(x)[:, :, None], signs(w), (4, 0, 0, 0), dilation=(2, 1))[:, :, 0]
    y = graph.compute(x)["scores"]
    assert (y == expected).all()
    later = x.copy()
    later[:, 7:] ^= 1
    assert (graph.compute(later)["scores"][:, :7] == y[:, :7]).all()


def test_depthwise_is_a_conv_with_groups() -> None:
    arrays = {"c.weights": weights_of(4, 6, 3, 3, 1), "c.thresholds": np.arange(3, 9)}
    input_ = {"shape": [5, 5, 6], "type": "bits"}
    options = {"stride": 2, "pad": 1, "pad_value": -1, "name": "c", "unipolar": True}
    short = load([{"depthwise": 3, **options}], input_, arrays)
    long = load([{"conv": 6, "kernel": 3, "groups": 6, **options}], input_, arrays)
    assert short.digest() == long.digest()
    x = random_samples(short, 3, 0)
    s = direct(signs(x), signs(arrays["c.weights"]), (1, 1, 1, 1), (2, 2), groups=6, fill=-1)
    popcounts = (s + 9) // 2
    assert (short.compute(x)["bits"] == (popcounts >= arrays["c.thresholds"])).all()


def test_weights_may_be_rows() -> None:
    w = weights_of(4, 4, 3, 2, 5)
    input_ = {"shape": [4, 4, 5], "type": "bits"}
    graphs = [load([{"conv": 4, "kernel": [3, 2], "name": "c"}], input_, {"c.weights": array})
              for array in (w, w.reshape(4, -1), signs(w), signs(w).astype(np.float32))]
    assert len({graph.digest() for graph in graphs}) == 1


def test_coefficients_and_planes() -> None:
    """Sums of popcounts with one weight matrix per bit plane."""
    random = np.random.default_rng(0)
    w = random.integers(0, 2, (2, 3, 4))
    arrays = {"a.weights": w, "a.coefficients": np.array([3, 5]), "a.bias": np.array([1, -2, 0]),
              "a.thresholds": np.array([20, 15, 3])}
    graph = load([{"dense": 3, "name": "a"}],
                 {"shape": [4], "type": "int", "bits": 2, "signed": False}, arrays)
    x = np.stack(np.meshgrid(*[np.arange(4)] * 4), axis=-1).reshape(-1, 4)
    planes = [(x >> m & 1)[:, None] == w[m] for m in range(2)]
    sums = 3 * planes[0].sum(axis=2) + 5 * planes[1].sum(axis=2) + arrays["a.bias"]
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
