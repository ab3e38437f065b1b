"""Tests that every saved Graph loads again with the same digest."""

from __future__ import annotations

import collections
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from bnnhw.errors import ModelError
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.save import network_files
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.ir.layer import LAYERS
from bnnhw.layers import Affine, Dense, Flatten
from tests.networks import any_graph, any_graphs, examples, random_graph, random_samples


def again(graph: Graph) -> Graph:
    """Save and load."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in network_files(Network(graph, {}, ())).items():
            (Path(folder) / name).write_bytes(data)
        return load_network(Path(folder)).graph


@examples(200)
@given(any_graphs(layers=10))
def test_any_graph_round_trips(graph: Graph) -> None:
    loaded = again(graph)
    assert loaded.to_json() == graph.to_json()
    assert loaded.digest() == graph.digest()


def test_the_graphs_have_every_kind() -> None:
    kinds = collections.Counter(layer.kind for seed in range(60)
                                for layer in any_graph(seed, 12).layers)
    assert kinds.keys() == LAYERS.keys()


@pytest.mark.parametrize("tail", ["bits", "scores", "label", "both"])
@pytest.mark.parametrize("affine", [False, True])
def test_chains_round_trip(tail: str, affine: bool) -> None:
    graph = random_graph([20, 9, 5], pixels=True, tail=tail, affine=affine)
    loaded = again(graph)
    assert loaded.digest() == graph.digest()
    x = random_samples(graph, 5)
    for name, value in graph.compute(x).items():
        assert (loaded.compute(x)[name] == value).all()


def test_outputs_keep_names_and_order() -> None:
    type_ = TensorType((3,), Int(-4, 4))
    one = np.ones(3, np.int64)
    layers = (Affine("a", "input", type_, one, one), Affine("b", "input", type_, one, -one),
              Flatten("c", "input", type_))
    for outputs in ((("x", "b"), ("y", "a")), (("x", "a"), ("y", "a")), (("scores", "a"),),
                    (("bits", "b"), ("scores", "c"), ("label", "a"))):
        graph = Graph("net", type_, layers, outputs)
        assert again(graph).outputs == outputs


def test_wide_numbers_round_trip() -> None:
    type_ = TensorType((2,), Int(-1 << 20, 1 << 20))
    wide = np.array([(1 << 40) + 1, -(1 << 40) - 1])
    graph = Graph("net", type_, (Affine("a", "input", type_, wide, 3 * wide, 48),),
                  (("scores", "a"),))
    assert again(graph).digest() == graph.digest()


def test_illegal_name_is_rejected() -> None:
    type_ = TensorType((2,), Bits())
    dense = Dense("wire", "input", type_, np.ones((1, 1, 2), np.uint8), (1,),
                  np.zeros(1, np.int64), np.ones((1, 1), np.int64))
    with pytest.raises(ModelError, match=r"'wire' is not a valid name in a layers\.yaml"):
        network_files(Network(Graph("net", type_, (dense,), (("bits", "wire"),)), {}, ()))
