"""Rewrites FINN's and QONNX's nodes of maps with the channels last as standard nodes.

The domain ``qonnx.custom_op.channels_last`` has ``Conv``, ``MaxPool`` and ``BatchNormalization``
whose first input is [1, H, W, C] and whose kernels are [out, rows, columns, in]. ``MaxPoolNHWC``
and ``QuantAvgPool2d`` belong to QONNX's general domain. Only the translation reads the rewritten
nodes; the comparison with the package qonnx executes the nodes of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.model_file import attributes, node_label, onnx_module

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["CHANNELS_LAST", "CHANNELS_LAST_OPERATORS", "MAP_OPERATORS", "Rewritten",
           "is_rewritten", "reads_channels_last", "rewrite"]

CHANNELS_LAST = "qonnx.custom_op.channels_last"

CHANNELS_LAST_OPERATORS = frozenset({"Conv", "MaxPool", "BatchNormalization"})
"""Operators of the domain ``CHANNELS_LAST``."""

MAP_OPERATORS = frozenset({"MaxPoolNHWC", "QuantAvgPool2d"})
"""Operators of QONNX's general domain that are rewritten."""


def is_rewritten(node: NodeProto) -> bool:
    """Whether ``rewrite`` replaces a node."""
    return node.domain == CHANNELS_LAST or node.op_type in MAP_OPERATORS


def reads_channels_last(node: NodeProto) -> bool:
    """Whether a node of these operators reads a map whose channels are the last axis."""
    if node.op_type == "QuantAvgPool2d":
        return str(attributes(node).get("data_layout", "NCHW")) == "NHWC"
    return is_rewritten(node)


@dataclass
class Rewritten:
    """Standard nodes, and the constants that they read.

    Attributes
    ----------
    nodes : list of NodeProto
        The last one has the outputs of the node that is replaced.
    constants : dict of str to array
    """

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)


def rewrite(node: NodeProto, rank: int) -> Rewritten:
    """Return the standard nodes that compute the same as a node of these operators.

    Parameters
    ----------
    node : NodeProto
    rank : int
        Number of axes of its first input.
    """
    if rank < 3 and node.op_type != "BatchNormalization":
        raise ModelError(f"reads a tensor of {rank} axes, expected a map", where=node_label(node))
    made = _Rewriter(node)
    to_first, to_last = [0, rank - 1, *range(1, rank - 1)], [0, *range(2, rank), 1]
    last = reads_channels_last(node) and rank > 2
    source, *others = node.input
    current = made.add("Transpose", [source], perm=to_first) if last else source
    if node.op_type == "QuantAvgPool2d":
        current = _average(made, current)
    else:
        if node.op_type == "Conv" and others:
            others[0] = made.add("Transpose", [others[0]], perm=to_first)
        name = node.op_type.removesuffix("NHWC")
        current = made.add(name, [current, *others], node.attribute)
    if last:
        made.add("Transpose", [current], perm=to_last)
    made.found.nodes[-1].output[0] = node.output[0]
    return made.found


class _Rewriter:
    """Appends nodes, with the name of the node that they replace."""

    def __init__(self, node: NodeProto) -> None:
        self.node = node
        self.found = Rewritten()

    def constant(self, value: float) -> str:
        name = f"{self.node.output[0]}/constant{len(self.found.constants)}"
        self.found.constants[name] = np.array(value, dtype=np.float32)
        return name

    def add(self, operator: str, inputs: list[str], given: Any = (), **options: Any) -> str:
        """Append a node with the attributes of another node, and return its output."""
        output = f"{self.node.output[0]}/part{len(self.found.nodes)}"
        made = onnx_module().helper.make_node(operator, inputs, [output],
                                              name=self.node.name or self.node.output[0],
                                              **options)
        made.attribute.extend(given)
        self.found.nodes.append(made)
        return output


def _average(made: _Rewriter, source: str) -> str:
    """Add the nodes of a ``QuantAvgPool2d``: the sum of each window without its lowest bits."""
    options = attributes(made.node)
    kernel, stride, *bits = (int(options.get(key, 1))
                             for key in ("kernel", "stride", "ibits", "obits"))
    largest = ((1 << bits[0]) - 1) * kernel * kernel
    shift = max(0, largest.bit_length() - bits[1])
    current = made.add("AveragePool", [source], kernel_shape=[kernel, kernel],
                       strides=[stride, stride])
    current = made.add("Mul", [current, made.constant(kernel * kernel)])
    current = made.add("Round", [current])
    current = made.add("Mul", [current, made.constant(2.0 ** -shift)])
    return made.add("Floor", [current])
