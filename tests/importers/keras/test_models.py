"""Tests trained models of Larq and QKeras against what the frameworks computed.

``models/make_models.py`` trains the models and records samples, scores and labels; the scores of
the imported integers have the same order, and the labels are equal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("h5py", reason="h5py (extra 'keras') is not installed")
pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

from bnnhw.importers.base import Check, ImportOptions
from bnnhw.importers.keras.importer import load_keras
from bnnhw.importers.network import load_network
from bnnhw.importers.registry import load_any
from bnnhw.importers.save import network_files
from tests.importers.comparison import same_order

MODELS = sorted(path for path in (Path(__file__).parent / "models").iterdir()
                if path.suffix in (".h5", ".keras"))
NOISE = 2e-6
"""Difference of two scores of a framework that counts as a tie, relative to the largest."""


def recorded(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(path.with_suffix(".npz")) as file:
        return file["x"].astype(np.int64), file["scores"], file["labels"]


def test_there_are_models_of_both_frameworks() -> None:
    for name in ("larq", "qkeras"):
        assert sum(path.name.startswith(name) for path in MODELS) >= 6


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_executor_computes_as_the_framework(path: Path) -> None:
    x, scores, _ = recorded(path)
    graph = load_keras(path)
    tensors = graph.run((x / np.float32(255)).astype(np.float32))
    found = tensors[graph.ops[-1].sources[0]]
    assert np.abs(found - scores).max() <= 1e-5 * np.abs(scores).max()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_integers_have_the_framework_s_order(path: Path, tmp_path: Path) -> None:
    x, scores, labels = recorded(path)
    network = load_any(path, ImportOptions(check=Check(16)))
    found = network.predict(x.reshape(len(x), *network.shape))
    same_order(found["scores"], scores, NOISE * float(np.abs(scores).max()))
    assert (found["label"].reshape(-1) == labels).all()
    assert len(np.unique(labels)) > 5
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).graph.digest() == network.graph.digest()
