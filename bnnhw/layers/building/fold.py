"""Folds batch-norm and sign into one integer threshold per channel, with a certificate.

No threshold is ever computed by division. The framework's own expression is evaluated at every
accumulator value that a channel can reach, and the threshold is read off where its bit changes.
This evaluation also proves that the fold is exact. The identity is that of FINN (FPGA'17).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError
from bnnhw.ir.certificate import Certificate

__all__ = ["FloatType", "Fold", "batch_norm", "certify", "fold_table"]

FloatType = type[np.floating]
"""A float type in which an expression is evaluated."""


@dataclass(frozen=True)
class Fold:
    """Thresholds of a layer: ``bit = [popcount >= T]`` after some rows are complemented.

    Attributes
    ----------
    thresholds : int64 [out]
        0..N + 1; the ends are constants.
    complemented : bool [out]
        The expression falls with the popcount; the row of weights must be inverted.
    constant : bool [out]
        The bit never changes.
    """

    thresholds: np.ndarray
    complemented: np.ndarray
    constant: np.ndarray

    def apply(self, weights: np.ndarray) -> np.ndarray:
        """Complement the rows of ``weights`` (0/1, [out, in]) whose expression falls."""
        return weights ^ self.complemented[:, None].astype(np.uint8)

    def differs(self, other: Fold) -> np.ndarray:
        """Mark the channels for which another fold of the same layer decides differently."""
        return np.asarray((self.thresholds != other.thresholds)
                          | (self.complemented != other.complemented))


def fold_table(bits: np.ndarray, layer: str) -> Fold:
    """Find the thresholds of expressions from their bits at every popcount.

    Parameters
    ----------
    bits : bool [N + 1, out]
        The channel's bit at popcount 0 to N.
    layer : str
        Name of the layer, for the error.

    Raises
    ------
    ModelError
        A channel changes its bit more than once, so that no threshold describes it.
    """
    steps = np.diff(bits.astype(np.int8), axis=0)
    rising = np.asarray((steps > 0).any(axis=0))
    falling = np.asarray((steps < 0).any(axis=0))
    changes = np.abs(steps).sum(axis=0)
    if (changes > 1).any():
        channel = int(np.argmax(changes > 1))
        raise ModelError(f"channel {channel} changes its bit {int(changes[channel])} times over "
                         "the accumulator's range, so no threshold describes it",
                         where=f"layer '{layer}'",
                         hint="train with a function that only rises or only falls before the sign")
    thresholds = len(bits) - bits.sum(axis=0, dtype=np.int64)
    return Fold(thresholds, falling, ~(rising | falling))


def batch_norm(gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray,
               eps: float, strict: bool, bias: np.ndarray | None = None,
               ) -> Callable[[np.ndarray, FloatType], tuple[np.ndarray, np.ndarray]]:
    """Make the expression ``gamma * ((x + bias) - mean) / sqrt(var + eps) + beta`` and its sign.

    Returns
    -------
    function of (accumulators [points, out], float type)
        Gives (values, bits); ``strict`` chooses ``> 0`` over ``>= 0``.
    """
    def evaluate(x: np.ndarray, dtype: FloatType) -> tuple[np.ndarray, np.ndarray]:
        g, b, m, v = (a.astype(dtype) for a in (gamma, beta, mean, var))
        acc = x.astype(dtype)
        if bias is not None:
            acc = acc + bias.astype(dtype)
        y = g * (acc - m) / np.sqrt(v + dtype(eps)) + b
        return y, (y > 0 if strict else y >= 0)
    return evaluate


def certify(layer: str, method: str, fold: Fold, points: int, ties: int, rounding: np.ndarray,
            order: np.ndarray | None = None) -> Certificate:
    """Make the certificate of a fold; ``rounding`` and ``order`` mark channels."""
    return Certificate(layer, method, len(fold.thresholds), points, int(fold.complemented.sum()),
                       int(fold.constant.sum()), ties, int(rounding.sum()),
                       0 if order is None else int(order.sum()))
