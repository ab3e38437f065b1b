"""Tests trained models of Larq and QKeras against what the frameworks computed.

``models/make_models.py`` trains the models and records samples, scores and labels; the scores of
the imported integers have the same order, and the labels are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Recorded:
    """What a framework computed: pixels, scores before the softmax, labels, and its pixel range."""

    x: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    pixel_range: tuple[float, float]


APPROXIMATE = ("keras3_residual.keras", "larq_bireal.keras")
"""Models whose shortcuts are normalised, so that branches have no common unit."""


def recorded(path: Path) -> Recorded:
    with np.load(path.with_suffix(".npz")) as file:
        low, high = file["pixel_range"].tolist()
        return Recorded(file["x"].astype(np.int64), file["scores"], file["labels"], (low, high))


def in_order(scores: np.ndarray, reference: np.ndarray, noise: float) -> bool:
    try:
        same_order(scores[None], reference[None], noise)
    except AssertionError:
        return False
    return True


def test_there_are_models_of_both_frameworks() -> None:
    for name in ("larq", "qkeras"):
        assert sum(path.name.startswith(name) for path in MODELS) >= 6


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_executor_computes_as_the_framework(path: Path) -> None:
    given = recorded(path)
    graph = load_keras(path)
    low, high = np.float32(given.pixel_range)
    tensors = graph.run(low + given.x.astype(np.float32) / np.float32(255) * (high - low))
    found = tensors[graph.ops[-1].sources[0]]
    assert np.abs(found - given.scores).max() <= 1e-5 * np.abs(given.scores).max()


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_integers_have_the_framework_s_order(path: Path, tmp_path: Path) -> None:
    given = recorded(path)
    network = load_any(path, ImportOptions(pixel_range=given.pixel_range, check=Check(16)))
    found = network.predict(given.x.reshape(len(given.x), *network.shape))
    noise = NOISE * float(np.abs(given.scores).max())
    if network.notes:  # the note states that sums are in fixed point: few orders may differ
        assert path.name in APPROXIMATE
        assert "fixed point" in network.notes[0]
        assert "(Keras layer 'add" in network.notes[0]
        assert sum(in_order(a, b, noise) for a, b in zip(found["scores"], given.scores, strict=True)
                   ) >= 0.8 * len(given.x)
    else:
        same_order(found["scores"], given.scores, noise)
    wrong = found["label"].reshape(-1) != given.labels
    top = np.sort(given.scores, axis=1)
    assert not (wrong & (top[:, -1] - top[:, -2] > noise)).any()
    assert len(np.unique(given.labels)) > 5
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).graph.digest() == network.graph.digest()
