"""Imports a graph of ONNX nodes: from an ONNX file, or from a framework whose layers became nodes.

An importer of another format expresses its layers as ONNX nodes, and has a separate executor
that computes the same tensors. Thresholds, sums, layouts and the comparison are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.base import Check, ImportOptions
from bnnhw.importers.network import Network
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.check import Executor, check_import
from bnnhw.importers.onnx.imported import Imported
from bnnhw.importers.onnx.input_layout import first_map_view, given_view
from bnnhw.importers.onnx.layer_list import LayerList, free_name
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.importers.onnx.model_input import input_chain
from bnnhw.importers.onnx.model_outputs import add_output
from bnnhw.importers.onnx.rounding import Rounding
from bnnhw.importers.onnx.tail import Tail
from bnnhw.importers.onnx.translation import Translation
from bnnhw.ir import Graph
from bnnhw.passes.fuse_thresholds import fuse_thresholds

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["NodeGraph", "check_nodes", "import_nodes", "translate_nodes"]


@dataclass(frozen=True)
class NodeGraph:
    """A model as ONNX nodes.

    Attributes
    ----------
    nodes : sequence of NodeProto
        In topological order.
    constants : dict of str to array
        The parameters, by tensor name.
    input_name : str
    input_shape : tuple of int
        Batch first; the batch is one.
    outputs : tuple of str
        Tensor names.
    opset : int
        Version of the default operator set.
    rounding : dict of str to Rounding
        Tensors whose values in the framework differ from those of their nodes.
    integers : str or None
        Type of the input, such as ``uint8``, if the model reads integers; None for float32.
    layout : str or None
        Order of the axes of the input, ``NCHW`` or ``NHWC``; None to find it from the first layer
        that works on maps.
    """

    nodes: Sequence[NodeProto]
    constants: dict[str, np.ndarray]
    input_name: str
    input_shape: tuple[int, ...]
    outputs: tuple[str, ...]
    opset: int
    rounding: dict[str, Rounding] = field(default_factory=dict)
    integers: str | None = None
    layout: str | None = None


def import_nodes(model: NodeGraph, options: ImportOptions,
                 executor: Callable[[], Executor]) -> Network:
    """Translate all nodes, fuse thresholds, and compare the result with an execution of the model.

    Parameters
    ----------
    model : NodeGraph
    options : ImportOptions
        With the name of the network.
    executor : function
        Makes the independent executor; called only where a comparison is wanted.

    Raises
    ------
    ModelError
        Names the node that cannot be imported, why, and what to change; or the first tensor in
        which the import differs from the independent execution.
    ToolError
        A package that the executor needs is not installed.
    """
    made = translate_nodes(model, options)
    if options.check is None:
        return made.network
    return check_nodes(made, executor(), options.check).network


def check_nodes(made: Imported, executor: Executor, check: Check) -> Imported:
    """Compare an import with an execution of its model; see ``import_nodes``."""
    network = made.network
    result = check_import(executor, made.translation, made.start, network.graph, check)
    return replace(made, network=replace(network, check=result.to_json()))


def translate_nodes(model: NodeGraph, options: ImportOptions) -> Imported:
    """Translate all nodes and fuse thresholds, without the comparison; see ``import_nodes``."""
    view = given_view(model.input_shape, model.layout) if model.layout else first_map_view(
        model.nodes, model.constants, model.input_name, model.input_shape, model.opset)
    kind, pixel_range = (options.input_type, options.pixel_range) if model.integers is None \
        else (model.integers, None)
    start = input_chain(model.input_shape, view, kind, pixel_range, model.opset)
    translation = Translation(LayerList(model.opset), {**model.constants,
                                                       model.input_name: start})
    for node in model.nodes:
        try:
            translation.visit(node)
            if node.output[0] in model.rounding:
                translation.round(node, model.rounding[node.output[0]])
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise ModelError("has inputs or attributes that its operator does not allow "
                             f"({error})", where=node_label(node)) from error
    return _finish(model, translation, start, options)


def _finish(model: NodeGraph, translation: Translation, start: Chain,
            options: ImportOptions) -> Imported:
    """Add the outputs, and fuse the layers into the Graph."""
    layers = translation.layers
    several = len(model.outputs) > 1
    for output in model.outputs:
        value = translation.values.get(output)
        where = f"output '{output}'"
        if isinstance(value, np.ndarray) or value is None:
            raise ModelError("does not depend on the input through quantised weights", where=where)
        if not isinstance(value, (Chain, Tail)):
            raise ModelError("is the result of a Pad node, expected a Conv after it", where=where)
        names = [name for end in translation.outputs for name, _ in end.outputs]
        used = {n for name in names for n in (name, f"{name}_label")}
        name_here = free_name(layers.name(output, "out"), used) if several else None
        translation.outputs.append(add_output(layers, value, output, name_here, options.argmax))
    raw = Graph(options.name, start.type, tuple(layers.layers), tuple(
        pair for output in translation.outputs for pair in output.outputs))
    graph, fused = fuse_thresholds(raw)
    names_left = {layer.name for layer in graph.layers}
    certificates = (replace(c, layer=fused.get(c.layer, c.layer)) for c in layers.certificates)
    scores = layers.scores[0].to_json() if layers.scores else None
    network = Network(graph, {}, tuple(c for c in certificates if c.layer in names_left), scores,
                      tuple(layers.notes))
    return Imported(start, translation, fused, network)
