"""Tests random models of Larq's and QKeras' layers: imported exactly, or rejected with a reason."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

pytest.importorskip("h5py", reason="h5py (extra 'keras') is not installed")
pytest.importorskip("onnx", reason="extra 'onnx' is not installed")

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check, ImportOptions
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.onnx.check import DEFECT
from bnnhw.importers.registry import load_any
from bnnhw.importers.save import network_files
from tests.importers.keras.files import sequential, write_archive, write_hdf5
from tests.importers.keras.strategies import Model, models

ALLOWED = ("are always", "has real weights", "rises and falls", "pads with", "one for each channel",
           "do not follow", "computes infinity", "attainable", "are all 0")
"""Reasons for which an untrained model may be rejected."""


def imported(path: Path) -> tuple[Network | None, str]:
    try:
        return load_any(path, ImportOptions("net", check=Check(8))), ""
    except ModelError as error:
        return None, str(error)


def is_imported(model: Model) -> bool:
    """Import a model, and load what was saved; False where it was rejected with a reason."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = sequential(model.input_shape, model.layers)
        path = write_hdf5(folder / "model.h5", config, model.layers)
        archive = write_archive(folder / "model.keras", config, model.layers)
        network, reason = imported(path)
        if network is None:
            assert DEFECT not in reason
            assert any(allowed in reason for allowed in ALLOWED), reason
            return False
        other = load_any(archive, ImportOptions("net", check=None))
        for file, data in network_files(network).items():
            (folder / file).write_bytes(data)
        x = np.random.default_rng(1).integers(0, 256, (8, *network.shape))
        expected = network.predict(x)["scores"]
        assert (load_network(folder).predict(x)["scores"] == expected).all()
        # Keras 3 normalises in another order of operations: only roundings may differ.
        assert [layer.kind for layer in other.layers] == [layer.kind for layer in network.layers]
        return True


@given(model=models())
@settings(max_examples=40)
def test_random_models(model: Model) -> None:
    is_imported(model)


def test_most_random_models_are_imported() -> None:
    found = []

    @given(model=models())
    @settings(max_examples=30, database=None)
    def draw(model: Model) -> None:
        found.append(is_imported(model))

    draw()
    assert np.mean(found) > 0.5


@pytest.mark.long
@given(model=models())
@settings(max_examples=600)
def test_many_random_models(model: Model) -> None:
    is_imported(model)
