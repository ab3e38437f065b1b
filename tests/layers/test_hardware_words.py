"""Tests that the description of each layer's hardware states the numbers of that hardware.

The wording is free: only the numbers in a description are compared, and descriptions of different
hardware have to differ.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.importers.network import load_network
from bnnhw.ir import Graph
from bnnhw.ir.layer import LAYERS, Layer
from bnnhw.passes import run_passes
from tests.importers.yaml_networks import load

EXAMPLES = Path(__file__).parents[2] / "designs" / "examples"
BITS = {"shape": [8, 8, 4], "type": "bits"}
INTS = {"shape": [8, 8, 4], "type": "int8"}
CONV = {"conv": 6, "kernel": 3}

NUMBER = re.compile(r"-?\d+(?:x\d+|\.\.-?\d+)?")

Case = tuple[dict[str, Any], dict[str, Any], list[str]]

CASES: list[Case] = [
    (CONV, BITS, ["6", "36", "3x3"]),  # outputs, fan-in, kernel
    ({**CONV, "sums": True}, BITS, ["36", "3x3"]),
    (CONV, INTS, ["6", "36", "8", "3x3"]),  # with the width of an input
    ({**CONV, "pad": 1, "pad_value": "zero", "stride": 2, "levels": 3}, BITS,
     ["6", "3", "36", "3x3", "2x2"]),  # with levels and stride
    ({**CONV, "pad": 1, "pad_value": -1, "groups": 2}, BITS, ["6", "18", "3x3", "2", "-1"]),
    ({"depthwise": 3, "pad": 1, "pad_value": "checker", "dilation": 2}, BITS,
     ["4", "9", "3x3", "2x2"]),
    ({**CONV, "pad": 1, "pad_value": 7}, INTS, ["6", "36", "8", "3x3", "7"]),
    ({"sum_pool": "global"}, BITS, []),
    ({"sum_pool": 2}, BITS, ["2x2", "2x2"]),
    ({"sum_pool": 3, "stride": 2}, BITS, ["3x3", "2x2"]),
    ({"upsample": 2}, BITS, ["2x2"]),
    ({"select": [0, 3]}, BITS, ["2", "4"]),
    ({"flatten": True}, BITS, []),
    ({"add": "input"}, INTS, []),
    ({"add": "input", "limits": [-9, 9]}, INTS, ["-9..9"]),
    ({"concat": "input"}, INTS, []),
    ({"binarize": 3}, INTS, ["3"]),
    ({"conv_transpose": 6, "kernel": 4, "stride": 2}, BITS, ["24", "16", "2x2", "2x2"]),
    ({"divide": 3, "rounding": "half_up"}, INTS, ["3"]),
    ({"divide": 3, "rounding": "half_even", "limits": [-2, 2]}, INTS, ["3", "-2..2"]),
    ({"average_pool": 2}, INTS, ["2x2", "2x2", "4"]),
    ({"average_pool": "global", "divisor": 32}, INTS, ["32"]),
    ({"depth_to_space": 2}, BITS, ["2x2"]),
    ({"space_to_depth": [2, 1]}, BITS, ["2x1"]),
    ({"crop": [1, 2, 3, 4]}, BITS, ["4x2"]),
    ({"multiply": "input", "divisor": 5, "limits": [-7, 9]}, INTS, ["5", "-7..9"]),
    ({"affine": True}, INTS, []),
    ({"affine": True, "shift": 4}, INTS, ["4"]),
    ({"prelu": True}, INTS, []),
    ({"prelu": True, "shift": 5}, INTS, ["5"]),
    ({"argmax": True}, INTS, []),
]


def hardware(layer: Layer, reduced: Graph) -> str:
    return layer.hardware(reduced.layer(layer.name))


@pytest.mark.parametrize(("item", "input_", "numbers"), CASES, ids=str)
def test_numbers_of_a_description(item: dict[str, Any], input_: dict[str, Any],
                                  numbers: list[str]) -> None:
    graph = load([item], input_)
    description = hardware(graph.layers[0], run_passes(graph))
    assert sorted(NUMBER.findall(description)) == sorted(numbers), description


def test_descriptions_of_different_hardware_differ() -> None:
    graphs = [load([item], input_) for item, input_, _ in CASES]
    descriptions = [hardware(graph.layers[0], run_passes(graph)) for graph in graphs]
    assert len(set(descriptions)) == len(descriptions), sorted(descriptions)


def test_inverted_channels_are_counted() -> None:
    inverted = np.array([0, 1, 1, 0])
    pool = load([{"max_pool": 2, "name": "p"}], BITS, {"p.smallest": inverted})
    assert NUMBER.findall(hardware(pool.layers[0], pool)) == ["2x2", "2x2", "2"]
    plain = load([{"max_pool": 2, "name": "p"}], BITS, {"p.smallest": 0 * inverted})
    assert NUMBER.findall(hardware(plain.layers[0], plain)) == ["2x2", "2x2"]
    threshold = load([{"threshold": True, "levels": 3, "name": "t"}], INTS,
                     {"t.thresholds": np.zeros((4, 3)), "t.falling": inverted})
    assert NUMBER.findall(hardware(threshold.layers[0], threshold)) == ["4", "3", "2"]


def test_rows_that_passes_remove_are_stated() -> None:
    weights = np.array([[1, 1], [1, 0], [0, 1]])
    graph = load([{"dense": 3, "name": "a"}, {"dense": 2, "name": "b"}],
                 {"shape": [2], "type": "bits"},
                 {"a.weights": weights, "a.thresholds": np.array([0, 1, 2]),
                  "b.weights": np.array([[1, 0, 1], [0, 1, 1]]), "b.thresholds": np.array([1, 2])})
    reduced = run_passes(graph)
    assert reduced.layer("a").out_type().size == 2  # the first row is constant
    assert NUMBER.findall(hardware(graph.layer("a"), reduced)) == ["3", "2", "2", "2"]


def test_every_kind_has_a_description() -> None:
    graphs = [load_network(path).graph for path in EXAMPLES.glob("*.yaml")]
    graphs += [load([item], input_) for item, input_, _ in CASES]
    found = {layer.kind: hardware(layer, graph) for graph in graphs for layer in graph.layers}
    assert found.keys() == LAYERS.keys()
    assert all(text and text != kind for kind, text in found.items())
