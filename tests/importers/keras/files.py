"""Writes files as Keras does, from layers and weights that a test states."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["bias", "layer", "norm", "sequential", "write_archive", "write_hdf5"]

Layer = tuple[str, dict[str, Any], dict[str, np.ndarray]]
"""Class name, options, and weights by name."""


def layer(class_name: str, options: dict[str, Any] | None = None, **weights: Any) -> Layer:
    return class_name, options or {}, {key: np.asarray(w, np.float32) for key, w in weights.items()}


def norm(channels: int, seed: int = 1, **options: Any) -> Layer:
    """A batch normalisation with rising and falling channels."""
    random = np.random.default_rng(seed)
    weights = {"gamma": random.normal(0, 1, channels), "beta": random.normal(0, 0.3, channels),
               "moving_mean": random.normal(0, 0.5, channels),
               "moving_variance": random.uniform(0.5, 9, channels)}
    weights = {key: w for key, w in weights.items()
               if options.get({"gamma": "scale", "beta": "center"}.get(key, ""), True)}
    return layer("BatchNormalization", options, **weights)


def bias(channels: int, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, channels).astype(np.float32)


def sequential(shape: tuple[int, ...], layers: list[Layer]) -> dict[str, Any]:
    items = [{"class_name": "InputLayer", "config": {
        "batch_input_shape": [None, *shape], "dtype": "float32", "name": "input_1"}}]
    items += [{"class_name": name, "config": {"name": f"layer_{k}", **_sizes(name, weights),
                                              **options}}
              for k, (name, options, weights) in enumerate(layers)]
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": items}}


def _sizes(name: str, weights: dict[str, np.ndarray]) -> dict[str, int]:
    """Options that Keras needs, and that follow from the weights."""
    kernel = weights.get("pointwise_kernel", weights.get("kernel"))
    if kernel is not None:
        return {"units" if "Dense" in name else "filters": int(kernel.shape[-1])}
    if "depthwise_kernel" in weights:
        return {"depth_multiplier": int(weights["depthwise_kernel"].shape[-1])}
    return {}


def write_hdf5(path: Path, model: dict[str, Any], layers: list[Layer]) -> Path:
    """Write the layout of Keras 2: groups by layer name."""
    names = [item["config"]["name"] for item in model["config"]["layers"]
             if item["class_name"] != "InputLayer"]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.15.0"
        file.attrs["model_config"] = json.dumps(model).encode()
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name, (_, _, weights) in zip(names, layers, strict=True):
            group = root.create_group(name)
            stored = [f"{name}/{key}:0" for key in weights]
            group.attrs["weight_names"] = [s.encode() for s in stored]
            for s, w in zip(stored, weights.values(), strict=True):
                group.create_dataset(s, data=w)
    return path


def write_archive(path: Path, model: dict[str, Any], layers: list[Layer],
                  container: str = "layers") -> Path:
    """Write the zip archive of Keras 3: groups by class name."""
    buffer, used = io.BytesIO(), {}
    with h5py.File(buffer, "w") as file:
        for name, _, weights in layers:
            key = re.sub("([a-z])([A-Z])", r"\1_\2",
                         re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
            used[key] = used.get(key, -1) + 1
            number = f"_{used[key]}" if used[key] else ""
            group = file.create_group(f"{container}/{key}{number}/vars")
            for k, w in enumerate(weights.values()):
                group.create_dataset(str(k), data=w)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("model.weights.h5", buffer.getvalue())
    return path
