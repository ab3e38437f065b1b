"""layers.yaml and weights.npz to a Graph."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.config.arrays import RandomArrays
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.config.items import ProductItem
from bnnhw.config.weight_file import MemoryArrays, WeightFile
from bnnhw.errors import ConfigError
from bnnhw.html_table import html_table
from bnnhw.importers.builders import BUILDERS
from bnnhw.importers.check_result import CheckResult
from bnnhw.importers.yaml.outputs import declared_outputs
from bnnhw.importers.yaml.read import read_config
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir import Graph, TensorType
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.layers import Binarize, Layer

__all__ = ["Network", "build_network", "load_network", "network_file"]


@dataclass(frozen=True, repr=False)
class Network:
    """A trained network: its Graph, folds that the user fixed, and the certificate of every fold.

    Attributes
    ----------
    graph : Graph
    hints : dict
    certificates : tuple of Certificate
    scores : dict or None
        How an importer folded the scores (``IntegerScores.to_json``), where one did.
    notes : tuple of str
        What an importer had to report, a sentence each.
    check : dict or None
        What an importer's comparison with an independent execution showed (``CheckResult``).
    """

    graph: Graph
    hints: Hints
    certificates: tuple[Certificate, ...]
    scores: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    check: dict[str, Any] | None = None

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


def network_file(path: Path) -> Path:
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
    path = network_file(path)
    config = read_config(path)
    network = build_network(config, None if config.weights == "random" else
                            WeightFile(path.parent, config.weights))
    # Where nothing was folded here, an importer may have left what it evaluated.
    if any(c.method != GIVEN for c in network.certificates):
        return network
    return _with_record(network, path.with_name("certificate.json"))


def build_network(config: NetConfig, arrays: WeightFile | MemoryArrays | None) -> Network:
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
    layers: list[Layer] = _front(config, input_type)
    types = {"input": input_type, **{layer.name: layer.out_type() for layer in layers}}
    certificates: list[Certificate] = []
    previous = config.front
    for item, name in zip(config.layers, names, strict=True):
        source = item.from_ or previous
        second = item.others[0] if item.others else ""
        at = LayerContext(name, source, types[source], second, types.get(second))
        layer, certificate = BUILDERS[item.kind](item, at, source_of)
        layers.append(layer)
        types[name] = layer.out_type()
        certificates.extend([certificate] if certificate else [])
        previous = name
    outputs = declared_outputs(config, layers)
    graph = Graph(config.name, input_type, tuple(layers), tuple(outputs.items()))
    if arrays:
        arrays.refuse_unread()
    return Network(graph, _hints(config, names), tuple(certificates))


def _with_record(network: Network, path: Path) -> Network:
    """Add what an importer stored with the network, if it is about exactly this network."""
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
    """The input as it is written; as one vector where the first layer is dense."""
    shape = tuple(config.input.shape)
    if config.layers[0].kind == "dense":
        shape = (config.input.size,)
    return TensorType(shape, config.input.element)


def _front(config: NetConfig, type_: TensorType) -> list[Layer]:
    if config.input.threshold is None:
        return []
    return [Binarize("pixels", "input", type_, config.input.threshold, config.input.unipolar)]


def _hints(config: NetConfig, names: list[str]) -> Hints:
    hints = {}
    for item, name in zip(config.layers, names, strict=True):
        if isinstance(item, ProductItem):
            fold = item.fold
            hints[name] = LayerHint(fold.pe if fold else None, fold.simd if fold else None,
                                    item.memory)
    return hints
