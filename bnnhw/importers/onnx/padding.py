"""Translates Pad nodes, whose padding becomes part of the convolution after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.chain_node import run_nodes
from bnnhw.importers.onnx.model_file import attributes, node_label

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Padded", "padded", "through_padding", "transposed_padding"]


@dataclass(frozen=True)
class Padded:
    """A tensor after a Pad node.

    Attributes
    ----------
    chain : Chain
        The tensor before the node.
    starts, ends : tuple of int
        Number of elements added at both ends of each axis of the tensor, batch first.
    value : float64 [C]
        The padding value for each channel of the chain's layer.
    """

    chain: Chain
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    value: np.ndarray

    def of_window(self, label: str) -> tuple[int, ...]:
        """Return the padding of rows and columns of a tensor [1, C, H, W]: starts, then ends."""
        if any(self.starts[:2]) or any(self.ends[:2]):
            raise ModelError(f"reads a tensor that is padded by {list(self.starts)} and "
                             f"{list(self.ends)}, but the batch and the channels cannot be padded",
                             where=label)
        return (*self.starts[2:], *self.ends[2:])


def padded(node: NodeProto, chain: Chain | Padded, inputs: Sequence[object]) -> Chain | Padded:
    """Translate a Pad node of mode constant."""
    label, options = node_label(node), attributes(node)
    if isinstance(chain, Padded):
        raise ModelError("pads a tensor that another Pad node has padded", where=label)
    mode = options.get("mode", "constant")
    if mode != "constant":
        raise ModelError(f"has mode {mode}, expected constant", where=label)
    rank = len(chain.shape)
    given = inputs[1] if len(inputs) > 1 else options.get("pads")
    value = inputs[2] if len(inputs) > 2 else options.get("value", 0.0)
    axes = inputs[3] if len(inputs) > 3 else None
    if given is None or any(isinstance(v, Chain) for v in (given, value, axes)):
        raise ModelError("expected constant pads and a constant value", where=label)
    padding_value = np.asarray(0.0 if value is None else value)
    numbers = [int(p) for p in np.ravel(np.asarray(given))]
    named = list(range(rank)) if axes is None else [
        int(a) % rank for a in np.ravel(np.asarray(axes))]
    if len(numbers) != 2 * len(named) or padding_value.size != 1 or min(numbers, default=0) < 0:
        raise ModelError(f"has pads {numbers} for {len(named)} axes, expected two for each, none "
                         "negative, and one value", where=label)
    starts, ends = [0] * rank, [0] * rank
    for k, axis in enumerate(named):
        starts[axis], ends[axis] = numbers[k], numbers[len(named) + k]
    if not any(starts) and not any(ends):
        return chain
    return Padded(chain, tuple(starts), tuple(ends),
                  np.full(chain.channels, float(padding_value.reshape(-1)[0])))


def transposed_padding(node: NodeProto, source: Padded, moved: Chain) -> Padded:
    """Apply a Transpose to the padding of a tensor, as models from TensorFlow need it."""
    rank = len(source.starts)
    order = [int(a) % rank for a in attributes(node).get("perm", range(rank)[::-1])]
    return Padded(moved, tuple(source.starts[a] for a in order),
                  tuple(source.ends[a] for a in order), source.value)


def through_padding(node: NodeProto, source: Padded, extended: Chain) -> Padded:
    """Apply an elementwise node, such as a quantiser after a padding layer, to the pad value."""
    one = source.value.astype(np.float32)[None]
    found, _ = run_nodes(extended.nodes[-1:], one, np.float32, extended.opset)
    return replace(source, chain=extended, value=found[0].astype(np.float64))
