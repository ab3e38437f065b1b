"""Tests that passes keep every output equal, and remove constant channels."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.ir import Bits, Graph, Int, TensorType, Window
from bnnhw.layers import Conv, Dense, product_sum
from bnnhw.layers.popcounts import planes_sum
from bnnhw.layers.weight_planes import split_values
from bnnhw.passes import PASSES, run_passes
from bnnhw.passes.thresholds import clip_thresholds, count_units
from tests.networks import (
    any_graphs,
    chains,
    examples,
    map_networks,
    random_graph,
    random_samples,
    samples,
)


@examples(60)
@given(st.data(), chains(layers=4) | map_networks().map(lambda made: made[0])
       | any_graphs(layers=5))
def test_outputs_remain_equal(data: st.DataObject, graph: Graph) -> None:
    x = data.draw(samples(graph, 8))
    expected = graph.compute(x)
    for transform in PASSES:
        graph = transform(graph)
        for name, value in graph.compute(x).items():
            assert np.array_equal(value, expected[name])


def test_thresholds_are_clipped_to_the_range_of_exact_zeros() -> None:
    """Every row of three weights, every threshold around its sums, every input, at the border."""
    rows = [(weights, threshold) for weights in itertools.product((0, 1), repeat=3)
            for threshold in range(-8, 10)]
    type_ = TensorType((4, 1), Bits())
    layer = Conv("conv", "input", type_, np.array([[w for w, _ in rows]], np.uint8), (2,),
                 np.full(len(rows), -3), np.array([[t] for _, t in rows]),
                 window=Window((3, 1), pads=(1, 0, 1, 0)), absent=True)
    graph = Graph("net", type_, (layer,), (("bits", "conv"),))
    x = np.array(list(itertools.product((0, 1), repeat=4)))[:, :, None]
    reduced = clip_thresholds(graph)
    assert (reduced.compute(x)["bits"] == graph.compute(x)["bits"]).all()
    conv = reduced.layer("conv")
    assert isinstance(conv, Conv)
    assert conv.thresholds is not None
    assert (conv.thresholds.min(), conv.thresholds.max()) == (-3, 4)
    assert (conv.thresholds[:, 0] == [min(max(t, -3), 4) for _, t in rows]).all()


def test_thresholds_inside_the_range_are_kept() -> None:
    """Sums of an inner layer of integers take every value, and the pass keeps each decision."""
    type_ = TensorType((2,), Int(-2, 1))
    weights = np.array([[1, 0]] * 12, np.uint8)
    coefficients, const = product_sum(weights, type_.element)
    thresholds = np.arange(-6, 6)[:, None]
    layer = Dense("fc0", "input", type_, weights[None], coefficients, const, thresholds)
    graph = Graph("net", type_, (layer,), (("bits", "fc0"),))
    x = np.array(list(itertools.product(range(-2, 2), repeat=2)))
    reduced = clip_thresholds(graph)
    assert (reduced.compute(x)["bits"] == graph.compute(x)["bits"]).all()


def test_sums_of_ternary_weights_are_counted_in_units() -> None:
    """Sums of -1, 0, +1 times -1/+1 bits step by 2: the hardware counts half of them, from 0."""
    values = np.array([[1, 0, -1, 1], [1, 1, 1, 0], [0, 0, -1, 0]])
    planes, type_ = split_values(values), TensorType((4,), Bits())
    scales, coefficients, const = planes_sum(planes, type_.element)
    for threshold in range(-5, 6):
        layer = Dense("fc", "input", type_, planes.bits, coefficients, const,
                      np.full((3, 1), threshold), scales=scales, mask=planes.mask)
        graph = Graph("net", type_, (layer,), (("bits", "fc"),))
        reduced = count_units(graph)
        x = np.array(list(itertools.product((0, 1), repeat=4)))
        assert (reduced.compute(x)["bits"] == ((2 * x - 1) @ values.T >= threshold)).all()
        found = reduced.layers[0]
        assert isinstance(found, Dense)
        assert found.coefficients == (1,)
        assert not found.const.any()


def test_constant_channels_are_dropped() -> None:
    graph = random_graph([9, 6, 4], tail="both", seed=1)
    first = graph.layers[0]
    assert isinstance(first, Dense)
    assert first.thresholds is not None
    first.thresholds[:] = np.array([[0], [-4], [3], [10], [4], [99]])
    reduced = run_passes(graph)
    layers = [layer for layer in reduced.layers if isinstance(layer, Dense)]
    assert [(d.outputs, d.fan_in) for d in layers] == [(2, 9), (4, 2)]
    x = random_samples(graph, 100)
    assert (reduced.compute(x)["scores"] == graph.compute(x)["scores"]).all()


def test_a_layer_never_becomes_empty() -> None:
    graph = random_graph([5, 3, 2], tail="both")
    first = graph.layers[0]
    assert isinstance(first, Dense)
    assert first.thresholds is not None
    first.thresholds[:] = 0
    reduced = run_passes(graph)
    assert reduced.layers[0].out_type().size == 1
    x = random_samples(graph, 20)
    assert (reduced.compute(x)["label"] == graph.compute(x)["label"]).all()


def test_channels_of_an_output_are_kept() -> None:
    graph = random_graph([5, 3, 2], tail="scores")
    first = graph.layers[0]
    assert isinstance(first, Dense)
    assert first.thresholds is not None
    first.thresholds[:] = 0
    graph = replace(graph, outputs=(("hidden", first.name), *graph.outputs))
    reduced = run_passes(graph)
    x = random_samples(graph, 20)
    for name, value in graph.compute(x).items():
        assert np.array_equal(reduced.compute(x)[name], value)


def test_every_threshold_after_constant_channels() -> None:
    """All inputs, weights and thresholds of a layer that reads a constant bit of 0, one of 1."""
    type_ = TensorType((2,), Bits())
    pass_on = np.array([[1, 0], [1, 1], [0, 1], [1, 1]], np.uint8)
    first = Dense("fc0", "input", type_, pass_on[None], (1,), np.zeros(4, np.int64),
                  np.array([[1], [3], [1], [0]]))
    rows = [(weights, threshold) for weights in itertools.product((0, 1), repeat=4)
            for threshold in range(-2, 8)]
    second = Dense("fc1", "fc0", first.out_type(), np.array([[w for w, _ in rows]], np.uint8),
                   (1,), np.zeros(len(rows), np.int64), np.array([[t] for _, t in rows]))
    graph = Graph("net", type_, (first, second), (("bits", "fc1"),))
    reduced = run_passes(graph)
    layer = reduced.layer("fc1")
    assert isinstance(layer, Dense)
    assert layer.fan_in == 2
    x = np.array(list(itertools.product((0, 1), repeat=2)))
    assert (reduced.compute(x)["bits"] == graph.compute(x)["bits"]).all()
