"""Compares an imported model of maps with its execution by onnxruntime and qonnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bnnhw.importers.network import Network, load_network
from bnnhw.importers.onnx.importer import import_onnx
from bnnhw.importers.save import network_files
from tests.importers.map_models import MapBuilder, run

__all__ = ["MIXED", "SAME", "check", "kinds", "same_order", "samples", "tail"]

MIXED = [1.0, -0.7, 0.0, 2.0, -1.5]
"""Scales of a batch-norm with rising, falling and constant channels."""

SAME = {"pads": [1, 1, 1, 1]}


def same_order(scores: np.ndarray, reference: np.ndarray, noise: float = 0.0) -> None:
    """Assert that integer scores order the classes of each sample as the reference does."""
    for k in range(reference.shape[1]):
        diff = reference - reference[:, k:k + 1]
        diff = np.sign(np.where(np.abs(diff) <= noise, 0, diff))
        found = np.sign(scores - scores[:, k:k + 1])
        assert (found[diff != 0] == diff[diff != 0]).all()


def samples(shape: tuple[int, ...], kind: str, n: int = 24) -> np.ndarray:
    random = np.random.default_rng(5)
    if kind == "bits":
        return random.choice([-1, 1], (n, *shape))
    low, high = (0, 256) if kind == "uint8" else (-128, 128)
    x = random.integers(low, high, (n, *shape))
    x[0], x[1] = low, high - 1
    return x


def check(b: MapBuilder, shape: tuple[int, ...], folder: Path, kind: str = "bits",
          pixel_range: tuple[float, float] = (0.0, 1.0), last: bool = False,
          noise: float = 0.0, order: bool = True) -> Network:
    """Compare an imported model with its reference, and with the network that its files load as."""
    path = b.save(folder)
    imported = import_onnx(path, name="net", input_type=kind, pixel_range=pixel_range)
    x = samples(shape, kind)
    low, high = pixel_range
    seen = {"bits": x, "uint8": np.float32(low) + (x / np.float32(255)).astype(np.float32)
            * np.float32(high - low), "int8": (x / np.float32(127)) * np.float32(high)}[kind]
    references = run(path, seen)
    stored = x if last or x.ndim < 3 or len(imported.graph.input.shape) == 1 \
        else np.moveaxis(x, 1, -1)
    stored = stored.reshape(len(x), *imported.graph.input.shape)
    found = imported.graph.compute(stored.astype(np.int64))
    names = [name for name in found if not name.endswith("label")]
    assert len(names) == len(references)
    for name, reference in zip(names, references, strict=True):
        got = found[name]
        if reference.ndim > 2 and got.ndim > 2:
            reference = np.moveaxis(reference, 1, -1)
        reference = reference.reshape(got.shape)
        if "bits" in name:
            assert (got == (reference > 0)).all()
            continue
        assert len(np.unique(got)) > 2
        if order:
            same_order(got.reshape(-1, got.shape[-1]), reference.reshape(-1, got.shape[-1]), noise)
    files = network_files(imported)
    for file, data in files.items():
        (folder / file).write_bytes(data)
    assert load_network(folder).graph.digest() == imported.graph.digest()
    return imported


def kinds(imported: Network) -> list[str]:
    return [layer.kind for layer in imported.graph.layers]


def tail(b: MapBuilder, features: int) -> MapBuilder:
    return b.flat(features).matmul(4)
