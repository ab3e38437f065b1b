"""Finds the integers and the scales of quantised weights.

A row of weights is ``scale * value`` with integer values. Where a quantiser of the model computed
the weights, its scale is known; otherwise the largest scale is searched of which all weights are
multiples, apart from float rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError

__all__ = ["IntegerWeights", "integer_weights"]

MAX_VALUE = 255
"""Largest magnitude that is searched for: 8 bits with any zero point."""

MAX_KNOWN = (1 << 16) - 1
"""Largest magnitude if the scale is known: 16 bits with any zero point."""

TOLERANCE = 2.0 ** -22
"""Maximum distance of a weight from a multiple of its scale, relative to the largest weight."""


@dataclass(frozen=True)
class IntegerWeights:
    """Weights ``scales_o * values_oi``.

    Attributes
    ----------
    values : int64 [out, in]
    scales : float64 [out]
        Positive.
    residual : float64 [out]
        Sum of the magnitudes of what rounding left in a row; 0 where float32 products of values
        and scales equal the weights.
    """

    values: np.ndarray
    scales: np.ndarray
    residual: np.ndarray

    @property
    def one_bit(self) -> bool:
        """Whether all values are -1 and +1."""
        return bool((np.abs(self.values) == 1).all())


def integer_weights(weights: np.ndarray, steps: np.ndarray | None, label: str) -> IntegerWeights:
    """Find integers and scales of a float32 matrix [out, in].

    Parameters
    ----------
    weights : float32 [out, in]
    steps : float array [out, in] or None
        Scale of the quantiser that computed each weight, where it is known.
    label : str
        Node, for messages.

    Raises
    ------
    ModelError
        The weights are not multiples of a scale for each row.
    """
    if weights.dtype != np.float32:
        raise ModelError(f"has weights of type {weights.dtype}, expected float32", where=label,
                         hint="export the model in float32")
    sizes = np.abs(weights)
    largest = sizes.max(axis=1)
    if not largest.any():
        raise ModelError("has weights that are all 0, so that it computes nothing", where=label,
                         hint="export trained weights, or remove the layer")
    # Rows of -s, +s and perhaps 0, with any scales, are found before common scales of all rows:
    # scales such as 1 and 2 are no reason for more than one bit.
    if ((sizes == 0) | (sizes == largest[:, None])).all():
        ones = np.where(largest > 0, largest, np.float32(1))
        return _checked(weights, np.sign(weights), ones.astype(np.float64))
    _reject_nearly_binary(sizes, label)
    found = None if steps is None else _known(weights, steps)
    if found is None:
        found = _searched(weights)
    if found is None:
        raise _without_steps(sizes, label)
    return found


def _known(weights: np.ndarray, steps: np.ndarray) -> IntegerWeights | None:
    """Use the scales of a quantiser, if each row has one; a common factor of all values is kept out
    of them."""
    scales = np.abs(steps[:, 0]).astype(np.float64)
    if not (np.abs(steps) == scales[:, None]).all() or not (scales > 0).all():
        return None
    exact = weights / scales[:, None]
    values = np.rint(exact)
    if np.abs(values).max() > MAX_KNOWN or (
            np.abs(exact - values) * scales[:, None]
            > TOLERANCE * np.abs(weights).max(axis=1, keepdims=True)).any():
        return None
    common = int(np.gcd.reduce(np.abs(values).astype(np.int64), axis=None))
    return _checked(weights, values / common, scales * common)


def _searched(weights: np.ndarray) -> IntegerWeights | None:
    """Search one scale for all rows, and one for each; choose the smaller integers."""
    together = _step(np.unique(np.abs(weights)))
    rows = [_step(np.unique(np.abs(row))) for row in weights]
    options = []
    if together is not None:
        options.append(np.full(len(weights), together))
    if all(step is not None for step in rows):
        options.append(np.array(rows, dtype=np.float64))
    found = [_checked(weights, np.rint(weights / scales[:, None]), scales) for scales in options]
    return min(found, key=lambda one: int(np.abs(one.values).max()), default=None)


def _step(sizes: np.ndarray) -> float | None:
    """Find the largest number of which sorted float32 magnitudes are multiples, or None."""
    sizes = sizes[sizes > 0]
    if not len(sizes):
        return 1.0
    if len(sizes) > MAX_VALUE:
        return None
    wide = sizes.astype(np.float64)
    for part in range(1, MAX_VALUE + 1):
        count = round(wide[-1] / wide[0] * part)
        if count > MAX_VALUE:
            return None
        step = wide[-1] / count
        values = np.rint(wide / step)
        if np.abs(wide - values * step).max() <= TOLERANCE * wide[-1]:
            return _refined(sizes, values, step)
    return None


def _refined(sizes: np.ndarray, values: np.ndarray, step: float) -> float:
    """Return a float32 scale with which the products are exactly the weights, if there is one."""
    near = np.float32(step)
    candidates = [near, *(np.nextafter(near, np.float32(end)) for end in (0.0, np.inf))]
    for scale in candidates:
        if (values.astype(np.float32) * scale == sizes).all():
            return float(scale)
    return step


def _checked(weights: np.ndarray, values: np.ndarray, scales: np.ndarray) -> IntegerWeights:
    """Collect integers and scales, and measure what they leave of the weights."""
    products = values.astype(np.float32) * scales.astype(np.float32)[:, None]
    residual = np.abs(weights - values * scales[:, None]).sum(axis=1)
    exact = (products == weights).all(axis=1)
    return IntegerWeights(values.astype(np.int64), scales, np.where(exact, 0.0, residual))


def _reject_nearly_binary(sizes: np.ndarray, label: str) -> None:
    largest = sizes.max(axis=1, keepdims=True)
    if (np.abs(sizes - largest) <= largest * 1e-5).all():
        raise ModelError("has weights that are +s and -s in each row except for float rounding",
                         where=label, hint="export the sign itself, without a straight-through "
                         "expression such as (sign - w).detach() + w around it")
    small = largest * 1e-5
    if ((sizes <= small) | (np.abs(sizes - largest) <= small)).all():
        raise ModelError("has weights that are +s, 0 and -s in each row except for float rounding",
                         where=label, hint="export the quantised weights themselves, without a "
                         "straight-through expression such as (q - w).detach() + w around them")


def _without_steps(sizes: np.ndarray, label: str) -> ModelError:
    """Describe weights that are no multiples of a scale."""
    different = max(len(np.unique(row)) for row in sizes)
    return ModelError(f"has real weights, up to {different} magnitudes in a row that are not in "
                      "equal steps from 0; expected integers of at most 8 bits times one scale for "
                      "each row", where=label,
                      hint="train with quantised weights: BipolarQuant, Quant or QuantizeLinear "
                      "with one scale per tensor or per output channel, or "
                      "torch.where(w >= 0, 1.0, -1.0)")
