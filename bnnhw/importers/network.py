"""layers.yaml and weights.npz to a Graph."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bnnhw.config.arrays import RandomArrays
from bnnhw.config.hints import Hints, LayerHint
from bnnhw.config.items import ProductItem
from bnnhw.config.weight_file import WeightFile
from bnnhw.errors import ConfigError
from bnnhw.importers.builders import BUILDERS
from bnnhw.importers.formats import refuse_as_network
from bnnhw.importers.imported import CheckResult
from bnnhw.importers.yaml.outputs import declared_outputs
from bnnhw.importers.yaml.read import read_config
from bnnhw.importers.yaml.schema import NetConfig
from bnnhw.ir import Graph, TensorType
from bnnhw.ir.certificate import GIVEN, Certificate
from bnnhw.ir.context import LayerContext
from bnnhw.layers import Binarize, Layer

__all__ = ["Network", "load_network", "network_file"]


@dataclass(frozen=True)
class Network:
    """A Graph, what the user fixed for its plan, and the certificate of every fold.

    Attributes
    ----------
    graph : Graph
    hints : dict
    certificates : tuple of Certificate
    scores : dict or None
        How an importer folded the scores (``IntegerScores.to_json``), where one did.
    notes : tuple of str
        What an importer had to report, a sentence each (``Imported.notes``).
    check : dict or None
        What an importer's comparison with an independent execution showed (``CheckResult``).
    """

    graph: Graph
    hints: Hints
    certificates: tuple[Certificate, ...]
    scores: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    check: dict[str, Any] | None = None


def network_file(path: Path) -> Path:
    """Return the layers.yaml of a network, given as that file or as a folder with a net.yaml."""
    refuse_as_network(path)
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
    names = config.names()
    arrays = None if config.weights == "random" else WeightFile(path.parent, config.weights)
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
    # Where nothing was folded here, an importer may have left what it evaluated.
    network = Network(graph, _hints(config, names), tuple(certificates))
    if any(c.method != GIVEN for c in certificates):
        return network
    return _with_record(network, path.with_name("certificate.json"))


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
