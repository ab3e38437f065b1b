"""Imports ONNX and QONNX models: translates the nodes, fuses thresholds, and checks the result.

Between two layers, any nodes that treat each channel separately are evaluated at every attainable
sum. If the result has two values, it is a bit, and its threshold is read off; a few values in equal
steps are an integer. Sums that are only scaled and shifted remain integers. Everything else is
rejected with an error that names the node. One case is approximated: the sum of two branches whose
scales have no common unit; a note gives the bound of the error. The result is compared with an
independent execution of the model before it is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bnnhw.errors import ModelError
from bnnhw.importers.base import DEFAULT_CHECK, Check, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.check import Executor
from bnnhw.importers.onnx.execute import OnnxExecution
from bnnhw.importers.onnx.imported import Imported
from bnnhw.importers.onnx.model_file import load_onnx, tensor_array
from bnnhw.importers.onnx.model_input import input_shape, integer_input
from bnnhw.importers.onnx.node_graph import NodeGraph, check_nodes, translate_nodes
from bnnhw.importers.onnx.topological_order import ordered_nodes
from bnnhw.importers.registry import register

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["OnnxImporter", "import_onnx", "import_onnx_model"]

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
        See ``ImportOptions``; the first two have no effect on a model whose input is integers.
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
    options = ImportOptions(name, input_type, pixel_range, argmax, check)
    imported, executor = import_onnx_model(load_onnx(path), options)
    return imported.network if check is None else check_nodes(imported, executor(), check).network


def import_onnx_model(model: ModelProto, options: ImportOptions,
                      layout: str | None = None) -> tuple[Imported, Callable[[], Executor]]:
    """Import a model in memory, without the comparison.

    Parameters
    ----------
    model : ModelProto
        With all of its tensors inside.
    options : ImportOptions
        With a name.
    layout : str or None
        Order of the axes of the model's input, see ``NodeGraph``.

    Returns
    -------
    imported : Imported
    executor : function
        Makes the independent executor.

    Raises
    ------
    ModelError
        As ``import_onnx``.
    """
    graph = replace(_read_graph(model), layout=layout)
    return translate_nodes(graph, options), lambda: OnnxExecution(graph, model.opset_import)


def _read_graph(model: ModelProto) -> NodeGraph:
    """Read the nodes, the constants and the ends of a model; no node is translated yet."""
    graph = model.graph
    nodes = ordered_nodes(graph)
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
    return NodeGraph(nodes, constants, inputs[0].name, input_shape(inputs[0]),
                     tuple(o.name for o in graph.output), opset,
                     integers=integer_input(inputs[0]))


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

