"""Builds a network in Python, with the keywords of a layers.yaml and arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from bnnhw.config.arrays import MemoryArrays
from bnnhw.importers.network import Network, build_network
from bnnhw.importers.yaml.read import check_config
from bnnhw.ir.layer import ITEMS

__all__ = ["Sequential"]


def Sequential(layers: Sequence[str | Mapping[str, object]], *,
               input: Mapping[str, object], name: str = "net",
               outputs: Mapping[str, str] | None = None, seed: int = 0) -> Network:
    """Build a network from a list of layers.

    Parameters
    ----------
    layers : sequence of str or dict
        Items as under ``layers:`` of a layers.yaml, such as ``"argmax"`` or ``{"dense": 64}``. The
        arrays that a weight file stores as ``LAYER.KEY`` are given as further keys of the item:
        ``{"dense": 64, "weights": w, "thresholds": t}``.
    input : dict
        What one sample is, as under ``input:``, such as ``{"shape": [784], "type": "uint8",
        "threshold": 128}``.
    name : str
        Name of the network, and of its Verilog module.
    outputs : dict or None
        Layers by the names of the outputs that they become.
    seed : int
        Seed of the random weights of a network in which no layer has arrays.

    Raises
    ------
    ConfigError
        A key or an array is wrong, missing, or read by no layer.
    ModelError
        A layer has no exact integer meaning.

    Examples
    --------
    >>> Sequential([{"dense": 10, "sums": True, "name": "scores"}, "argmax"],
    ...            input={"shape": [64], "type": "bits"})
    <Network net: 64 bits -> label 1 int 0..9, 2 layers>
    """
    parts = [_split(item) for item in layers]
    config = check_config({
        "name": name, "input": dict(input), "seed": seed,
        "weights": "memory" if any(arrays for _, arrays in parts) else "random",
        "layers": [item for item, _ in parts],
        **({} if outputs is None else {"outputs": dict(outputs)}),
    }, f"network '{name}'")
    arrays = {f"{layer}.{key}": array
              for layer, (_, given) in zip(config.names(), parts, strict=True)
              for key, array in given.items()}
    return build_network(config, MemoryArrays(arrays, f"network '{name}'") if arrays else None)


def _split(item: str | Mapping[str, object],
           ) -> tuple[str | dict[str, object], dict[str, ArrayLike]]:
    """Separate the keywords of a layer from its arrays."""
    if not isinstance(item, Mapping):
        return item, {}
    fields = {field.alias or key for kind in ITEMS if kind in item
              for key, field in ITEMS[kind].model_fields.items()}
    arrays: dict[str, ArrayLike] = {
        key: value for key, value in item.items()
        if key not in fields and isinstance(value, (np.ndarray, list, tuple))}
    return {key: value for key, value in item.items() if key not in arrays}, arrays
