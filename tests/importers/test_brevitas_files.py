"""Tests networks of 2, 3, 4 and 8 bits that Brevitas exported, against Brevitas' own outputs.

``fixtures/make_brevitas.py`` made the files; the outputs are those of the PyTorch models.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="extra 'onnx' is not installed")
pytest.importorskip("qonnx", reason="extra 'onnx' is not installed")

from bnnhw.importers.base import Check
from bnnhw.importers.network import Network, load_network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.save import network_files
from bnnhw.layers import Product

FIXTURES = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.onnx"))

NOISE = 2e-6
"""Scores of the PyTorch model that differ by at most this, relative to the largest, are equal."""


def imported(name: str) -> Network:
    return import_onnx(FIXTURES / f"{name}.onnx", name="net", check=Check(32))


def test_all_kinds_are_there() -> None:
    assert len(NAMES) >= 20
    for bits in (2, 3, 4, 8):
        for kind in ("mlp", "cnn"):
            assert {f"{kind}_w{bits}a{bits}_qonnx", f"{kind}_w{bits}a{bits}_qcdq"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_scores_are_ordered_as_brevitas_orders_them(name: str, tmp_path: Path) -> None:
    network = imported(name)
    arrays = np.load(FIXTURES / "brevitas.npz")
    x, y = arrays[f"{name}.x"].astype(np.int64), arrays[f"{name}.y"].astype(np.float64)
    stored = np.moveaxis(x, 1, -1) if x.ndim > 2 else x
    found = network.graph.compute(stored.reshape(len(x), *network.graph.input.shape))
    scores, noise = found["scores"], NOISE * np.abs(y).max()
    above = y[:, :, None] - y[:, None] > noise
    order = scores[:, :, None] - scores[:, None]
    assert not (above & (order <= 0)).any()
    assert len(np.unique(scores)) > 5
    for file, data in network_files(network).items():
        (tmp_path / file).write_bytes(data)
    assert load_network(tmp_path).graph.digest() == network.graph.digest()


@pytest.mark.parametrize(("name", "bits"), [
    ("mlp_w2a2_qonnx", 2), ("mlp_w3a3_qcdq", 3), ("cnn_w4a4_qcdq", 4), ("cnn_w8a8_qonnx", 8)])
def test_weights_are_the_integers_of_the_quantiser(name: str, bits: int) -> None:
    products = [layer for layer in imported(name).graph.layers if isinstance(layer, Product)]
    assert len(products) == 3
    for layer in products:
        largest = int(np.abs(layer.values).max())
        assert 1 <= largest <= (1 << bits - 1) - 1
    assert max(int(np.abs(layer.values).max()) for layer in products) == (1 << bits - 1) - 1


def test_ternary_weights_are_one_plane_with_a_mask() -> None:
    products = [layer for layer in imported("mlp_ternary_qonnx").graph.layers
                if isinstance(layer, Product)]
    assert all(len(layer.weights) == 1 and layer.mask is not None for layer in products)
