"""Describes a tensor of a model as a function of the integers that a layer stores.

The nodes between two layers are collected in a ``Chain``, which is evaluated at all attainable
integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.importers.onnx.chain_node import ChainNode, run_nodes
from bnnhw.importers.onnx.channel_constants import channel_constants, fitting_constant
from bnnhw.importers.onnx.model_file import node_label
from bnnhw.ir.types import MAX_ELEMENTS, TensorType
from bnnhw.layers.building.fold import FloatType

if TYPE_CHECKING:
    from onnx import NodeProto

__all__ = ["Chain", "merge_chains"]

CHUNK = 1 << 22
"""Values that are evaluated at a time."""

MAX_NODES = 512
"""Maximum number of nodes in a chain."""


@dataclass(frozen=True)
class Chain:
    """The values ``nodes(slope_c * v + base_c)`` for the integers v that a layer stores.

    For -1/+1 bits v is -1 or +1; for all other elements v is the stored integer.

    Attributes
    ----------
    source : str
        Name of the layer, or ``"input"``.
    type : TensorType
        Of the layer's output.
    index : integer array
        In the shape of the model's tensor, batch first: for each element its position in the
        flattened output of the layer.
    start : int64 [C]
    step, count : int
        The attainable integers are ``start_c + step * k`` for k from 0 to count - 1.
    slope, base : float64 [C]
        The model's float at v, before the nodes, is ``slope_c * v + base_c``.
    opset : int
    nodes : tuple of ChainNode
        In their order in the model.
    error : float64 [C] or None
        Largest change of these values by the framework's rounding or by an earlier approximation;
        None where they are exact.
    exact_points : float32 [count] or None
        The model's floats at the attainable integers, where slope and base would round.
    note : str
        Remark that certificates of this chain repeat.
    """

    source: str
    type: TensorType
    index: np.ndarray
    start: np.ndarray
    step: int
    count: int
    slope: np.ndarray
    base: np.ndarray
    opset: int
    nodes: tuple[ChainNode, ...] = ()
    error: np.ndarray | None = None
    exact_points: np.ndarray | None = None
    note: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor in the model, batch first."""
        return self.index.shape

    @property
    def channels(self) -> int:
        return self.type.channels

    @property
    def stop(self) -> np.ndarray:
        """Largest attainable integers: int64 [C]."""
        return np.asarray(self.start + self.step * (self.count - 1))

    @property
    def bipolar(self) -> bool:
        """Whether the layer stores bits that mean -1 and +1."""
        return self.type.element.bipolar

    @property
    def last_label(self) -> str:
        """Name of the last node, for messages."""
        if self.nodes:
            return node_label(self.nodes[-1].node)
        return "input" if self.source == "input" else f"layer '{self.source}'"

    @property
    def quantised(self) -> bool:
        """Whether a quantiser is part of the chain."""
        return any(node.quantised for node in self.nodes)

    @property
    def linear(self) -> bool:
        """Whether all of its nodes only scale and shift."""
        return all(node.linear for node in self.nodes)

    @property
    def monotonic(self) -> bool:
        """Whether its values provably only rise, or only fall, over the integers of a channel."""
        return self.exact_points is None and all(node.monotonic for node in self.nodes)

    @property
    def uniform(self) -> bool:
        """Whether the function is the same for all channels."""
        return all((v == v[0]).all() for v in (self.start, self.slope, self.base)) and \
            (self.error is None or bool((self.error == self.error[0]).all())) and \
            all(node.shared for node in self.nodes)

    def single(self) -> Chain:
        """Return a chain of the first channel alone, to be evaluated."""
        return self.reindexed(TensorType((1,), self.type.element), np.zeros(1, dtype=np.int64))

    def extended(self, node: NodeProto, inputs: Sequence[object]) -> Chain:
        """Append a node whose other inputs are constants, one value or one per channel."""
        return self._with_node(node, inputs, {
            k: () for k, v in enumerate(inputs) if isinstance(v, Chain)})

    def _with_node(self, node: NodeProto, inputs: Sequence[object],
                   branches: dict[int, tuple[ChainNode, ...]]) -> Chain:
        constants = [None if k in branches or v is None else
                     fitting_constant(node, k, np.asarray(v))
                     for k, v in enumerate(inputs)]
        fitted = channel_constants(node, constants, self.index, self.channels)
        added = ChainNode(node, fitted, tuple(branches.items()))
        if added.size + sum(n.size for n in self.nodes) > MAX_NODES:
            raise ModelError(f"follows {MAX_NODES} nodes after the last layer, expected fewer",
                             where=node_label(node))
        return replace(self, nodes=(*self.nodes, added))

    def reindexed(self, type_: TensorType, channels: np.ndarray) -> Chain:
        """Return the same values for other channels: new channel c is the old ``channels[c]``."""
        def pick(value: np.ndarray | None) -> np.ndarray | None:
            if value is None or value.ndim == 0 or len(value) != self.channels:
                return value
            return value[channels]
        nodes = tuple(node.mapped(pick) for node in self.nodes)
        return replace(self, type=type_, start=self.start[channels], slope=self.slope[channels],
                       base=self.base[channels], nodes=nodes, error=pick(self.error))

    def shifts(self) -> list[np.ndarray]:
        """Return offsets that bracket the effect of the framework's rounding."""
        return [] if self.error is None else [-self.error, self.error]

    def parts(self) -> Iterator[slice]:
        """Cut the channels into parts that are evaluated at a time."""
        if self.count * self.channels > MAX_ELEMENTS:
            raise ModelError(f"has {self.count} attainable sums for each of {self.channels} "
                             f"channels, expected at most {MAX_ELEMENTS} in all",
                             where=self.last_label)
        width = max(1, CHUNK // self.count)
        for first in range(0, self.channels, width):
            yield slice(first, min(first + width, self.channels))

    def integers(self, part: slice = slice(None)) -> np.ndarray:
        """Return the attainable integers: int64 [count, channels of the part]."""
        return np.asarray(self.start[part]
                          + self.step * np.arange(self.count, dtype=np.int64)[:, None])

    def evaluate(self, dtype: FloatType, part: slice = slice(None),
                 shift: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Evaluate the chain at all attainable integers in a float type.

        Returns
        -------
        values : float [count, channels of the part]
        ties : int
            Number of values that are exactly at a decision point of the last quantiser.
        """
        wide = self.slope[part] * self.integers(part) + self.base[part]
        if self.exact_points is not None:
            wide = np.repeat(self.exact_points[:, None].astype(np.float64), wide.shape[1], axis=1)
        x = (wide if shift is None else wide + shift[part]).astype(dtype)
        nodes = tuple(node.mapped(lambda c: _part(c, part, self.channels)) for node in self.nodes)
        x, ties = run_nodes(nodes, x, dtype, self.opset)
        if np.isinf(x).any():
            raise ModelError(f"computes infinity at {int(np.isinf(x).sum())} attainable values",
                             where=self.last_label)
        return x.astype(dtype), ties

    def at(self, channels: np.ndarray, positions: np.ndarray, dtype: FloatType = np.float32,
           shift: np.ndarray | None = None) -> tuple[np.ndarray, int]:
        """Evaluate the chain at single attainable integers.

        Parameters
        ----------
        channels, positions : int64 [n]
            Channel of each, and its position k among the attainable integers.
        dtype, shift
            See ``evaluate``.

        Returns
        -------
        values : float [n]
        ties : int
            See ``evaluate``.
        """
        some = self.reindexed(TensorType((len(channels),), self.type.element), channels)
        wide = some.slope * (some.start + self.step * positions) + some.base
        x = (wide if shift is None else wide + shift[channels]).astype(dtype)
        x, ties = run_nodes(some.nodes, x[None], dtype, self.opset)
        if np.isinf(x).any():
            raise ModelError(f"computes infinity at {int(np.isinf(x).sum())} attainable values",
                             where=self.last_label)
        return x[0].astype(dtype), ties

    def values_at(self, stored: np.ndarray, shift: np.ndarray | None = None,
                  jitter: float = 0.0, dtype: FloatType = np.float32) -> np.ndarray:
        """Evaluate the chain at given integers of its layer.

        Parameters
        ----------
        stored : int64 [n, C]
            As the layer stores them: bits are 0 and 1.
        shift : float [C] or None
            Added to the values before the first node; the results are clipped to the attainable
            range, extended by ``error``.
        jitter : float
        dtype : float type
            See ``run_nodes``.

        Returns
        -------
        float array [n, C]
        """
        integers = 2 * stored - 1 if self.bipolar else stored
        if self.exact_points is None:
            x = self.slope * integers + self.base
        else:
            x = self.exact_points[(integers - self.start) // self.step].astype(np.float64)
        if shift is not None:
            ends = [self.slope * end + self.base for end in (self.start, self.stop)]
            error = 0.0 if self.error is None else self.error
            x = np.clip(x + shift, np.minimum(*ends) - error, np.maximum(*ends) + error)
        x = x.astype(dtype)
        return run_nodes(self.nodes, x, dtype, self.opset, jitter)[0].astype(dtype)


def merge_chains(node: NodeProto, inputs: Sequence[object]) -> Chain | None:
    """Append a node that reads several chains of the same integers, such as ``x * sigmoid(x)``.

    Returns
    -------
    Chain or None
        None where the chains begin at different layers, or order the elements differently.
    """
    chains = [v for v in inputs if isinstance(v, Chain)]
    first = chains[0]
    if not all(_same_integers(first, other) for other in chains[1:]):
        return None
    common = 0
    while all(len(c.nodes) > common and c.nodes[common] is first.nodes[common] for c in chains):
        common += 1
    root = replace(first, nodes=first.nodes[:common])
    branches = {k: v.nodes[common:] for k, v in enumerate(inputs) if isinstance(v, Chain)}
    return root._with_node(node, inputs, branches)


def _same_integers(one: Chain, other: Chain) -> bool:
    """Whether two chains are functions of the same integers, element by element."""
    pairs = ((one.index, other.index), (one.start, other.start), (one.slope, other.slope),
             (one.base, other.base), (one.error, other.error),
             (one.exact_points, other.exact_points))
    return (one.source, one.type, one.step, one.count) == \
        (other.source, other.type, other.step, other.count) and \
        all(a is b or (a is not None and b is not None and np.array_equal(a, b))
            for a, b in pairs)


def _part(constant: np.ndarray | None, part: slice, channels: int) -> np.ndarray | None:
    """Return the constants of some channels."""
    if constant is None:
        return None
    several = constant.ndim > 0 and len(constant) == channels and channels > 1
    return constant[part] if several else constant
