"""Folds the batch-norm and sign of an item, by evaluating them at every attainable sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.config.arrays import Arrays
from bnnhw.config.items import SignItem
from bnnhw.errors import ConfigError
from bnnhw.ir.certificate import Certificate
from bnnhw.ir.types import Element
from bnnhw.layers.building.fold import Fold, batch_norm, certify, fold_table
from bnnhw.layers.weight_planes import WeightPlanes

__all__ = ["Reach", "fold_signs", "reach"]

CHUNK = 1 << 21
"""Number of expressions that are evaluated at once."""

MAX_POINTS = 1 << 24
"""Maximum number of sums of a row; beyond it float32 does not distinguish neighbours."""

MAX_WORK = 1 << 29
"""Maximum number of expressions of a layer."""


@dataclass(frozen=True)
class Reach:
    """The values that each channel can reach: ``low + step * k`` for ``k = 0 .. points - 1``.

    Attributes
    ----------
    low : int64 [out]
    step, points : int
    """

    low: np.ndarray
    step: int
    points: int

    @property
    def high(self) -> np.ndarray:
        return np.asarray(self.low + self.step * (self.points - 1))

    def start(self, complemented: np.ndarray) -> np.ndarray:
        """Lowest sum once some rows are complemented, which turns a sum s into -s."""
        return np.where(complemented, -self.high, self.low)


def reach(planes: WeightPlanes, element: Element, absent: bool) -> Reach:
    """Determine the sums of products that each row can reach, and with them possibly others.

    Every sum of a row is one of its numbers; rows with fewer sums than the longest have others
    above. With ``absent`` products (exact zeros outside the map) sums of -1/+1 bits are all
    integers of a range; otherwise two of them differ by an even number.
    """
    values = planes.values()
    lowest, highest = (-1, 1) if element.bipolar else (element.lo, element.hi)
    positive, negative = np.maximum(values, 0).sum(axis=1), np.minimum(values, 0).sum(axis=1)
    low = lowest * positive + highest * negative
    high = highest * positive + lowest * negative
    step = 2 if element.bipolar and not absent else 1
    return Reach(low, step, int((high - low).max()) // step + 1)


def fold_signs(item: SignItem, name: str, sums: Reach,
               arrays: Arrays) -> tuple[Fold, Certificate]:
    """Evaluate batch-norm (or the plain sign) at all sums, and find where each bit changes.

    Returns
    -------
    Fold
        Its thresholds count steps from the lowest sum of each row, after complements.
    Certificate
    """
    rows = len(sums.low)
    where = f"layer '{name}'"
    if sums.points > MAX_POINTS or sums.points * rows > MAX_WORK:
        raise ConfigError(f"{rows} rows of {sums.points} attainable sums are too many to evaluate",
                          where=where, hint=f"give integers '{name}.thresholds' instead")
    bias = arrays.array(f"{name}.bias", (rows,)) if f"{name}.bias" in arrays else None
    parameters = _parameters(item, name, rows, arrays)
    eps = item.batch_norm.eps if item.batch_norm else 0.0
    folds = []
    ties, differing = 0, []
    width = max(1, CHUNK // sums.points)
    steps = sums.step * np.arange(sums.points, dtype=np.int64)[:, None]
    for first in range(0, rows, width):
        part = slice(first, first + width)
        gamma, beta, mean, var = (p[part] for p in parameters)
        evaluate = batch_norm(gamma, beta, mean, var, eps, item.sign == ">",
                              None if bias is None else bias[part])
        with np.errstate(over="ignore", invalid="ignore"):
            values, bits = evaluate(steps + sums.low[part], np.float32)
            exact = fold_table(evaluate(steps + sums.low[part], np.float64)[1], name)
        if np.isnan(values).any():
            raise ConfigError("its batch-norm gives NaN in float32", where=where,
                              hint="look for huge values in its arrays")
        folds.append(fold_table(bits, name))
        ties += int((values == 0).sum())
        differing.append(folds[-1].differs(exact))
    fold = Fold(*(np.concatenate([getattr(f, key) for f in folds])
                  for key in ("thresholds", "complemented", "constant")))
    method = "batch-norm and sign" if item.batch_norm else "sign"
    return fold, certify(name, f"{method}, float32, at all sums", fold, sums.points, ties,
                         np.concatenate(differing))


def _parameters(item: SignItem, name: str, rows: int, arrays: Arrays) -> list[np.ndarray]:
    """Gamma, beta, mean and variance; those of the plain sign where there is no batch-norm."""
    if item.batch_norm is None:
        one, zero = np.ones(rows), np.zeros(rows)
        return [one, zero, zero, one]
    gamma, beta, mean, var = (arrays.array(f"{name}.{key}", (rows,))
                              for key in ("gamma", "beta", "mean", "var"))
    if (var < 0).any():
        raise ConfigError(f"'{name}.var' has negative variances", where=f"layer '{name}'")
    if (var + item.batch_norm.eps <= 0).any():
        raise ConfigError(f"'{name}.var' has a 0 and eps is 0: the batch-norm divides by zero",
                          where=f"layer '{name}'")
    return [gamma, beta, mean, var]
