"""Networks: building them from checked items and arrays, and loading them from layers.yaml."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw import golden
from bnnhw.config.arrays import CheckedArrays, RandomArrays
from bnnhw.config.hints import Hints
from bnnhw.config.names import PIXELS
from bnnhw.config.weight_file import WeightFile
from bnnhw.errors import ConfigError
from bnnhw.html_table import html_table
from bnnhw.importers.check_result import CheckResult
from bnnhw.importers.comparison import Comparison
from bnnhw.importers.yaml.outputs import declared_outputs
from bnnhw.importers.yaml.read import read_config
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir import Graph, TensorType
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.ir.layer import Layer, layer_of_item
from bnnhw.layers import Binarize
from bnnhw.passes import run_passes

if TYPE_CHECKING:
    from torch.nn import Module

__all__ = ["Network", "build_network", "load_network"]

RANDOM = "random"
"""Value of ``weights:`` for random arrays."""


@dataclass(frozen=True, repr=False)
class Network:
    """A trained network: its Graph, folds that the user fixed, and the certificate of every fold.

    Attributes
    ----------
    graph : Graph
    hints : dict
        Folding and memory of layers that the user fixed.
    certificates : tuple of Certificate
        How thresholds were found, for each layer that has some.
    scores : dict or None
        How an importer folded the scores (``IntegerScores.to_json``), where one did.
    notes : tuple of str
        What an importer reported, a sentence each.
    check : dict or None
        Result of an importer's comparison with an independent execution (``CheckResult``).
    """

    graph: Graph
    hints: Hints
    certificates: tuple[Certificate, ...]
    scores: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    check: dict[str, Any] | None = None

    @cached_property
    def reduced(self) -> Graph:
        """The graph after the passes, which is what the hardware computes."""
        return run_passes(self.graph)

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample, channels last."""
        return self.graph.input.shape

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.graph.layers

    def predict(self, x: np.ndarray, layout: str | None = None) -> dict[str, np.ndarray]:
        """Compute the outputs of samples with the integer golden model.

        Parameters
        ----------
        x : integer array [n, *shape]
            Samples: the integers that the network reads, such as pixels of 0 to 255.
        layout : str or None
            ``NHWC`` (default) or ``NCHW``, which is transposed.

        Returns
        -------
        dict of int64 arrays [n, ...]
            By the names of the outputs.

        Raises
        ------
        ConfigError
            Shape or values of the samples are not those of the network's input.
        """
        return golden.run(self.graph, np.asarray(x), layout=layout)

    def compare(self, model: str | os.PathLike[str] | Module, x: np.ndarray, *,
                pixel_range: tuple[float, float] = (0.0, 1.0),
                layout: str | None = None) -> Comparison:
        """Compare the integers of every layer with the floats of the model, on given samples.

        Parameters
        ----------
        model : path or torch.nn.Module
            The ONNX file, or the live model of PyTorch or Brevitas, that was imported.
        x : integer array [n, *shape]
            Samples of the network, as for ``predict``.
        pixel_range : (float, float)
            What the model sees for pixel 0 and pixel 255, as at the import.
        layout : str or None
            Order of the axes of ``x``, see ``predict``.

        Returns
        -------
        Comparison
            Prints as a table, also in a notebook; ``first`` is the first tensor that differs.

        Raises
        ------
        ConfigError
            The samples are wrong, or the model does not belong to this network.
        ModelError
            The model cannot be imported.
        ToolError
            A package that executes the model is not installed.
        """
        from bnnhw.importers.compare_models import compare_network

        return compare_network(self, model, x, pixel_range=pixel_range, layout=layout)

    def __repr__(self) -> str:
        return f"<Network {self.name}: {self.graph.input} -> {_shown_outputs(self.graph)}, " \
               f"{len(self.layers)} layers>"

    def _repr_html_(self) -> str:
        return html_table(f"{self.name}: {self.graph.input} -> {_shown_outputs(self.graph)}",
                          ("layer", "kind", "input", "output"),
                          ((layer.name, layer.kind, layer.input, layer.out_type())
                           for layer in self.layers))


def _shown_outputs(graph: Graph) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in graph.output_types().items())


def _network_file(path: Path) -> Path:
    """Return the layers.yaml of a network, given as that file or as a folder with a net.yaml."""
    if path.is_dir():
        path = path / "net.yaml"
    if not path.is_file():
        raise ConfigError("does not exist", where=str(path),
                          hint="a network is a folder with a net.yaml, a .yaml file, or a name "
                          "that 'bnnhw list designs' prints")
    return path


def load_network(path: Path) -> Network:
    """Load a network from its folder or layers.yaml.

    Raises
    ------
    ConfigError
        A file is missing or wrong.
    ModelError
        A layer has no exact integer meaning.
    """
    path = _network_file(path)
    config = read_config(path)
    network = build_network(config, None if config.weights == RANDOM else
                            WeightFile(path.parent, config.weights))
    # Where nothing was folded here, an importer may have stored what it evaluated.
    if any(c.method != GIVEN for c in network.certificates):
        return network
    return _with_record(network, path.with_name("certificate.json"))


def build_network(config: NetConfig, arrays: CheckedArrays | None) -> Network:
    """Build a network from a checked configuration and its arrays; None for random weights.

    Raises
    ------
    ConfigError
        An array is missing, wrong, or read by no layer.
    ModelError
        A layer has no exact integer meaning.
    """
    names = config.names()
    source_of = arrays or RandomArrays(config.seed)
    input_type = _input_type(config)
    layers: list[Layer] = _input_layers(config, input_type)
    types = {"input": input_type, **{layer.name: layer.out_type() for layer in layers}}
    certificates: list[Certificate] = []
    previous = config.front
    for item, name in zip(config.layers, names, strict=True):
        source = item.from_ or previous
        second = item.others[0] if item.others else ""
        at = LayerContext(name, source, types[source], second, types.get(second))
        layer, certificate = layer_of_item(item.kind).build(item, at, source_of)
        layers.append(layer)
        types[name] = layer.out_type()
        certificates.extend([certificate] if certificate else [])
        previous = name
    outputs = declared_outputs(config, layers)
    graph = Graph(config.name, input_type, tuple(layers), tuple(outputs.items()))
    if arrays:
        arrays.check_all_read()
    hints = {name: item.hint for item, name in zip(config.layers, names, strict=True)
             if item.hint is not None}
    return Network(graph, hints, tuple(certificates))


def _with_record(network: Network, path: Path) -> Network:
    """Add what an importer stored with the network, if it belongs to exactly this network."""
    try:
        if not path.is_file() or path.stat().st_size > 1 << 20:
            return network
        data = json.loads(path.read_bytes())
        if data["network_sha256"] != network.graph.digest():
            return network
        scores = data["scores"]
        if scores is not None:
            scores = {"fraction_bits": int(scores["fraction_bits"]), "ties": int(scores["ties"]),
                      "exact_sums": bool(scores["exact_sums"])}
        notes, check = data.get("notes", []), data.get("check")
        if not all(isinstance(note, str) for note in notes):
            return network
        certificates = tuple(Certificate(**item) for item in data["layers"])
        return replace(network, certificates=certificates or network.certificates, scores=scores,
                       notes=tuple(notes),
                       check=None if check is None else CheckResult(**check).to_json())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return network


def _input_type(config: NetConfig) -> TensorType:
    """Type of the input: of the given shape, or one vector for a first layer that reads vectors."""
    vector = config.layers[0].reads_vector
    shape = (config.input.size,) if vector else tuple(config.input.shape)
    return TensorType(shape, config.input.element)


def _input_layers(config: NetConfig, type_: TensorType) -> list[Layer]:
    """The layer for the key ``input.threshold``, where it is given."""
    if config.input.threshold is None:
        return []
    return [Binarize(PIXELS, "input", type_, config.input.threshold, config.input.unipolar)]
