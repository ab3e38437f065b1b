"""Tests convolutions of layers.yaml against direct arithmetic: padding, windows and groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.layers import Conv
from tests.importers.convolution import Pads, direct, normed, norms, weights_of
from tests.importers.yaml_networks import load, signs
from tests.networks import DrawnChoices, random_samples, samples

SMALL = st.integers(1, 3)


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
