"""Tests that fusing thresholds into products changes no output, and reports every fused layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import Conv, Flatten, Layer, MaxPool, Threshold, Upsample, product_sum
from bnnhw.passes.fuse_thresholds import fuse_thresholds
from tests.networks import any_graphs


@st.composite
def raw_graphs(draw: st.DrawFn) -> Graph:
    """A convolution, perhaps a pool or upsampling, and thresholds, each as a separate layer."""
    element = draw(st.sampled_from([Bits(), Bits(unipolar=True), Int(-3, 4)]))
    type_ = TensorType((4, 4, draw(st.integers(1, 2))), element)
    outputs, kernel = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    weights = draw(arrays(np.uint8, (outputs, kernel * kernel * type_.channels),
                          elements=st.integers(0, 1)))
    coefficients, const = product_sum(weights, element)
    absent = element == Bits() and draw(st.booleans())
    window = Window((kernel, kernel), pads=(1, 1, 1, 1) if absent else (0, 0, 0, 0))
    layers: list[Layer] = [Conv("conv", "input", type_, weights[None], coefficients, const, None,
                                window=window, absent=absent)]
    between = draw(st.sampled_from(["", "pool", "upsample"]))
    if between == "pool":
        smallest = draw(arrays(np.uint8, outputs, elements=st.integers(0, 1)))
        layers.append(MaxPool("pool", "conv", layers[-1].out_type(), Window((2, 2), (2, 2)),
                              smallest))
    elif between == "upsample":
        layers.append(Upsample("upsample", "conv", layers[-1].out_type(), (2, 1)))
    thresholds = np.sort(draw(arrays(np.int64, (outputs, draw(st.integers(1, 3))),
                                     elements=st.integers(-12, 12))), axis=1)
    falling = draw(arrays(np.uint8, outputs, elements=st.integers(0, 1)))
    layers.append(Threshold("t", layers[-1].name, layers[-1].out_type(), thresholds, falling))
    return Graph("raw", type_, tuple(layers), (("y", "t"),))


def equal_outputs(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """Fuse a graph, and assert that no output changes."""
    reduced, fused = fuse_thresholds(graph)
    element = graph.input.element
    x = np.random.default_rng(0).integers(element.lo, element.hi + 1, (20, *graph.input.shape))
    before, after = graph.compute(x), reduced.compute(x)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    return reduced, fused


@given(raw_graphs())
def test_thresholds_become_part_of_the_product(graph: Graph) -> None:
    reduced, fused = equal_outputs(graph)
    assert fused == {"t": "conv"}
    assert [layer.name for layer in reduced.layers] == [
        layer.name for layer in graph.layers if layer.name != "t"]
    product = reduced.layers[0]
    assert isinstance(product, Conv)
    assert product.thresholds is not None
    if isinstance(graph.input.element, Bits) and not product.absent:  # popcounts
        assert product.coefficients == (1,)
        assert not product.const.any()
        assert product.thresholds.min() >= 0
        assert product.thresholds.max() <= product.fan_in + 1


@pytest.mark.parametrize(("kernel", "fused"), [(4, {"t": "conv"}), (3, {})])
def test_thresholds_move_before_the_flatten_of_one_pixel(kernel: int,
                                                         fused: dict[str, str]) -> None:
    """The four pixels of the smaller kernel have different thresholds after the Flatten."""
    type_ = TensorType((4, 4, 2), Bits())
    weights = np.random.default_rng(1).integers(0, 2, (3, 2 * kernel ** 2), dtype=np.uint8)
    conv = Conv("conv", "input", type_, weights[None], *product_sum(weights, Bits()), None,
                window=Window((kernel, kernel)))
    flat = Flatten("flat", "conv", conv.out_type())
    vector = flat.out_type()
    threshold = Threshold("t", "flat", vector, np.arange(vector.size)[:, None] - 2,
                          np.arange(vector.size, dtype=np.uint8) % 2)
    _, found = equal_outputs(Graph("raw", type_, (conv, flat, threshold), (("y", "t"),)))
    assert found == fused


@given(any_graphs())
def test_any_graph_keeps_its_outputs(graph: Graph) -> None:
    reduced, fused = equal_outputs(graph)
    left = {layer.name for layer in reduced.layers}
    assert not left & fused.keys()
    assert set(fused.values()) <= left
    assert fuse_thresholds(reduced)[0].digest() == reduced.digest()


@given(raw_graphs())
def test_sums_with_another_reader_are_kept(graph: Graph) -> None:
    both = Graph(graph.name, graph.input, graph.layers, (("sums", "conv"), *graph.outputs))
    reduced, _ = equal_outputs(both)
    conv = reduced.layers[0]
    assert isinstance(conv, Conv)
    assert conv.thresholds is None
