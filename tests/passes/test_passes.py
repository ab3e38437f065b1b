"""Passes keep every output equal, and remove constant channels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.ir import Graph
from bnnhw.layers import Dense
from bnnhw.passes import PASSES, run_passes
from tests.networks import (
    chains,
    examples,
    map_networks,
    random_graph,
    random_samples,
    samples,
)


@examples(60)
@given(st.data(), chains(layers=4) | map_networks().map(lambda made: made[0]))
def test_outputs_stay_equal(data: st.DataObject, graph: Graph) -> None:
    x = data.draw(samples(graph, 8))
    expected = graph.compute(x)
    for step in PASSES:
        graph = step(graph)
        for name, value in graph.compute(x).items():
            assert (value == expected[name]).all()


def test_constant_channels_go() -> None:
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
