"""Finds the integers at which a monotonic chain changes, without evaluating it at all of them.

The sums of weights and activations of several bits have millions of attainable values. If all
nodes of a chain only rise or only fall (``Chain.monotonic``), so does the chain, also with its
rounding; equal values at two integers are then the values at all integers between them. Bisection
thus finds the same changes as the evaluation of every integer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.importers.onnx.chain import Chain
from bnnhw.layers.building.fold import FloatType

__all__ = ["Changes", "find_changes", "searchable"]

SEARCH_FROM = 1 << 20
"""Number of attainable values of all channels from which monotonic chains are searched."""


@dataclass(frozen=True)
class Changes:
    """Where the value of each channel changes, in no particular order.

    Attributes
    ----------
    first : float [C]
        Value of each channel at its lowest integer.
    channels, positions : int64 [n]
        Channel of each change, and the position of the first integer with the value after it.
    before, after : float [n]
    ties : int
        Number of changes next to which a value is exactly at a decision point of the quantiser.
    """

    first: np.ndarray
    channels: np.ndarray
    positions: np.ndarray
    before: np.ndarray
    after: np.ndarray
    ties: int

    def levels(self) -> list[np.ndarray]:
        """Return the distinct values of each channel, sorted."""
        order = np.argsort(self.channels, kind="stable")
        ends = np.searchsorted(self.channels[order], np.arange(len(self.first) + 1))
        return [np.unique(np.append(self.after[order[ends[c]:ends[c + 1]]], value))
                for c, value in enumerate(self.first)]


def searchable(chain: Chain) -> bool:
    """Whether a chain has many attainable values, and a search finds all changes of its value."""
    return chain.count * chain.channels >= SEARCH_FROM and chain.monotonic


def find_changes(chain: Chain, most: int, dtype: FloatType = np.float32,
                 shift: np.ndarray | None = None) -> Changes | None:
    """Find all changes of a monotonic chain by bisection.

    Parameters
    ----------
    chain : Chain
    most : int
        Maximum number of changes of a channel.
    dtype, shift
        See ``Chain.evaluate``.

    Returns
    -------
    Changes or None
        None where a channel changes more often.
    """
    every = np.arange(chain.channels)
    spans = np.stack([every, 0 * every, 0 * every + chain.count - 1])  # channel, low, high
    ends = np.stack([chain.at(every, k, dtype, shift)[0] for k in spans[1:]])
    first = ends[0]
    done_spans, done_ends = [spans[:, :0]], [ends[:, :0]]
    count = np.zeros(chain.channels, dtype=np.int64)
    while spans.size:
        spans, ends = (part[:, ends[0] != ends[1]] for part in (spans, ends))
        if (count + np.bincount(spans[0], minlength=chain.channels) > most).any():
            return None
        done = spans[2] - spans[1] == 1
        done_spans.append(spans[:, done])
        done_ends.append(ends[:, done])
        count += np.bincount(spans[0, done], minlength=chain.channels)
        (channels, low, high), (before, after) = spans[:, ~done], ends[:, ~done]
        middle = (low + high) // 2
        value = chain.at(channels, middle, dtype, shift)[0] if len(channels) else before
        spans = np.concatenate([[channels, low, middle], [channels, middle, high]], axis=1)
        ends = np.concatenate([[before, value], [value, after]], axis=1)
    channels, low, high = np.concatenate(done_spans, axis=1)
    before, after = np.concatenate(done_ends, axis=1)
    ties = sum(chain.at(channels, k, dtype, shift)[1] for k in (low, high)) if len(low) else 0
    return Changes(first, channels, high, before, after, ties)
