"""Recognises the last nodes of a classifier (softmax, argmax, top-1), which need no layers.

The hardware outputs integer scores in the order of the model's scores, and the index of the
largest. Nodes that keep the order (softmax) or compute that index (argmax) are already covered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.model_file import attributes, node_label
from bnnhw.importers.onnx.operators import PASS_THROUGH

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["TAILS", "Tail", "end_with", "follow_tail"]

TAILS = frozenset({"Softmax", "LogSoftmax", "ArgMax", "TopK"})

AFTER = PASS_THROUGH | {"Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose"}
"""Operators that may follow: they change neither order nor index."""


@dataclass(frozen=True)
class Tail:
    """The result of a tail node, and the scores that it reads.

    Attributes
    ----------
    chain : Chain
        The scores before the node.
    node : NodeProto
        The first node of the tail, for messages.
    label : bool
        True for the index of the largest score; False for numbers in the order of the scores.
    """

    chain: Chain
    node: NodeProto
    label: bool


def end_with(node: NodeProto, source: Chain | Tail, inputs: Sequence[object]) -> dict[str, Tail]:
    """Translate a tail node, and return its outputs by name.

    Raises
    ------
    ModelError
        It computes something else than the index or the order of one vector of scores.
    """
    label, chain = node_label(node), source if isinstance(source, Chain) else source.chain
    if isinstance(source, Tail) and (source.label or node.op_type not in ("ArgMax", "TopK")):
        raise ModelError(f"reads the result of {node_label(source.node)}", where=label,
                         hint="remove it from the model: the hardware outputs the scores and "
                         "the label")
    _check_axis(node, chain)
    if node.op_type == "TopK":
        return _top(node, chain, inputs)
    options = attributes(node)
    if node.op_type == "ArgMax" and options.get("select_last_index"):
        raise ModelError("returns the last of equal scores (select_last_index), but the label "
                         "is the first of them", where=label, hint="remove it from the model: the "
                         "hardware outputs the scores and the label")
    return {node.output[0]: Tail(chain, node, node.op_type == "ArgMax")}


def _check_axis(node: NodeProto, chain: Chain) -> None:
    """Check that a node works along the only axis that is longer than one."""
    rank = len(chain.shape)
    default = {"ArgMax": 0, "TopK": -1}.get(node.op_type, -1 if chain.opset >= 13 else 1)
    axis = int(attributes(node).get("axis", default))
    long = [k for k, n in enumerate(chain.shape) if n > 1]
    flattens = node.op_type in ("Softmax", "LogSoftmax") and chain.opset < 13
    works = -rank <= axis < rank and (
        [axis % rank] == long or (flattens and len(long) == 1 and axis % rank <= long[0]))
    if not works:
        raise ModelError(f"works along axis {axis} of a tensor of shape {list(chain.shape)}, "
                         "expected the classes of a vector of scores", where=node_label(node),
                         hint=f"remove the {node.op_type} from the model and apply it to the "
                         "scores of the hardware")


def _top(node: NodeProto, chain: Chain, inputs: Sequence[object]) -> dict[str, Tail]:
    count = inputs[1] if len(inputs) > 1 else attributes(node).get("k")
    if not isinstance(count, (int, np.ndarray)) or np.ravel(count).tolist() != [1] or \
            not attributes(node).get("largest", 1):
        raise ModelError("returns several classes or the smallest score, expected k = 1 and "
                         "the largest", where=node_label(node),
                         hint="remove the TopK from the model and sort the scores of the hardware")
    return {node.output[1]: Tail(chain, node, True)} if len(node.output) > 1 else {}


def follow_tail(node: NodeProto, tail: Tail) -> Tail:
    """Pass a tail's value through a node that keeps it; all others are rejected."""
    if node.op_type not in AFTER:
        raise ModelError(f"reads the result of {node_label(tail.node)}", where=node_label(node),
                         hint=f"end the model with the {tail.node.op_type}, or remove both")
    return tail
