"""Tests classifier tails: the scores keep their order and the label, or an error names the node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")
pytest.importorskip("onnxruntime", reason="extra 'onnx' is not installed")

from onnx import TensorProto, helper

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.importer import import_onnx
from tests.importers.comparison import same_order
from tests.importers.map_models import MapBuilder, run

Build = Callable[[MapBuilder], Any]


def top(b: MapBuilder, count: int = 1, **attributes: Any) -> MapBuilder:
    b.nodes.append(helper.make_node("TopK", [b.current, b.constant([count], np.int64)],
                                    ["best", "index"], name="TopK", **attributes))
    b.current = "index"
    return b


LABELS: dict[str, Build] = {
    "argmax": lambda b: b.then("ArgMax", axis=1, keepdims=0),
    "argmax of the last axis, kept": lambda b: b.then("ArgMax", axis=-1),
    "argmax and cast": lambda b: b.then("ArgMax", axis=1).then("Cast", to=TensorProto.INT32),
    "softmax and argmax": lambda b: b.then("Softmax", axis=1).then("ArgMax", axis=1, keepdims=0),
    "top one": lambda b: top(b, axis=1),
    "top one and squeeze": lambda b: top(b).then("Squeeze", b.constant([1], np.int64)),
}

SCORES: dict[str, Build] = {
    "softmax": lambda b: b.then("Softmax", axis=1),
    "softmax of the last axis": lambda b: b.then("Softmax", axis=-1),
    "log softmax": lambda b: b.then("LogSoftmax", axis=1),
    "softmax and identity": lambda b: b.then("Softmax", axis=1).then("Identity"),
    "cast": lambda b: b.then("Cast", to=TensorProto.FLOAT),
    "cast to double": lambda b: b.then("Cast", to=TensorProto.DOUBLE),
    "sigmoid": lambda b: b.then("Mul", b.constant(0.125)).then("Sigmoid"),
}


def classifier() -> MapBuilder:
    return MapBuilder([1, 24], seed=5).matmul(12).batch_norm().bipolar().matmul(6)  # type: ignore


def samples(n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(4).choice([-1, 1], (n, 24))
    return (x + 1) // 2, x


@pytest.mark.parametrize("argmax", [True, False])
@pytest.mark.parametrize("name", LABELS)
def test_label_is_that_of_the_model(name: str, argmax: bool, tmp_path: Path) -> None:
    b = classifier()
    b.channels = 24
    LABELS[name](b)
    path = b.save(tmp_path)
    graph = import_onnx(path, name="net", input_type="bits", argmax=argmax).graph
    assert [name for name, _ in graph.outputs] == ["scores", "label"]
    stored, seen = samples()
    reference = np.array([run(path, one[None])[0].reshape(()) for one in seen])
    assert (graph.compute(stored)["label"].reshape(-1) == reference).all()


@pytest.mark.parametrize("name", SCORES)
def test_order_is_that_of_the_model(name: str, tmp_path: Path) -> None:
    b = classifier()
    SCORES[name](b)
    path = b.save(tmp_path)
    graph = import_onnx(path, name="net", input_type="bits").graph
    stored, seen = samples()
    reference = np.concatenate([run(path, one[None])[0] for one in seen])
    found = graph.compute(stored)
    same_order(found["scores"], reference, 1e-9)
    assert (found["label"].reshape(-1) == found["scores"].argmax(axis=1)).all()


def test_argmax_of_bits_keeps_the_scores(tmp_path: Path) -> None:
    path = classifier().batch_norm().bipolar().then("ArgMax", axis=1, keepdims=0).save(tmp_path)
    graph = import_onnx(path, name="net", input_type="bits").graph
    stored, seen = samples()
    reference = np.array([run(path, one[None])[0].reshape(()) for one in seen])
    assert (graph.compute(stored)["label"].reshape(-1) == reference).all()


REJECTED: dict[str, tuple[Build, str]] = {
    "softmax inside": (lambda b: b.then("Softmax", axis=1).then("Add", b.constant(1.0)),
                       r"Add.*reads the result of .*Softmax.*end the model with the Softmax"),
    "argmax inside": (lambda b: b.then("ArgMax", axis=1).then("Cast", to=TensorProto.FLOAT).then(
        "Mul", b.constant(2.0)), r"Mul.*reads the result of .*ArgMax"),
    "last of equal scores": (lambda b: b.then("ArgMax", axis=1, select_last_index=1),
                             "select_last_index.*remove it from the model"),
    "top two": (lambda b: top(b, 2, axis=1), r"TopK.*expected k = 1.*remove the TopK"),
    "smallest": (lambda b: top(b, 1, axis=1, largest=0), r"TopK.*smallest.*remove the TopK"),
    "axis of the batch": (lambda b: b.then("ArgMax", axis=0), "works along axis 0.*remove"),
    "softmax of an argmax": (lambda b: b.then("ArgMax", axis=1).then("Softmax", axis=1),
                             "Softmax.*reads the result of .*ArgMax.*remove"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_message_names_the_node_to_remove(name: str, tmp_path: Path) -> None:
    build, message = REJECTED[name]
    b = classifier()
    build(b)
    with pytest.raises(ModelError, match=message):
        import_onnx(b.save(tmp_path), name="net", input_type="bits", check=None)


def test_softmax_over_a_map_is_rejected(tmp_path: Path) -> None:
    path = MapBuilder([1, 3, 6, 6]).conv(4).then("Softmax", axis=1).save(tmp_path)
    with pytest.raises(ModelError, match=r"expected the classes of a vector.*remove the Softmax"):
        import_onnx(path, name="net", input_type="bits")
