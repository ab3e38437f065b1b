"""Finds the levels of a quantised chain, and the integer thresholds between them.

No threshold is computed by division: the chain is evaluated at all attainable integers, and the
thresholds are read off where its level changes. Chains of very many integers are searched (see
``threshold_search``), with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.errors import ModelError, option
from bnnhw.importers.onnx.chain import Chain
from bnnhw.importers.onnx.threshold_search import find_changes, searchable
from bnnhw.layers.building.fold import FloatType

__all__ = ["MAX_GAPS", "MAX_LEVELS", "Levels", "distinct_values", "find_levels", "grid"]

MAX_GAPS = 255
"""Maximum number of steps of a grid: 8 bits."""

MAX_LEVELS = MAX_GAPS + 1
"""Maximum number of levels of an activation."""

TOLERANCE = 1e-3
"""Maximum distance of a value from its grid point, in steps."""

FINE = 16
"""Number of steps from which grid points have to be met up to float rounding: a fine grid would
otherwise fit any few numbers."""

MOST = 4.5
"""Limit of the steps of a common grid between two neighbouring levels of each channel."""

ROUNDING = 2.0 ** -20
"""Rounding of a value that was computed by some float32 operations, relative to the largest."""

ALL_SUMS = "the model's own nodes, float32, at all sums"

SEARCHED = "the model's own nodes, float32, searched in all sums"


@dataclass(frozen=True)
class Levels:
    """``value = low_c + step_c * q`` with q = #{j : v >= T_cj}, or J minus that if falling.

    Attributes
    ----------
    low, step : float64 [C]
    thresholds : int64 [C, J]
        Compared with the chain's integers.
    falling, constant : bool [C]
    ties : int
        Number of attainable values that are exactly at a decision point of the quantiser.
    rounding, order : bool [C]
        Channels that would have other thresholds in float64, and channels whose thresholds could
        depend on the framework's rounding before the chain.
    method : str
        How the thresholds were found.
    """

    low: np.ndarray
    step: np.ndarray
    thresholds: np.ndarray
    falling: np.ndarray
    constant: np.ndarray
    ties: int
    rounding: np.ndarray
    order: np.ndarray
    method: str = ALL_SUMS


def grid(values: np.ndarray) -> tuple[float, float, int] | None:
    """Find the coarsest grid that contains sorted values: (lowest, step, steps), or None."""
    if len(values) < 2:
        return None
    wide = values.astype(np.float64)
    gap, span = float(np.diff(wide).min()), float(wide[-1] - wide[0])
    noise = ROUNDING * float(np.abs(wide).max())
    for part in range(1, MAX_LEVELS):
        count = round(span * part / gap)
        if count > MAX_GAPS:
            return None
        step = span / count  # more exact than the gap between two rounded values
        q = (wide - wide[0]) / step
        allowed = TOLERANCE if count < FINE else min(TOLERANCE, noise / step)
        if np.abs(q - np.round(q)).max() > allowed:
            continue
        zero = wide[0] / step
        if abs(zero - round(zero)) > TOLERANCE:
            return float(wide[0]), float((wide[-1] - wide[0]) / count), count
        # The grid contains zero: its smallest value is the least rounded multiple of the step.
        multiples = np.round(q) + round(zero)
        nearest = int(np.argmin(np.where(multiples == 0, np.inf, np.abs(multiples))))
        exact = float(wide[nearest] / multiples[nearest])
        return exact * round(zero), exact, count
    return None


def find_levels(chain: Chain, label: str) -> Levels:
    """Evaluate a chain at all attainable integers, and read off its levels and thresholds.

    Parameters
    ----------
    chain : Chain
    label : str
        Node that reads the levels, for messages.

    Raises
    ------
    ModelError
        It has a single level or too many, or it both rises and falls.
    """
    if chain.uniform and chain.channels > 1:
        return _repeated(find_levels(chain.single(), label), chain)
    values, ties = distinct_values(chain)
    low, step, count = _grids(values, chain, label)
    found_here = _thresholds(chain, low, step, count)
    thresholds, falling, mixed = found_here
    if mixed.any():
        channel = int(np.argmax(mixed))
        raise ModelError(f"channel {channel} rises and falls over the attainable sums, so no "
                         "threshold describes it", where=chain.last_label,
                         hint="train with a function that only rises or only falls before the "
                         "quantiser")
    order = np.zeros(chain.channels, dtype=np.bool_)
    for shift in chain.shifts():
        order |= _differ(found_here, _thresholds(chain, low, step, count, np.float32, shift))
    rounding = _differ(found_here, _thresholds(chain, low, step, count, np.float64))
    constant = np.array([len(v) == 1 for v in values])
    return Levels(low, step, chain.start[:, None] + chain.step * thresholds, falling, constant,
                  ties, rounding, order, SEARCHED if searchable(chain) else ALL_SUMS)


def distinct_values(chain: Chain) -> tuple[list[np.ndarray], int]:
    """Find the values of each channel, sorted, and count values at decision points.

    More than ``MAX_LEVELS`` values of a channel are enough to know that they are no levels; some
    may then be missing.
    """
    if searchable(chain):
        changes = find_changes(chain, MAX_LEVELS)
        if changes is not None:
            return changes.levels(), changes.ties
        some = np.linspace(0, chain.count - 1, 2 * MAX_LEVELS).astype(np.int64)
        rows = [np.unique(chain.at(np.full(len(some), c), some)[0])
                for c in range(chain.channels)]
        return rows, 0
    values: list[np.ndarray] = []
    ties = 0
    for part in chain.parts():
        table, found = chain.evaluate(np.float32, part)
        ties += found
        values += [_distinct(table[:, c]) for c in range(table.shape[1])]
    return values, ties


def _repeated(one: Levels, chain: Chain) -> Levels:
    """Repeat the levels of one channel for all channels."""
    rows = np.zeros(chain.channels, dtype=np.int64)
    return Levels(one.low[rows], one.step[rows], one.thresholds[rows], one.falling[rows],
                  one.constant[rows], one.ties * chain.channels, one.rounding[rows],
                  one.order[rows], one.method)


def _distinct(column: np.ndarray) -> np.ndarray:
    """Return the distinct values of a column, sorted; most neighbours are equal."""
    changes = np.flatnonzero(column[1:] != column[:-1]) + 1
    return np.unique(column[np.concatenate([[0], changes])])


def _grids(values: list[np.ndarray], chain: Chain,
           label: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Find one grid for all channels where that is possible, else one for each."""
    together = np.unique(np.concatenate(values))
    if len(together) == 1:
        raise ModelError(f"its activations are always {together[0]:g} after {chain.last_label}",
                         where=label, hint="a trained layer varies; for the input, state what "
                         f"the model sees with {option('pixel_range')} or "
                         f"{option('input_type', 'bits')}")
    common = grid(together) if len(together) <= MAX_LEVELS else None
    if common is not None and common[2] < FINE:
        return _repeat(common, len(values))
    single = [grid(v) if 1 < len(v) <= MAX_LEVELS else None for v in values]
    flat = [c for c, v in enumerate(values) if len(v) == 1]
    count = max((found[2] for found in single if found is not None), default=0)
    finest = min((found[1] for found in single if found is not None), default=0.0)
    # Channels of one quantiser have a common grid. Channels with different scales can be on one
    # by chance: it is then much finer than theirs.
    if common is not None and count > 1 and finest < MOST * common[1]:
        return _repeat(common, len(values))
    if any(found is None and c not in flat for c, found in enumerate(single)):
        many = max(len(together), max(len(v) for v in values))
        raise ModelError(f"its activations have {many} different values after "
                         f"{chain.last_label}, expected two, or up to {MAX_LEVELS} in equal steps",
                         where=label, hint="train with a quantiser before the layer: "
                         "BipolarQuant, or a Quant or QuantizeLinear of at most 8 bits")
    low = np.array([0.0 if found is None else found[0] for found in single])
    step = np.array([1.0 if found is None else found[1] for found in single])
    signs = count == 1 and all(low[c] == -(low[c] + step[c]) for c in range(len(values))
                               if c not in flat)
    for c in flat:  # constant channels get the same kind of levels as the others
        value = float(values[c][0])
        symmetric = signs and value != 0
        low[c], step[c] = (-abs(value), 2 * abs(value)) if symmetric else (value, 1.0)
    return low, step, count


def _repeat(found: tuple[float, float, int],
            channels: int) -> tuple[np.ndarray, np.ndarray, int]:
    ones = np.ones(channels)
    return found[0] * ones, found[1] * ones, found[2]


def _thresholds(chain: Chain, low: np.ndarray, step: np.ndarray, count: int,
                dtype: FloatType = np.float32,
                shift: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return threshold positions among the attainable integers, and what falls or does both."""
    if searchable(chain):
        found = _searched(chain, low, step, count, dtype, shift)
        if found is not None:
            return found
    thresholds = np.zeros((chain.channels, count), dtype=np.int64)
    falling, mixed = (np.zeros(chain.channels, dtype=np.bool_) for _ in range(2))
    for part in chain.parts():
        table, _ = chain.evaluate(dtype, part, shift)
        codes = np.rint((table - low[part]) / step[part]).astype(np.int16)
        changes = np.diff(codes, axis=0)
        down, up = (changes < 0).any(axis=0), (changes > 0).any(axis=0)
        falling[part], mixed[part] = down, down & up
        passed = np.where(down, count - codes, codes)
        for j in range(count):
            thresholds[part, j] = (passed < j + 1).sum(axis=0)
    return thresholds, falling, mixed


def _searched(chain: Chain, low: np.ndarray, step: np.ndarray, count: int, dtype: FloatType,
              shift: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Read thresholds off the changes of a monotonic chain, as ``_thresholds`` does."""
    changes = find_changes(chain, MAX_GAPS, dtype, shift)
    if changes is None:
        return None
    rows = changes.channels
    first = np.rint((changes.first - low) / step).astype(np.int64)
    codes = [np.rint((value - low[rows]) / step[rows]).astype(np.int64)
             for value in (changes.before, changes.after)]
    down = np.zeros(chain.channels, dtype=np.bool_)
    down[rows[codes[1] < codes[0]]] = True
    passed = np.where(down, count - first, first)
    levels = np.arange(count)
    thresholds = np.where(levels < passed[:, None], 0, chain.count).astype(np.int64)
    before, after = (np.where(down[rows], count - code, code) for code in codes)
    crossed = (levels >= before[:, None]) & (levels < after[:, None])
    change, level = np.nonzero(crossed)
    thresholds[rows[change], level] = changes.positions[change]
    return thresholds, down, np.zeros(chain.channels, dtype=np.bool_)


def _differ(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.asarray((one[0] != other[0]).any(axis=1) | (one[1] != other[1]) | other[2])
