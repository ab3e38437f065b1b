"""Imports Keras models with the layers of Larq and QKeras: ``.h5`` and ``.keras`` files.

The layers become operations, which are executed in numpy and expressed as ONNX nodes. The nodes are
translated as those of an ONNX model are (``bnnhw.importers.onnx``): thresholds are found by
evaluating the framework's own expressions at all attainable sums. The numpy execution, which shares
no code with that, checks the result.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bnnhw.errors import ModelError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.keras.graph import KerasExecution, KerasGraph, build_graph
from bnnhw.importers.keras.model_config import read_model_config
from bnnhw.importers.keras.model_file import HDF5_MAGIC, MEMBERS, open_keras
from bnnhw.importers.keras.weights import Weights
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.node_graph import import_nodes
from bnnhw.importers.registry import register
from bnnhw.importers.unsupported import zip_members

__all__ = ["KerasImporter", "import_keras", "load_keras"]

QUANTISE = "train with a quantiser before the layer: Larq's input_quantizer ('ste_sign'), or a " \
    "QActivation of at most 8 bits"

HINTS = (
    ("BipolarQuant, or a Quant", QUANTISE), ("with a quantiser before this node", QUANTISE),
    ("with quantised weights: BipolarQuant", "train with kernel_quantizer = 'ste_sign' (Larq), or "
     "binary or quantized_bits (QKeras)"),
)
"""What the hints for ONNX say, and the same advice for Keras."""


def load_keras(path: Path) -> KerasGraph:
    """Read a saved model as operations.

    Raises
    ------
    ModelError
        The file is broken, or contains a layer that is not supported.
    ToolError
        h5py is not installed.
    """
    with open_keras(path) as (config, version, file):
        model = read_model_config(config)
        return build_graph(model, Weights(file, model.layers), version.startswith(("1.", "2.")))


def import_keras(path: Path, options: ImportOptions) -> Network:
    """Import a model that Keras saved with ``model.save``.

    Samples are maps [H, W, C] or vectors, as the model reads them.

    Raises
    ------
    ModelError
        Names the layer that cannot be imported, why, and what to change; or the first tensor in
        which the import differs from the execution of the model.
    ToolError
        h5py or onnx is not installed.
    """
    graph = load_keras(path)
    nodes, labels = graph.lower()
    try:
        network = import_nodes(nodes, options, lambda: KerasExecution(graph))
    except ModelError as error:
        raise _with_layers(error, labels) from None
    notes = tuple(_renamed(note, {node: where.replace("layer", "Keras layer", 1)
                                  for node, where in labels.items()})
                  for note in network.notes if "torch" not in note)
    return replace(network, notes=notes)


def _renamed(text: str, labels: dict[str, str]) -> str:
    for node, layer in labels.items():
        if node in text:
            text = text.replace(node, layer)
    return text


def _with_layers(error: ModelError, labels: dict[str, str]) -> ModelError:
    """Return the same error with the names of Keras layers in place of those of ONNX nodes."""
    hint = next((advice for part, advice in HINTS if part in (error.hint or "")),
                _renamed(error.hint or "", labels) or None)
    return ModelError(_renamed(error.message, labels), hint=hint,
                      where=_renamed(error.where or "", labels) or None)


class KerasImporter:
    """Reads models of Keras, Larq and QKeras."""

    name = "keras"
    title = "a Keras model"
    suffixes = (".h5", ".hdf5", ".keras")
    native = False

    def accepts(self, path: Path) -> bool:
        """Accept the usual suffixes, HDF5 files, and archives with a model of Keras inside."""
        if path.suffix in self.suffixes:
            return True
        try:
            with path.open("rb") as stream:
                begin = stream.read(len(HDF5_MAGIC))
        except OSError:
            return False
        return begin == HDF5_MAGIC or (
            begin.startswith(b"PK") and set(MEMBERS) <= set(zip_members(path)))

    def load(self, path: Path, options: ImportOptions) -> Network:
        return import_keras(path, replace(options, name=options.name_for(path)))


register(KerasImporter())
