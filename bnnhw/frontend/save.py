"""An imported Graph as files: net.yaml, weights.npz and the certificate of its folds."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

from bnnhw.frontend.fold import Certificate
from bnnhw.frontend.scores import ScoreFold
from bnnhw.ir import Bits, Graph
from bnnhw.ir.layers import Affine, ArgMax, Binarize, Dense

__all__ = ["network_files"]


def network_files(graph: Graph, certificates: Sequence[Certificate],
                  scores: ScoreFold | None = None) -> dict[str, bytes]:
    """Contents of the folder of a network, by file name; equal graphs give equal bytes."""
    net, arrays = _describe(graph)
    certificate = {"network_sha256": graph.digest(),
                   "layers": [c.to_json() for c in certificates],
                   "scores": scores.to_json() if scores else None}
    return {
        "net.yaml": yaml.safe_dump(net, sort_keys=False, default_flow_style=None,
                                   width=90).encode(),
        "weights.npz": _npz(arrays),
        "certificate.json": (json.dumps(certificate, indent=1) + "\n").encode(),
    }


def _describe(graph: Graph) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    element = graph.input.element
    kind = "bits" if isinstance(element, Bits) else "uint8"
    input_: dict[str, Any] = {"shape": list(graph.input.shape), "type": kind}
    if isinstance(element, Bits) and element.unipolar:
        input_["unipolar"] = True
    layers: list[Any] = []
    arrays: dict[str, np.ndarray] = {}
    for layer in graph.layers:
        item: dict[str, Any] = {}
        if isinstance(layer, Binarize):
            input_["threshold"] = layer.threshold
            if layer.unipolar:
                input_["unipolar"] = True
            continue
        if isinstance(layer, Dense):
            item = {"dense": layer.outputs, "name": layer.name}
            arrays[f"{layer.name}.weights"] = layer.weights[0]
            if layer.thresholds is not None:
                arrays[f"{layer.name}.thresholds"] = layer.thresholds[:, 0].astype(np.int32)
                if layer.unipolar:
                    item["unipolar"] = True
        elif isinstance(layer, Affine):
            item = {"affine": True, "name": layer.name}
            arrays[f"{layer.name}.scale"] = layer.scale
            arrays[f"{layer.name}.offset"] = layer.offset
        elif isinstance(layer, ArgMax):
            layers.append("argmax" if layer.name == "label" else
                          {"argmax": True, "name": layer.name})
            continue
        if isinstance(layer, Dense) and layer.thresholds is None:
            item["output"] = "scores"
        layers.append(item)
    net = {"name": graph.name, "input": input_, "weights": "weights.npz", "layers": layers}
    return net, arrays


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    """An .npz without the time of day, so that equal weights are equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.save(member, arrays[name], allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)),
                             member.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
