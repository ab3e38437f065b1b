"""Tests pools, joins, shapes, thresholds, outputs and names of layers.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.importers.network import load_network
from bnnhw.ir import Bits, Graph, Int
from bnnhw.layers import Conv, MaxPool, Pool, SumPool
from tests.importers.yaml_networks import load, network

EXAMPLES = Path(__file__).parents[2] / "designs" / "examples"
INT8 = {"shape": [6, 8, 3], "type": "int8"}
BITS = {"shape": [6, 8, 3], "type": "bits"}


def run(layers: list[Any], input_: dict[str, Any],
        arrays: dict[str, Any] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Compute the only output of a few samples."""
    graph = load(layers, input_, arrays)
    element = graph.input.element
    x = np.random.default_rng(1).integers(element.lo, element.hi + 1, (4, *graph.input.shape))
    (y,) = graph.compute(x).values()
    return x, y


@pytest.mark.parametrize("input_", [INT8, BITS])
def test_max_pool(input_: dict[str, Any]) -> None:
    smallest = np.array([0, 1, 0])
    x, y = run([{"max_pool": 2, "name": "p"}], input_, {"p.smallest": smallest})
    blocks = x.reshape(4, 3, 2, 4, 2, 3)
    assert (y == np.where(smallest, blocks.min(axis=(2, 4)), blocks.max(axis=(2, 4)))).all()


def test_pool_windows() -> None:
    graph = load([{"max_pool": [3, 2], "stride": [1, 2], "dilation": [2, 1], "pad": [1, 0, 2, 1],
                   "name": "a"}, {"sum_pool": 2, "stride": 1, "pad": "same", "name": "b"},
                  {"sum_pool": "global", "name": "c"}], INT8)
    windows = []
    for layer in graph.layers:
        assert isinstance(layer, Pool)
        windows.append(layer.window)
    assert (windows[0].kernel, windows[0].stride, windows[0].dilation, windows[0].pads) == (
        (3, 2), (1, 2), (2, 1), (1, 0, 2, 1))
    assert (windows[1].kernel, windows[1].stride, windows[1].pads) == ((2, 2), (1, 1),
                                                                       (0, 0, 1, 1))
    assert windows[2].kernel == windows[2].stride == graph.layers[1].out_type().map[:2]
    assert isinstance(graph.layers[0], MaxPool)
    assert isinstance(graph.layers[2], SumPool)
    assert graph.layers[2].covers_map


def test_global_sum_of_a_signal() -> None:
    x, y = run([{"sum_pool": "global"}], {"shape": [9, 4], "type": "int8"})
    assert (y == x.sum(axis=1, keepdims=True)).all()
    x, y = run([{"max_pool": 3}], {"shape": [9, 4], "type": "int8"})
    assert y.shape == (4, 3, 4)


def test_upsample() -> None:
    x, y = run([{"upsample": 2}], INT8)
    assert (y == x.repeat(2, axis=1).repeat(2, axis=2)).all()
    x, y = run([{"upsample": [3, 1]}], INT8)
    assert (y == x.repeat(3, axis=1)).all()
    x, y = run([{"upsample": 3}], {"shape": [5, 2], "type": "bits"})
    assert (y == x.repeat(3, axis=1)).all()


def test_select_and_flatten() -> None:
    x, y = run([{"select": [2, 0, 0, 1]}, "flatten"], INT8)
    assert (y == x[..., [2, 0, 0, 1]].reshape(4, -1)).all()
    x, y = run([{"select": True, "name": "s"}], INT8, {"s.channels": np.array([1, 2])})
    assert (y == x[..., [1, 2]]).all()


def test_affine_of_a_map_rounds_half_up() -> None:
    scale, offset = np.array([3, -5, 0]), np.array([1, 2, 7])
    x, y = run([{"affine": True, "shift": 2, "name": "a"}], INT8,
               {"a.scale": scale, "a.offset": offset})
    assert (y == np.floor((scale * x + offset) / 4 + 0.5)).all()


def test_residual_block() -> None:
    w = np.random.default_rng(0).integers(0, 2, (3, 1, 1, 3))
    arrays = {"c.weights": w, "a.scale": np.array([2, 3, 4]), "a.offset": np.zeros(3),
              "t.thresholds": np.array([[-40, 0], [-3, 50], [9, 9]]), "t.falling": [0, 1, 0]}
    x, y = run([{"conv": 3, "kernel": 1, "sums": True, "name": "c"},
                {"affine": True, "shift": 1, "name": "a"},
                {"add": "input", "limits": [-128, 100], "name": "r"},
                {"threshold": True, "levels": 2, "name": "t"}], INT8, arrays)
    sums = x @ (2 * w.reshape(3, 3) - 1).T
    total = np.clip(x + ((sums * arrays["a.scale"] + 1) >> 1), -128, 100)
    passed = (total[..., None] >= arrays["t.thresholds"]).sum(axis=-1)
    assert (y == np.where(arrays["t.falling"], 2 - passed, passed)).all()


def test_threshold_to_bits() -> None:
    for thresholds in (np.array([-3, 0, 99]), np.array([[-3], [0], [99]])):
        x, y = run([{"threshold": True, "unipolar": True, "name": "t"}], INT8,
                   {"t.thresholds": thresholds})
        assert (y == (x >= thresholds.ravel())).all()


def test_binarize() -> None:
    x, y = run([{"binarize": -4}], INT8)
    assert (y == (x >= -4)).all()
    x, y = run([{"sum_pool": 2}], {**INT8, "threshold": 5})
    assert (y == (x >= 5).reshape(4, 3, 2, 4, 2, 3).sum(axis=(2, 4))).all()


def test_concat_and_from() -> None:
    """Layers can read the input and the binarised input by name."""
    graph = load([{"max_pool": 1, "name": "a"},
                  {"binarize": 100, "from": "input", "name": "b"},
                  {"concat": "a", "name": "c"}, {"concat": "pixels", "name": "d"}],
                 {**INT8, "threshold": 5})
    x = np.random.default_rng(1).integers(-128, 128, (4, 6, 8, 3))
    bits = x >= 5
    assert (graph.compute(x)["bits"] == np.concatenate([x >= 100, bits, bits], axis=-1)).all()
    assert graph.layer("b").source == "input"
    assert graph.layer("a").source == "pixels"


@pytest.mark.parametrize(("keys", "element"), [
    ({"type": "bits"}, Bits()), ({"type": "bits", "unipolar": True}, Bits(unipolar=True)),
    ({"type": "uint8"}, Int(0, 255)), ({"type": "int8"}, Int(-128, 127)),
    ({"type": "int", "bits": 4, "signed": True}, Int(-8, 7)),
    ({"type": "int", "bits": 1, "signed": False}, Int(0, 1)),
    ({"type": "int", "range": [-5, 90]}, Int(-5, 90))])
def test_input_types(keys: dict[str, Any], element: Bits | Int) -> None:
    graph = load([{"max_pool": 2}], {"shape": [4, 4, 2], **keys})
    assert graph.input.element == element
    assert graph.input.shape == (4, 4, 2)


def outputs(layers: list[Any], **keys: Any) -> tuple[tuple[str, str], ...]:
    return load(layers, {"shape": [6], "type": "bits"}, **keys).outputs


def test_outputs() -> None:
    dense = {"dense": 4, "name": "a"}
    scores = {"dense": 3, "name": "s", "output": "scores"}
    sums = {"dense": 3, "name": "s", "sums": True}
    affine = {"affine": True, "name": "f"}
    assert outputs([dense]) == (("bits", "a"),)
    assert outputs([{**dense, "output": "code"}]) == (("code", "a"),)
    assert outputs([dense, scores, "argmax"]) == (("scores", "s"), ("label", "label"))
    assert outputs([dense, sums, "argmax"]) == (("label", "label"),)
    assert outputs([dense, scores, affine, "argmax"]) == (("scores", "f"), ("label", "label"))
    assert outputs([dense, sums, affine]) == (("scores", "f"),)
    assert outputs([dense, affine, "argmax"]) == (("scores", "f"), ("label", "label"))
    assert outputs([{**sums, "output": "raw"}, affine, {"argmax": True, "output": "best"}]) == (
        ("raw", "s"), ("scores", "f"), ("best", "label"))
    assert outputs([sums, affine, {"threshold": True, "name": "t"}]) == (("bits", "t"),)
    assert outputs([{**dense, "output": "code"}, scores, {"dense": 2, "from": "a", "name": "h",
                                                         "output": "head"}]) == (
        ("code", "a"), ("scores", "s"), ("head", "h"))


def test_outputs_by_name() -> None:
    layers = [{"dense": 4, "name": "a"}, {"dense": 3, "name": "s", "sums": True}, "argmax"]
    assert outputs(layers, outputs={"best": "label", "code": "a", "again": "a"}) == (
        ("best", "label"), ("code", "a"), ("again", "a"))


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    text = (EXAMPLES.parents[1] / "docs" / "networks.md").read_text()
    yaml = text.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "net.yaml").write_text(yaml.replace("weights.npz", "random"))
    graph = load_network(tmp_path).graph
    assert graph.layers[-2].out_type().shape == (10,)
    conv = graph.layer("conv2")
    assert isinstance(conv, Conv)
    assert conv.absent


def example(name: str) -> Graph:
    return load_network(EXAMPLES / f"{name}.yaml").graph


def test_cnv_is_the_published_network() -> None:
    network = load_network(EXAMPLES / "cnv.yaml")
    graph, hints = network.graph, network.hints
    shapes = [layer.out_type().shape for layer in graph.layers]
    assert shapes == [(30, 30, 64), (28, 28, 64), (14, 14, 64), (12, 12, 128), (10, 10, 128),
                      (5, 5, 128), (3, 3, 256), (1, 1, 256), (256,), (512,), (512,), (10,), ()]
    assert [(h.pe, h.simd) for h in hints.values()] == [
        (16, 3), (32, 32), (16, 32), (16, 32), (4, 32), (1, 32), (1, 4), (1, 8), (4, 1)]


@pytest.mark.parametrize("name", ["residual", "mobilenet", "keyword", "segment", "gated"])
def test_examples_are_small_and_vary(name: str) -> None:
    """Examples are simulated, so they have few weights; every layer has varying outputs."""
    graph = example(name)
    assert sum(layer.arrays()["weights"].size for layer in graph.layers
               if "weights" in layer.arrays()) <= 3000
    element = graph.input.element
    x = np.random.default_rng(0).integers(element.lo, element.hi + 1, (8, *graph.input.shape))
    for layer, y in graph.compute_all(x).items():
        if y.ndim > 1:
            channels = y.reshape(-1, y.shape[-1]).std(axis=0)
            assert (channels > 0).mean() > 0.8, layer


@pytest.mark.parametrize("sign", [">=", ">"])
def test_threshold_folds_batch_norm(sign: str) -> None:
    """Channels of negative scale fall; a plain sign needs no arrays."""
    gamma, beta = np.array([2.0, -1.5, 0.0]), np.array([-20.0, 3.0, 1.0])
    mean, var = np.array([4.0, -8.0, 0.0]), np.array([4.0, 2.25, 1.0])
    arrays = {f"t.{key}": a for key, a in
              (("gamma", gamma), ("beta", beta), ("mean", mean), ("var", var))}
    found = network([{"threshold": True, "sign": sign, "name": "t", "batch_norm": {"eps": 0.0}}],
                    INT8, arrays)
    x = np.arange(-128, 128)[:, None, None, None] * np.ones((6, 8, 3), int)
    y = gamma * (x - mean) / np.sqrt(var) + beta
    assert (y == 0).any()
    assert (found.graph.compute(x)["bits"] == (y >= 0 if sign == ">=" else y > 0)).all()
    assert (found.certificates[0].complemented, found.certificates[0].points) == (1, 256)
    plain = load([{"threshold": True, "sign": sign, "name": "t"}], INT8, {})
    assert (plain.compute(x)["bits"] == (x >= 0 if sign == ">=" else x > 0)).all()
