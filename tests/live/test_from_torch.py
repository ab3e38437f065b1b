"""Tests that models in the styles of published code import exactly, from PyTorch itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="extra 'torch' is not installed: make test-torch")
pytest.importorskip("onnxscript", reason="extra 'torch' is not installed: make test-torch")

import torch

import bnnhw
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.save import network_files
from tests.live.zoo import ZOO, trained


def pixels_of(shape: tuple[int, ...], count: int = 40) -> np.ndarray:
    random = np.random.default_rng(7)
    x = random.integers(0, 256, (count, *shape))
    x[0], x[1] = 0, 255
    return x


def stored(network: Network, pixels: np.ndarray) -> np.ndarray:
    """Samples of the network for pictures as the model reads them."""
    first = pixels.ndim > 2 and len(network.shape) > 1 and pixels.shape[1:] != network.shape
    x = np.moveaxis(pixels, 1, -1) if first else pixels
    return x.reshape(len(x), *network.shape)


def run(model: Any, pixels: np.ndarray, pixel_range: tuple[float, float]) -> list[np.ndarray]:
    low, high = (np.float32(v) for v in pixel_range)
    seen = low + pixels.astype(np.float32) / np.float32(255) * (high - low)
    model.eval()
    with torch.no_grad():
        found = model(torch.tensor(seen))
    outputs = found if isinstance(found, tuple) else (found,)
    return [output.numpy().astype(np.float64) for output in outputs]


def agree(network: Network, model: Any, pixels: np.ndarray,
          pixel_range: tuple[float, float]) -> None:
    """Assert that the scores of each sample have the order of the model's.

    Where rounding can decide (straight-through expressions leave rounding errors in the live
    model; branches of different scales are added in fixed point; scales are no powers of two),
    samples may differ as often as the import found ties.
    """
    expected = run(model, pixels, pixel_range)
    found = network.predict(stored(network, pixels))
    scores = [name for name in found if not name.endswith("label")]
    assert len(scores) == len(expected)
    for name, reference in zip(scores, expected, strict=True):
        assert len(np.unique(reference)) > 4
        above = reference[:, :, None] - reference[:, None] > 1e-4 * np.abs(reference).max()
        ordered = found[name][:, :, None] > found[name][:, None]
        wrong = (above & ~ordered).any(axis=(1, 2)).sum()
        assert network.check is not None
        ties = network.check["ties"] / network.check["samples"]
        assert wrong <= (1 + 2 * ties * len(pixels) if ties or network.notes else 0)


@pytest.mark.parametrize("name", ZOO)
def test_published_styles_import_exactly(name: str, tmp_path: Any) -> None:
    case = ZOO[name]
    model = trained(case)
    pixels = pixels_of(case.shape)
    network = bnnhw.from_torch(model, pixels, pixel_range=case.pixel_range)
    assert network.check is not None
    assert "the live model" in network.check["executor"]
    assert model.training
    agree(network, model, pixels, case.pixel_range)
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    again = load_network(tmp_path)
    x = stored(network, pixels)
    assert all((again.predict(x)[k] == v).all() for k, v in network.predict(x).items())
