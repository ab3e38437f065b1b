"""Imports ONNX and QONNX models: translates the nodes, fuses thresholds, and checks the result.

Between two layers, any nodes that treat each channel separately are evaluated at every attainable
sum. If the result has two values, it is a bit, and its threshold is read off; a few values in equal
steps are an integer. Sums that are only scaled and shifted remain integers. Everything else is
rejected with an error that names the node. One case is approximated: the sum of two branches whose
scales have no common unit; a note gives the bound of the error. The result is compared with an
independent execution of the model before it is returned.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.base import DEFAULT_CHECK, Check, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.check import check_import
from bnnhw.importers.onnx.input_layout import first_map_view
from bnnhw.importers.onnx.layer_list import LayerList, free_name
from bnnhw.importers.onnx.model_file import load_onnx, node_label, tensor_array
from bnnhw.importers.onnx.model_input import input_chain, input_shape
from bnnhw.importers.onnx.model_outputs import add_output
from bnnhw.importers.onnx.tail import Tail
from bnnhw.importers.onnx.topological_order import ordered_nodes
from bnnhw.importers.onnx.translation import Translation, Value
from bnnhw.importers.registry import register
from bnnhw.ir import Graph
from bnnhw.passes.fuse_thresholds import fuse_thresholds

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

__all__ = ["OnnxImporter", "import_onnx"]

IR_VERSION_TAG = 0x08
"""First byte of a ModelProto: the tag of field 1, ``ir_version``."""

FIELD_TAGS = frozenset({0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42, 0x72})
"""Tags of the fields of a ModelProto that can follow, from ``producer_name`` on."""


def import_onnx(path: Path, *, name: str, input_type: str = "uint8",
                pixel_range: tuple[float, float] = (0.0, 1.0), argmax: bool = True,
                check: Check | None = DEFAULT_CHECK) -> Network:
    """Import a QONNX (or plain ONNX) file.

    Samples of a model with convolutions or pools are maps [H, W, C], whatever order of axes the
    model uses; samples of other models are vectors in the model's order.

    Parameters
    ----------
    path : Path
    name : str
        Name of the network.
    input_type, pixel_range, argmax
        See ``ImportOptions``.
    check : Check or None
        How to compare the result with an independent execution of the model (onnxruntime, and the
        package qonnx for QONNX's operators); None to skip the comparison.

    Raises
    ------
    ModelError
        Names the node that cannot be imported, why, and what to change; or the first tensor in
        which the import differs from the independent execution.
    ToolError
        onnx, or a package that ``check`` needs, is not installed.
    """
    model = load_onnx(path)
    nodes = ordered_nodes(model.graph)
    translation, start = _begin(model, nodes, input_type, pixel_range)
    for node in nodes:
        try:
            translation.visit(node)
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise ModelError("has inputs or attributes that its operator does not allow "
                             f"({error})", where=node_label(node)) from error
    network = _finish(model, translation, start, name, argmax)
    if check is None:
        return network
    result = check_import(model, nodes, translation, start, network.graph, check)
    return replace(network, check=result.to_json())


def _begin(model: ModelProto, nodes: list[NodeProto], input_type: str,
           pixel_range: tuple[float, float]) -> tuple[Translation, Chain]:
    """Read the constants and the input of a model; no node is translated yet."""
    graph = model.graph
    opset = max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")),
                default=13)
    if opset < 9:
        raise ModelError(f"uses operator set {opset}, expected version 9 or newer", where="model",
                         hint="export the model again")
    constants = {tensor.name: tensor_array(tensor, "model") for tensor in graph.initializer}
    inputs = [i for i in graph.input if i.name not in constants]
    if len(inputs) != 1 or not graph.output:
        raise ModelError(f"has {len(inputs)} inputs and {len(graph.output)} outputs, expected "
                         "one input", where="model")
    shape = input_shape(inputs[0])
    view = first_map_view(nodes, constants, inputs[0].name, shape, opset)
    start = input_chain(shape, view, input_type, pixel_range, opset)
    values: dict[str, Value] = {**constants, inputs[0].name: start}
    return Translation(LayerList(opset), values), start


def _finish(model: ModelProto, translation: Translation, start: Chain, name: str,
            argmax: bool) -> Network:
    """Add the outputs, and fuse the layers into the Graph."""
    layers = translation.layers
    several = len(model.graph.output) > 1
    for output in [o.name for o in model.graph.output]:
        value = translation.values.get(output)
        where = f"output '{output}'"
        if isinstance(value, np.ndarray) or value is None:
            raise ModelError("does not depend on the input through a binary matrix", where=where)
        if not isinstance(value, (Chain, Tail)):
            raise ModelError("is the result of a Pad node, expected a Conv after it", where=where)
        names = [name for end in translation.outputs for name, _ in end.outputs]
        used = {n for name in names for n in (name, f"{name}_label")}
        name_here = free_name(layers.name(output, "out"), used) if several else None
        translation.outputs.append(add_output(layers, value, output, name_here, argmax))
    raw = Graph(name, start.type, tuple(layers.layers), tuple(
        pair for output in translation.outputs for pair in output.outputs))
    graph, fused = fuse_thresholds(raw)
    names_left = {layer.name for layer in graph.layers}
    certificates = (replace(c, layer=fused.get(c.layer, c.layer)) for c in layers.certificates)
    scores = layers.scores[0].to_json() if layers.scores else None
    return Network(graph, {}, tuple(c for c in certificates if c.layer in names_left), scores,
                   tuple(layers.notes))


class OnnxImporter:
    """Reads ONNX models, with QONNX's operators or without."""

    name = "onnx"
    title = "an ONNX model"
    suffixes = (".onnx",)
    native = False

    def accepts(self, path: Path) -> bool:
        """Accept the usual suffix, and any file that begins as ONNX's protobuf does."""
        if path.suffix in self.suffixes:
            return True
        try:
            with path.open("rb") as stream:
                begin = stream.read(3)
        except OSError:
            return False
        return len(begin) == 3 and begin[0] == IR_VERSION_TAG and 0 < begin[1] < 32 and \
            begin[2] in FIELD_TAGS

    def load(self, path: Path, options: ImportOptions) -> Network:
        return import_onnx(path, name=options.name_for(path), input_type=options.input_type,
                           pixel_range=options.pixel_range, argmax=options.argmax,
                           check=options.check)


register(OnnxImporter())

