"""Every kind of layer has words for what it becomes in hardware."""

from __future__ import annotations

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

SAID: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (CONV, BITS, "6 integer thresholds on popcounts of 36, windows of 3x3"),
    ({**CONV, "sums": True}, BITS, "exact sums of 36 products, windows of 3x3"),
    (CONV, INTS, "6 integer thresholds on sums of 36 products of 8 bits, windows of 3x3"),
    ({**CONV, "pad": 1, "pad_value": "zero", "stride": 2, "levels": 3}, BITS, "6 x 3 integer "
     "thresholds on sums of 36 products, windows of 3x3, stride 2x2, padded with exact zeros"),
    ({**CONV, "pad": 1, "pad_value": -1, "groups": 2}, BITS, "6 integer thresholds on popcounts "
     "of 18, windows of 3x3, 2 groups, padded with -1"),
    ({"depthwise": 3, "pad": 1, "pad_value": "checker", "dilation": 2}, BITS, "4 integer "
     "thresholds on popcounts of 9, windows of 3x3, dilation 2x2, each channel by itself, padded "
     "with a pattern"),
    ({**CONV, "pad": 1, "pad_value": 7}, INTS, "6 integer thresholds on sums of 36 products of 8 "
     "bits, windows of 3x3, padded with 7"),
    ({"sum_pool": "global"}, BITS, "sums over the whole map"),
    ({"sum_pool": 2}, BITS, "sums over windows of 2x2, stride 2x2"),
    ({"upsample": 2}, BITS, "each pixel 2x2 times"), ({"select": [0, 3]}, BITS, "2 of 4 channels, "
                                                      "wired"),
    ({"flatten": True}, BITS, "the same stream, read as one vector"),
    ({"add": "input", "limits": [-9, 9]}, INTS, "sum with 'input', saturating at -9..9"),
    ({"concat": "input"}, INTS, "channels of 'input' after those of 'input'"),
    ({"binarize": 3}, INTS, "bit = [x >= 3]"),
    ({"affine": True, "shift": 4}, INTS, "integer scale and offset of each channel, 4 fraction "
     "bits rounded half up"),
]


def hardware(layer: Layer, reduced: Graph) -> str:
    return layer.hardware(reduced.layer(layer.name))


@pytest.mark.parametrize(("item", "input_", "text"), SAID, ids=str)
def test_what_is_said(item: dict[str, Any], input_: dict[str, Any], text: str) -> None:
    graph = load([item], input_)
    assert hardware(graph.layers[0], run_passes(graph)) == text


def test_channels_that_turn() -> None:
    turned = np.array([0, 1, 1, 0])
    pool = load([{"max_pool": 2, "name": "p"}], BITS, {"p.smallest": turned})
    assert hardware(pool.layers[0], pool) == ("OR over windows of 2x2, stride 2x2, AND on 2 "
                                             "channels")
    threshold = load([{"threshold": True, "levels": 3, "name": "t"}], INTS,
                     {"t.thresholds": np.zeros((4, 3)), "t.falling": turned})
    assert hardware(threshold.layers[0], threshold) == \
        "4 x 3 integer thresholds, 2 channels falling"


def test_every_kind_has_words() -> None:
    graphs = [load_network(path).graph for path in EXAMPLES.glob("*.yaml")]
    graphs += [load([item], input_) for item, input_, _ in SAID]
    said = {layer.kind: hardware(layer, graph) for graph in graphs for layer in graph.layers}
    assert said.keys() == LAYERS.keys()
    assert all(text and text != kind for kind, text in said.items())
