"""Tests ``Network.compare``: live models and ONNX files, equal ones and changed ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra 'torch' is not installed: make test-torch")
pytest.importorskip("onnxscript", reason="extra 'torch' is not installed: make test-torch")

import onnx
import torch

import bnnhw
from bnnhw.errors import ConfigError
from bnnhw.importers.network import Network
from bnnhw.importers.save import network_files
from bnnhw.importers.torch_model.capture import capture
from bnnhw.ir import Graph
from bnnhw.layers import Product
from tests.cli.inside import caller
from tests.live.test_from_torch import pixels_of, stored
from tests.live.zoo import ZOO, trained


@pytest.fixture(scope="module")
def imported() -> tuple[Any, Network, np.ndarray]:
    case = ZOO["XNOR-Net, scale in the weights"]
    model = trained(case)
    network = bnnhw.from_torch(model, pixels_of(case.shape), pixel_range=(-1.0, 1.0), check=False)
    return model, network, stored(network, pixels_of(case.shape))


def with_wrong_weight(network: Network, name: str) -> Network:
    """The same network with one inverted weight in each row of a layer."""
    layers = []
    for layer in network.graph.layers:
        if layer.name == name:
            assert isinstance(layer, Product)
            weights = layer.weights.copy()
            weights[..., 0] ^= 1
            layer = replace(layer, weights=weights)
        layers.append(layer)
    graph = network.graph
    return replace(network, graph=Graph(graph.name, graph.input, tuple(layers), graph.outputs))


def test_a_live_model_equals_its_network(imported: tuple[Any, Network, np.ndarray]) -> None:
    model, network, x = imported
    comparison = network.compare(model, x, pixel_range=(-1.0, 1.0))
    assert comparison.equal
    assert {"conv0", "conv1"} <= {row.layer for row in comparison.tensors}
    assert "torch" in comparison.executor
    assert comparison.outputs[0].same_label == len(x)
    assert "all tensors" in repr(comparison)
    assert "conv0" in comparison._repr_html_()


def test_the_first_layer_that_differs_is_named(imported: tuple[Any, Network, np.ndarray]) -> None:
    model, network, x = imported
    comparison = with_wrong_weight(network, "conv1").compare(model, x, pixel_range=(-1.0, 1.0))
    assert not comparison.equal
    assert comparison.first is not None
    assert comparison.first.layer == "conv1"
    assert comparison.first.first is not None
    assert comparison.first.first.model == -comparison.first.first.network
    assert "layer 'conv1' is the first that differs" in repr(comparison)
    rows = {row.layer: row for row in comparison.tensors}
    assert rows["conv0"].differing == 0


def test_another_pixel_range_differs(imported: tuple[Any, Network, np.ndarray]) -> None:
    model, network, x = imported
    comparison = network.compare(model, x, pixel_range=(0.0, 1.0))
    assert comparison.first is not None
    assert comparison.first.layer == "conv0"


def test_errors(imported: tuple[Any, Network, np.ndarray]) -> None:
    model, network, x = imported
    with pytest.raises(ConfigError, match="expected the path of an ONNX file"):
        network.compare(3, x)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="runs on no sample"):
        network.compare(torch.nn.Linear(3, 2), x)
    with pytest.raises(ConfigError, match="no samples"):
        network.compare(model, x[:0])


def test_the_command_compares_an_onnx_file(
        imported: tuple[Any, Network, np.ndarray], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    model, network, x = imported
    proto, _ = capture(model, torch.zeros(1, 1, 8, 8))
    onnx.save(proto, str(tmp_path / "model.onnx"))
    np.save(tmp_path / "x.npy", x)
    wrong = with_wrong_weight(network, "conv1")
    for name, saved in (("net", network), ("wrong", wrong)):
        (tmp_path / name).mkdir()
        for file, data in network_files(saved).items():
            (tmp_path / name / file).write_bytes(data)
    run = caller(tmp_path, monkeypatch, capsys)
    options = ("model.onnx", "--inputs", "x.npy", "--pixel-range", "-1", "1")
    code, out, error = run("compare", "net", *options)
    assert code == 0, error
    assert "all tensors, score orders and labels are equal" in out
    code, out, _ = run("compare", "wrong", *options, "--json")
    assert code == 5
    document = json.loads(out)
    assert document["first"] == "conv1"
    assert not document["equal"]
