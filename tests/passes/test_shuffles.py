"""Tests that the order of a pixel shuffle moves into the weights next to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.ir import Graph
from bnnhw.layers import DepthToSpace, SpaceToDepth
from bnnhw.passes import run_passes
from tests.importers.yaml_networks import load
from tests.networks import any_graphs, random_samples, samples

MAP = {"shape": [4, 6, 3], "type": "bits"}
CONV = {"conv": 8, "kernel": 3, "pad": "same", "pad_value": "zero"}


def orders(graph: Graph) -> list[str]:
    return [layer.order for layer in run_passes(graph).layers
            if isinstance(layer, (DepthToSpace, SpaceToDepth))]


def check(layers: list[Any], **keys: Any) -> list[str]:
    """Compare outputs; return the orders of the shuffles."""
    graph = load(layers, MAP, **keys)
    x = random_samples(graph, 6)
    reduced = run_passes(graph).compute(x)
    for name, value in graph.compute(x).items():
        assert (reduced[name] == value).all(), name
    return orders(graph)


@pytest.mark.parametrize("item", [CONV, {**CONV, "levels": 3}, {**CONV, "sums": True}])
def test_rows_of_the_convolution_before_it(item: dict[str, Any]) -> None:
    assert check([item, {"depth_to_space": 2, "order": "crd"}]) == ["dcr"]
    assert check([item, {"depth_to_space": [1, 2], "order": "crd"}]) == ["dcr"]


def test_columns_of_the_convolution_after_it() -> None:
    assert check([{"space_to_depth": 2, "order": "crd"}, CONV]) == ["dcr"]
    assert check([{"space_to_depth": [2, 3], "order": "crd"}, CONV,
                  {"depth_to_space": 2, "order": "crd"}]) == ["dcr", "dcr"]


def test_both_sides_of_one_convolution_change() -> None:
    graph = load([{"space_to_depth": 2, "order": "crd"}, {**CONV, "name": "c"},
                  {"depth_to_space": 2, "order": "crd"}], MAP)
    before, after = graph.layer("c").arrays(), run_passes(graph).layer("c").arrays()
    rows = after["weights"].reshape(8, 9, 12)
    original = before["weights"].reshape(8, 9, 12)
    order = np.arange(8).reshape(2, 4).T.ravel()
    columns = np.arange(12).reshape(3, 4).T.ravel()
    assert (rows == original[order][:, :, columns]).all()


def test_other_readers_keep_the_order() -> None:
    shuffle = {"depth_to_space": 2, "order": "crd", "name": "s"}
    assert check([{**CONV, "name": "c"}, shuffle, {"max_pool": 2, "from": "c"}],
                 outputs={"y": "s", "z": "max_pool2"}) == ["crd"]
    assert check([{**CONV, "name": "c"}, shuffle], outputs={"y": "s", "z": "c"}) == ["crd"]
    deep = {"space_to_depth": 2, "order": "crd", "name": "s"}
    assert check([deep, CONV], outputs={"y": "conv1", "z": "s"}) == ["crd"]
    assert check([deep, {**CONV, "groups": 2}]) == ["crd"]
    assert check([{"max_pool": 1}, {"depth_to_space": [1, 3], "order": "crd"}]) == ["crd"]


@given(st.data(), any_graphs())
def test_any_graph_keeps_its_outputs(data: st.DataObject, graph: Graph) -> None:
    x = data.draw(samples(graph, 2))
    reduced = run_passes(graph).compute(x)
    for name, value in graph.compute(x).items():
        assert (reduced[name] == value).all()
