"""Builds a Keras model as operations: from its configuration and its weights."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from bnnhw import __version__
from bnnhw.errors import ModelError
from bnnhw.importers.keras.layers.registry import build_layer
from bnnhw.importers.keras.model_config import ModelConfig
from bnnhw.importers.keras.nodes import OPSET, Nodes
from bnnhw.importers.keras.ops.base import Op, Shape
from bnnhw.importers.keras.weights import Weights
from bnnhw.importers.onnx.node_graph import NodeGraph

__all__ = ["KerasExecution", "KerasGraph", "build_graph"]


@dataclass(frozen=True)
class KerasGraph:
    """The operations of a model in topological order.

    Attributes
    ----------
    ops : tuple of Op
    input_name : str
    input_shape : tuple of int
        Without the batch.
    outputs : tuple of str
    """

    ops: tuple[Op, ...]
    input_name: str
    input_shape: Shape
    outputs: tuple[str, ...]

    def run(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Compute all tensors of a batch in float32, in the framework's order of operations."""
        tensors = {self.input_name: np.asarray(x, dtype=np.float32)}
        with np.errstate(all="ignore"):
            for op in self.ops:
                y = op.compute(*(tensors[source] for source in op.sources))
                tensors[op.name] = np.asarray(y, dtype=np.float32)
        return tensors

    def lower(self) -> tuple[NodeGraph, dict[str, str]]:
        """Express the operations as ONNX nodes.

        Returns
        -------
        graph : NodeGraph
        labels : dict of str to str
            The Keras layer of each node, by the node's label in messages.
        """
        nodes = Nodes()
        shapes = {self.input_name: self.input_shape}
        with np.errstate(all="ignore"):
            for op in self.ops:
                found = [shapes[source] for source in op.sources]
                nodes.begin(op.where)
                op.lower(nodes, *found)
                shapes[op.name] = op.out_shape(*found)
        return NodeGraph(nodes.nodes, nodes.constants, self.input_name, (1, *self.input_shape),
                         self.outputs, OPSET, nodes.rounding), nodes.labels


class KerasExecution:
    """Executes the operations in numpy, sharing no code with their translation to integers.

    Parameters
    ----------
    graph : KerasGraph

    Attributes
    ----------
    versions, tensors
        See ``Executor``.
    """

    versions = f"bnnhw's float32 executor of Keras layers {__version__}"

    def __init__(self, graph: KerasGraph) -> None:
        self._graph = graph
        self.tensors: Collection[str] = {op.name for op in graph.ops}

    def run(self, x: np.ndarray, wanted: Collection[str]) -> dict[str, np.ndarray]:
        """Run one sample, and return some of the tensors."""
        found = self._graph.run(x)
        return {name: found[name] for name in wanted}


def build_graph(config: ModelConfig, weights: Weights, keras_2: bool) -> KerasGraph:
    """Build the operations of all layers.

    Raises
    ------
    ModelError
        Names the layer that is not supported, why, and what to change.
    """
    shapes: dict[str, Shape] = {config.input_name: config.input_shape}
    ops: list[Op] = []
    for call in config.calls:
        if not call.sources:
            raise ModelError("reads no tensor", where=call.layer.options.where)
        made, shape = build_layer(call, [shapes[s] for s in call.sources], weights, keras_2)
        ops += made
        shapes[call.tensor] = shape
    return KerasGraph(tuple(ops), config.input_name, config.input_shape, config.outputs)
