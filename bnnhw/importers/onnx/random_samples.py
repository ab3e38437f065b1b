"""Draws random samples that reach many levels of a network: noise, low contrast and blocks."""

from __future__ import annotations

import numpy as np

from bnnhw.ir import TensorType

__all__ = ["random_samples"]


def random_samples(type_: TensorType, count: int, seed: int) -> np.ndarray:
    """Draw legal samples of an input.

    Uniform noise alone gives every neuron about the same sum. Therefore a quarter of the samples
    has low contrast around a random level, and a quarter consists of equal blocks; the first two
    samples have the lowest and the highest value everywhere.

    Parameters
    ----------
    type_ : TensorType
    count : int
    seed : int

    Returns
    -------
    int64 [count, *type_.shape]
        As stored: bits are 0 and 1.
    """
    random = np.random.default_rng(seed)
    low, high = type_.element.lo, type_.element.hi
    x = random.integers(low, high + 1, (count, *type_.shape))
    for k in range(2, count):
        if k % 4 == 2:
            level = random.uniform(low, high)
            width = (high - low) / 8 * random.uniform() + 0.5
            noise = np.rint(random.normal(level, width, type_.shape))
            x[k] = np.clip(noise, low, high)
        elif k % 4 == 3:
            x[k] = _blocks(random, type_, low, high)
    x[:1], x[1:2] = low, high
    return x.astype(np.int64)


def _blocks(random: np.random.Generator, type_: TensorType, low: int, high: int) -> np.ndarray:
    """Draw a sample of equal blocks along all axes except the channels."""
    axes = type_.shape[:-1] if len(type_.shape) > 1 else type_.shape
    last = type_.shape[-1:] if len(type_.shape) > 1 else ()
    size = int(random.integers(2, 6))
    small = random.integers(low, high + 1, (*(-(-n // size) for n in axes), *last))
    for axis in range(len(axes)):
        small = np.repeat(small, size, axis=axis)
    return small[tuple(slice(n) for n in axes)]
