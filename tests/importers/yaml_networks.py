"""Networks written by hand, for tests: JSON is YAML."""

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
    """The Graph of ``network``."""
    return network(layers, input_, arrays, **keys).graph


def signs(bits: np.ndarray) -> np.ndarray:
    """-1 and +1 of stored bits."""
    return 2 * bits.astype(np.int64) - 1
