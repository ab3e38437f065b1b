"""Decides which differences between two executions of a tensor float32 rounding explains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnnhw.importers.onnx.chain import Chain

__all__ = ["ROUNDING", "beyond_rounding", "is_exact", "moved_values", "tensor_values"]

ROUNDING = 2.0 ** -18
"""Difference of two float32 expressions that counts as rounding, relative to the largest value."""


def tensor_values(chain: Chain, stored: np.ndarray) -> np.ndarray:
    """Return the floats [n, elements] that stored integers stand for, in the tensor's order."""
    values = chain.values_at(stored.reshape(-1, chain.channels)).reshape(len(stored), -1)
    return values[:, chain.index.reshape(-1)].astype(np.float64)


def moved_values(chain: Chain, integers: np.ndarray) -> list[np.ndarray]:
    """Evaluate a chain with rounding of the value before the first node, and of each result."""
    shift = _shift(chain)
    return [chain.values_at(integers, sign * shift) for sign in (-1, 1)] + [
        chain.values_at(integers, None, sign * ROUNDING) for sign in (-1, 1)]


def _shift(chain: Chain) -> np.ndarray:
    """Largest effect of rounding on the value of each channel before the first node."""
    reach = np.maximum(np.abs(chain.slope * chain.start + chain.base),
                       np.abs(chain.slope * chain.stop + chain.base))
    return np.asarray(reach * ROUNDING + (0.0 if chain.error is None else chain.error))


def beyond_rounding(chain: Chain, integers: np.ndarray, value: np.ndarray,
                     expected: np.ndarray) -> np.ndarray:
    """Find the values [n, elements] that differ by more than rounding explains.

    A function that only rises or only falls can have every value between those of both ends of
    the rounding; the levels of a fine quantiser may be closer than that. Other quantised functions
    must have one of these values.
    """
    n, order = len(value), chain.index.reshape(-1)
    candidates, slack = [value], ROUNDING * np.abs(value).max(initial=0.0) + 1e-30
    if not is_exact(chain, integers):
        slack += 0.0 if chain.nodes else float(_shift(chain).max())
        candidates += [v.reshape(n, -1)[:, order].astype(np.float64)
                       for v in moved_values(chain, integers)]
    if chain.quantised and not chain.monotonic:
        return np.all([~(np.abs(expected - c) <= slack) for c in candidates], axis=0)
    return ~((expected >= np.min(candidates, axis=0) - slack)
             & (expected <= np.max(candidates, axis=0) + slack))


def is_exact(chain: Chain, integers: np.ndarray) -> bool:
    """Whether float32 represents these values exactly, so that float64 gives the same ones.

    A value at a decision point, such as a half before rounding, is then not a tie.
    """
    if chain.error is not None or any(len(node.branches) > 1 for node in chain.nodes):
        return False
    first = next((k for k, node in enumerate(chain.nodes) if node.quantised), 0)
    return all(np.array_equal(part.values_at(integers), part.values_at(integers, dtype=np.float64))
               for part in (replace(chain, nodes=chain.nodes[:first]), chain))
