"""Tests transposed convolutions: against sums that are scattered, and against their expansion."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw import golden
from bnnhw.errors import BnnhwError, ModelError
from bnnhw.ir import Bits, Element, Graph, Int, Spread, TensorType
from bnnhw.layers import Conv, ConvTranspose, product_sum
from bnnhw.passes import run_passes
from tests.importers.yaml_networks import load, network
from tests.networks import DrawnChoices, random_samples, samples

ELEMENTS: list[Element] = [Bits(), Bits(unipolar=True), Int(0, 3), Int(-4, 3), Int(-2, 9)]


@st.composite
def spreads(draw: st.DrawFn, signal: bool = False) -> Spread:
    """Kernels of 1 to 4, strides of 1 to 3, all pads and output pads that PyTorch allows."""
    axes = []
    for axis in range(2):
        if signal and axis:
            axes.append((1, 1, 0, 0, 0))
            continue
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        first, last = draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1))
        axes.append((kernel, stride, first, last, draw(st.integers(0, stride - 1))))
    (ky, sy, top, bottom, down), (kx, sx, left, right, along) = axes
    return Spread((ky, kx), (sy, sx), (top, left, bottom, right), (down, along))


@st.composite
def transposed(draw: st.DrawFn) -> ConvTranspose:
    """A layer of one to three outputs, with sums, thresholds or levels."""
    element, signal = draw(st.sampled_from(ELEMENTS)), draw(st.booleans())
    spread = draw(spreads(signal))
    height, width = draw(st.integers(1, 4)), 1 if signal else draw(st.integers(1, 4))
    if min(spread.out_size(height, width)) < 1:
        spread = replace(spread, pads=(0, 0, 0, 0))
    channels, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    type_ = TensorType((height, channels) if signal else (height, width, channels), element)
    choices = DrawnChoices(draw)
    weights = choices.bits((1, outputs, spread.taps * channels))
    coefficients, const = product_sum(weights[0], element)
    const = const + choices.integers(-3, 3, outputs)
    thresholds = None
    levels = draw(st.integers(0, 3))
    if levels:
        thresholds = np.sort(choices.integers(-9, 9, (outputs, levels)), axis=1)
    return ConvTranspose("up", "input", type_, weights, coefficients, const, thresholds,
                         draw(st.booleans()), spread=spread)


def scattered(layer: ConvTranspose, x: np.ndarray) -> np.ndarray:
    """Add the kernel of each pixel to the output, with the bias that its constants contain."""
    (height, width, channels), s = layer.input.map, layer.spread
    (rows, columns), (down, right), (top, left, *_) = s.kernel, s.stride, s.pads
    values = x.reshape(-1, height, width, channels)
    values = 2 * values - 1 if layer.input.element.bipolar else values
    weights = (2 * layer.weights[0].astype(np.int64) - 1).reshape(-1, rows, columns, channels)
    out_rows, out_columns = s.out_size(height, width)
    out = np.zeros((len(x), out_rows, out_columns, layer.outputs), dtype=np.int64)
    out += layer.const - product_sum(layer.weights[0], layer.input.element)[1]
    for y, z, ky, kx in itertools.product(range(height), range(width), range(rows),
                                          range(columns)):
        row, column = y * down + ky - top, z * right + kx - left
        if 0 <= row < out_rows and 0 <= column < out_columns:
            out[:, row, column] += values[:, y, z] @ weights[:, ky, kx].T
    if layer.thresholds is not None:
        out = (out[..., None] >= layer.thresholds).sum(axis=-1)
    return out.reshape(len(x), *layer.out_type().shape)


@given(st.data(), transposed())
def test_every_pixel_adds_its_kernel(data: st.DataObject, layer: ConvTranspose) -> None:
    graph = Graph("g", layer.input, (layer,), (("y", "up"),))
    x = data.draw(samples(graph, 3))
    expected = scattered(layer, x)
    assert (layer.compute(x) == expected).all()
    element = layer.out_type().element
    assert element.lo <= expected.min() <= expected.max() <= element.hi
    for level in ("fast", "packed"):
        assert (golden.run(graph, x, level)["y"] == expected).all()


@given(st.data(), transposed())
def test_the_expansion_computes_the_same(data: st.DataObject, layer: ConvTranspose) -> None:
    graph = Graph("g", layer.input, (layer,), (("y", "up"),))
    reduced = run_passes(graph)
    assert "conv_transpose" not in {part.kind for part in reduced.layers}
    assert reduced.output_types() == graph.output_types()
    x = data.draw(samples(graph, 3))
    assert (reduced.compute(x)["y"] == layer.compute(x)).all()
    conv = reduced.layer("up")
    assert isinstance(conv, Conv)
    rows, columns = (-(-k // s) for k, s in zip(layer.spread.kernel, layer.spread.stride,
                                                strict=True))
    assert conv.window.kernel == (rows, columns)


def test_a_kernel_that_the_stride_divides_has_no_weights_of_zero() -> None:
    """So every product of the convolution is needed: kernel 4, stride 2 takes 2 x 2 taps."""
    for kernel, stride in ((2, 2), (4, 2), (3, 3), (1, 1), (3, 1)):
        graph = load([{"conv_transpose": 3, "kernel": kernel, "stride": stride}],
                     {"shape": [4, 4, 5], "type": "bits"})
        conv = run_passes(graph).layers[0]
        assert isinstance(conv, Conv)
        assert conv.one_bit
        assert conv.weights.size == 3 * 5 * kernel ** 2


def test_readers_and_outputs_follow_the_last_layer() -> None:
    layers: list[Any] = [
        {"conv_transpose": 3, "kernel": 2, "stride": 2, "sums": True, "name": "a"},
        {"conv_transpose": 3, "kernel": 4, "stride": 2, "pad": 1, "sums": True, "name": "b"},
        {"average_pool": 2, "from": "a", "name": "a_pixels"}, {"crop": [1, 1, 1, 1], "from": "a"},
        {"add": "crop3"}]
    graph = load(layers[:1] + layers[3:4] + [{"multiply": "a", "from": "a"}],
                 {"shape": [4, 4, 2], "type": "int8"}, outputs={"big": "a", "y": "multiply2",
                                                               "z": "crop1"})
    x = random_samples(graph, 4)
    reduced = run_passes(graph)
    for name, value in graph.compute(x).items():
        assert (reduced.compute(x)[name] == value).all()
    chain = load(layers[:3], {"shape": [4, 4, 2], "type": "int8"},
                 outputs={"y": "b", "z": "a_pixels"})
    for name, value in chain.compute(x).items():
        assert (run_passes(chain).compute(x)[name] == value).all()


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_multiplies_the_size(kernel: int, stride: int) -> None:
    graph = load([{"conv_transpose": 1, "kernel": kernel, "stride": stride, "pad": "same"}],
                 {"shape": [5, 4, 1], "type": "bits"})
    assert graph.layers[0].out_type().shape == (5 * stride, 4 * stride, 1)


def test_batch_norm_folds() -> None:
    arrays = {"u.weights": np.ones((2, 2, 2, 3)), "u.gamma": np.array([1.0, -2.0]),
              "u.beta": np.array([0.5, 0.25]), "u.mean": np.array([1.0, -1.0]),
              "u.var": np.array([4.0, 1.0])}
    found = network([{"conv_transpose": 2, "kernel": 2, "stride": 2, "batch_norm": {"eps": 0.0},
                      "name": "u"}], {"shape": [3, 3, 3], "type": "bits"}, arrays)
    x = random_samples(found.graph, 6)
    sums = (2 * x - 1).sum(axis=3).repeat(2, axis=1).repeat(2, axis=2)[..., None]
    y = arrays["u.gamma"] * (sums - arrays["u.mean"]) / np.sqrt(arrays["u.var"]) + arrays["u.beta"]
    assert (found.predict(x)["bits"] == (y >= 0)).all()


BITS = {"shape": [4, 4, 2], "type": "bits"}


@pytest.mark.parametrize(("item", "input_", "text"), [
    ({"kernel": 3, "pad": 3}, BITS, "drops 3 rows at a side, expected less than the 3 rows"),
    ({"kernel": 3, "stride": 2, "output_pad": 2}, BITS, "adds 2 rows.*less than its stride 2"),
    ({"kernel": 2, "pad": "causal"}, BITS, "causal"),
    ({"kernel": 2}, {"shape": [8], "type": "bits"}, "expected a map"),
    ({"kernel": [2, 2]}, {"shape": [8, 2], "type": "bits"}, "a signal's kernel has one column"),
    ({"kernel": 2}, {"shape": [4, 4, 2], "type": "int", "range": [1, 9]},
     "taps that no pixel meets are 0"),
    ({"kernel": 2, "output_pad": -1}, BITS, "output_pad"), ({}, BITS, "kernel"),
])
def test_bad_items_are_errors(item: dict[str, Any], input_: dict[str, Any], text: str) -> None:
    with pytest.raises(BnnhwError, match=text):
        load([{"conv_transpose": 3, **item}], input_)


def test_no_output_is_an_error() -> None:
    type_ = TensorType((1, 1, 1), Bits())
    with pytest.raises(ModelError, match="drops all of its output"):
        ConvTranspose("u", "input", type_, np.ones((1, 1, 4), np.uint8), (2,), np.array([-4]),
                      None, spread=Spread((2, 2), pads=(1, 1, 1, 1)))
