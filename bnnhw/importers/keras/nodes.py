"""Collects the ONNX nodes that stand for the operations of a Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bnnhw.importers.onnx.model_file import node_label, onnx_module
from bnnhw.importers.onnx.rounding import Rounding

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["OPSET", "Nodes"]

OPSET = 17
"""Version of ONNX's default operator set."""

QONNX = "qonnx.custom_op.general"


class Nodes:
    """ONNX nodes in topological order, and their constants.

    Attributes
    ----------
    nodes : list of NodeProto
    constants : dict of str to array
    rounding : dict of str to Rounding
        Tensors whose values in the framework differ from those of their nodes.
    labels : dict of str to str
        What a message calls each node: its Keras layer.
    """

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.rounding: dict[str, Rounding] = {}
        self.labels: dict[str, str] = {}
        self._where = ""

    def round(self, tensor: str, rounding: Rounding) -> None:
        """State how the framework's values of a tensor differ from those of its nodes."""
        if not rounding.exact:
            self.rounding[tensor] = rounding

    def begin(self, where: str) -> None:
        """Name the layer that the next nodes belong to."""
        self._where = where

    def add(self, operator: str, *inputs: str, output: str = "", name: str = "",
            attributes: dict[str, object] | None = None, **more: object) -> str:
        """Append a node and return its output, which gets a new name unless one is given.

        Attributes of the node are keywords or, where a dictionary has them, ``attributes``.
        """
        output = output or f"node:{len(self.nodes)}"
        domain = QONNX if operator in ("BipolarQuant", "MultiThreshold") else ""
        node = onnx_module().helper.make_node(operator, list(inputs), [output],
                                              name=name or output, domain=domain,
                                              **(attributes or {}), **more)
        self.nodes.append(node)
        self.labels[node_label(node)] = self._where
        return output

    def constant(self, value: np.ndarray | np.float32 | float) -> str:
        """Add a constant, numbers as float32, and return its name."""
        array = np.asarray(value)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = f"constant:{len(self.constants)}"
        self.constants[name] = array
        return name

    def ternary(self, x: str, threshold: float, output: str = "") -> str:
        """Add -1 where x is at most minus a threshold, +1 where it is at least that, and else 0."""
        high = np.float32(max(threshold, 0.0))
        low = np.nextafter(-high, np.float32(np.inf))  # x > -t, where the operator compares >=
        return self.add("MultiThreshold", x, self.constant(np.array([[low, high]])), output=output,
                        out_bias=-1.0)
