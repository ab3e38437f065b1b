"""Saves a network as files: net.yaml, weights.npz and the certificates of its folds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import yaml
from pydantic import TypeAdapter

from bnnhw.config.fields import Name
from bnnhw.config.names import MAX_NAME, PIXELS
from bnnhw.config.npy import npz_bytes
from bnnhw.errors import ModelError
from bnnhw.importers.network import Network
from bnnhw.importers.yaml.outputs import gives_scores
from bnnhw.ir import Bits, Graph
from bnnhw.ir.layer import ITEMS, Layer
from bnnhw.ir.types import NAMED_INTEGERS
from bnnhw.json_types import Json
from bnnhw.layers import Binarize

__all__ = ["network_files"]


def network_files(network: Network) -> dict[str, bytes]:
    """Contents of the folder of a network, by file name; equal networks give equal bytes."""
    net, arrays = _describe(network.graph)
    certificate = {"network_sha256": network.graph.digest(),
                   "layers": [c.to_json() for c in network.certificates],
                   "scores": network.scores,
                   "notes": list(network.notes), "check": network.check}
    return {
        "net.yaml": yaml.safe_dump(net, sort_keys=False, default_flow_style=None,
                                   width=90).encode(),
        "weights.npz": npz_bytes(dict(sorted(arrays.items()))),
        "certificate.json": (json.dumps(certificate, indent=1) + "\n").encode(),
    }


def _describe(graph: Graph) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    _check_names(graph)
    input_ = _input(graph)
    layers = list(graph.layers)
    previous = "input"
    first = layers[0]
    if _has_front(graph):
        assert isinstance(first, Binarize)
        input_["threshold"] = first.threshold
        if first.unipolar:
            input_["unipolar"] = True
        previous = layers.pop(0).name
    items: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for layer in layers:
        item, described = layer.describe()
        kind, *_ = item
        item = {kind: item.pop(kind), "name": layer.name, **item}
        if layer.source != previous:
            item["from"] = layer.source
        arrays.update({f"{layer.name}.{key}": array for key, array in described.items()})
        items.append(item)
        previous = layer.name
    net: dict[str, Any] = {"name": graph.name, "input": input_, "weights": "weights.npz"}
    if _by_item(graph, layers):
        _put_outputs(graph, items)
    else:
        net["outputs"] = dict(graph.outputs)
    net["layers"] = [_shortened(k, item, arrays) for k, item in enumerate(items)]
    return net, arrays


def _shortened(k: int, item: Json,
               arrays: dict[str, np.ndarray]) -> dict[str, object] | str:
    """Write an item by its kind alone where that means the same."""
    kind, name = next(iter(item)), item["name"]
    word = item == {kind: True, "name": ITEMS[kind].default_name(k)}
    return kind if word and not any(key.startswith(f"{name}.") for key in arrays) else item


def _has_front(graph: Graph) -> bool:
    """Whether the input is binarised under the key ``input.threshold``."""
    first = graph.layers[0]
    return isinstance(first, Binarize) and first.name == PIXELS and len(graph.layers) > 1


def _check_names(graph: Graph) -> None:
    """Raise ``ModelError`` for names with which the saved network would not load again."""
    layers = graph.layers[1:] if _has_front(graph) else graph.layers
    for name in (graph.name, *(layer.name for layer in layers), *(o for o, _ in graph.outputs)):
        try:
            TypeAdapter(Name).validate_python(name)
        except ValueError:
            raise ModelError(f"'{name}' is not a valid name in a layers.yaml",
                             hint=f"use letters, digits and '_', at most {MAX_NAME}, and no "
                             "keyword of Verilog or Python") from None


def _input(graph: Graph) -> dict[str, object]:
    element = graph.input.element
    input_: dict[str, Any] = {"shape": list(graph.input.shape)}
    if isinstance(element, Bits):
        return {**input_, "type": "bits", **({"unipolar": True} if element.unipolar else {})}
    for name, named in NAMED_INTEGERS.items():
        if element == named:
            return {**input_, "type": name}
    return {**input_, "type": "int", "range": [element.lo, element.hi]}


def _by_item(graph: Graph, layers: list[Layer]) -> bool:
    """Whether ``output`` keys alone give these outputs, in this order."""
    order = [layer.name for layer in layers]
    outputs = {source: output for output, source in graph.outputs}
    read = {source for layer in layers for source in layer.sources} | outputs.keys()
    hidden = [layer for k, layer in enumerate(layers)
              if gives_scores(layers[k:]) and layer.name not in outputs]
    changed = [layer for layer in layers if layer.name in outputs
               and not layer.accepts_output(outputs[layer.name])]
    return (len(set(outputs.values())) == len(outputs) == len(graph.outputs)
            and list(outputs) == [name for name in order if name in outputs]
            and order[-1] in outputs and not hidden and not changed
            and all(layer.name in read for layer in graph.layers))


def _put_outputs(graph: Graph, items: list[Json]) -> None:
    """Add the key ``output`` where its value is not the default."""
    outputs = {source: output for output, source in graph.outputs}
    for item in items:
        output = outputs.get(item["name"])
        if output is None or (item is items[-1]
                              and output == graph.layers[-1].output_name()
                              and "sums" not in item):
            continue
        item["output"] = output
        if output == "scores" and "unipolar" not in item:
            item.pop("sums", None)
