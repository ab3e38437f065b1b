"""Builds networks from layer items and arrays in a test, through a temporary folder."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw.importers.network import Network, load_network
from bnnhw.ir import Graph

__all__ = ["load", "network", "signs"]


def network(layers: list[Any], input_: dict[str, Any], arrays: dict[str, Any] | None = None,
            **keys: Any) -> Network:
    """Load a network of these layers; without ``arrays`` its weights are random."""
    yaml = {"name": "net", "input": input_, "layers": layers,
            "weights": "random" if arrays is None else "weights.npz", **keys}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "net.yaml").write_text(json.dumps(yaml))
        if arrays is not None:
            np.savez(Path(folder) / "weights.npz", **arrays)
        return load_network(Path(folder))


def load(layers: list[Any], input_: dict[str, Any], arrays: dict[str, Any] | None = None,
         **keys: Any) -> Graph:
    """Return the Graph of ``network``."""
    return network(layers, input_, arrays, **keys).graph


def signs(bits: np.ndarray) -> np.ndarray:
    """Convert stored bits to -1 and +1."""
    return 2 * bits.astype(np.int64) - 1
