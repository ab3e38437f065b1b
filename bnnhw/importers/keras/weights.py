"""Finds the weights of each layer in the three layouts in which Keras stores them.

* Keras 2, ``.h5``: groups by layer name, whose attribute ``weight_names`` lists the datasets.
* Keras 2 and 3, ``.keras``: groups by class name, numbered in the order of the layers; variables
  are ``vars/0``, ``vars/1``, ... The group of all layers is ``layers``, in Keras 2.13
  ``_layer_checkpoint_dependencies``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bnnhw.importers.keras.hdf5 import SafeFile
from bnnhw.importers.keras.model_config import LayerConfig

__all__ = ["Weights"]

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


class Weights:
    """The weights of a model by layer.

    Parameters
    ----------
    file : SafeFile
    layers : sequence of LayerConfig
        All layers of the model, in its order.
    """

    def __init__(self, file: SafeFile, layers: Sequence[LayerConfig]) -> None:
        self._file = file
        self._root = "model_weights" if file.keys("model_weights") else ""
        container = next((c for c in CONTAINERS if file.keys(c)), None)
        self._groups = {} if container is None else _groups(file, container, layers)
        self._numbered = container is not None

    def of(self, layer: LayerConfig, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the weights of a layer as float32, by name.

        Parameters
        ----------
        layer : LayerConfig
        names : sequence of str
            The weights that the layer has by its options, in Keras' order.

        Raises
        ------
        ModelError
            Weights are missing, or there are others.
        """
        paths = self._numbered_paths(layer) if self._numbered else self._named_paths(layer, names)
        if len(paths) != len(names):
            raise layer.options.error(
                f"has {len(paths)} stored weights, expected {len(names)} ({', '.join(names)})",
                "save the model again with model.save")
        arrays = {name: self._file.array(path) for name, path in zip(names, paths, strict=True)}
        for name, array in arrays.items():
            if array.dtype != np.float32:
                raise layer.options.error(f"has the weight '{name}' in {array.dtype}, expected "
                                          "float32", "train and save the model in float32")
        return arrays

    def _numbered_paths(self, layer: LayerConfig) -> list[str]:
        group = self._groups.get(layer.name)
        keys = [] if group is None else self._file.keys(f"{group}/vars")
        return [f"{group}/vars/{k}" for k in range(len(keys))]

    def _named_paths(self, layer: LayerConfig, names: Sequence[str]) -> list[str]:
        group = f"{self._root}/{layer.name}"
        stored = self._file.texts(group, "weight_names")
        by_name = {re.sub(r":\d+$", "", name).rpartition("/")[2]: name for name in stored}
        if len(by_name) == len(stored) and set(by_name) == set(names):
            stored = [by_name[name] for name in names]
        return [f"{group}/{name}" for name in stored]


def _groups(file: SafeFile, container: str, layers: Sequence[LayerConfig]) -> dict[str, str]:
    """Return the group of each layer.

    Keras 3 repeats the name of the layer in each group. Where it is not stored, the groups are
    numbered by class in the order of the layers.
    """
    named = {file.text(f"{container}/{key}/vars", "name"): f"{container}/{key}"
             for key in file.keys(container)}
    used: dict[str, int] = {}
    groups = {}
    for layer in layers:
        key = _snake_case(layer.class_name)
        count = used.get(key, 0)
        used[key] = count + 1
        numbered = f"{container}/{key}_{count}" if count else f"{container}/{key}"
        groups[layer.name] = named.get(layer.name, numbered)
    return groups


def _snake_case(name: str) -> str:
    """Convert a class name as Keras does."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
