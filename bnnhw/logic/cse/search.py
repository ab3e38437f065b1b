"""Searching for the cheapest way to share a matrix: some settings, then others of equal parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.logic.cse.extract import MOST_ROWS, extract
from bnnhw.logic.cse.graph import SharedMatrix

__all__ = ["FIRST", "SHALLOW", "Report", "Sharing", "attempts", "first_tries", "share_matrix",
           "share_with"]

Report = Callable[[float], None]
"""Is told the fraction of a search that is done: of its work, not of its time."""

WORK = 50_000
"""Products (rows times columns) of all attempts together, for an effort of 1."""

MOST = 24
"""Attempts of a small matrix, for an effort of 1."""


@dataclass(frozen=True)
class Sharing:
    """How a matrix is shared, see ``extract`` and ``realise``."""

    smallest: int = 3
    reach: float = 0.5
    depth: int = 64
    keep: int = 1
    seed: int = 0
    together: int = MOST_ROWS


FIRST = (Sharing(), Sharing(depth=1), Sharing(smallest=4), Sharing(depth=3), Sharing(depth=2),
         Sharing(reach=0.0, depth=1), Sharing(smallest=5), Sharing(keep=2), Sharing(keep=0))
"""Tried in this order; which is best depends on the matrix and the target.

Deep forests leave the least to count, but a row without rows behind it compares without a sum.
"""

SHALLOW = (Sharing(reach=0.0, depth=1), Sharing(depth=1), Sharing(smallest=5, reach=0.0, depth=1),
           Sharing(depth=2), Sharing(depth=3), Sharing(smallest=4, depth=1))
"""Tried first where registers count: forests are deep, and all that waits costs registers."""

WIDE = 512
"""Columns from which on eight rows at a time share more than all, in shallower trees with shorter
wires: they have 128 patterns of signs up to complement, of which each comes several times then."""
FIRST_OF_WIDE = Sharing(depth=1, together=8)
SHALLOW_OF_WIDE = Sharing(smallest=4, reach=0.0, depth=1, together=8)


def first_tries(columns: int, registers: bool) -> tuple[Sharing, ...]:
    """What to try first for a matrix, where registers count or not."""
    usual = SHALLOW if registers else FIRST
    if columns < WIDE:
        return usual
    return (SHALLOW_OF_WIDE if registers else FIRST_OF_WIDE, *usual)


def attempts(rows: int, columns: int, effort: float = 1.0) -> int:
    """Attempts that an effort allows."""
    return max(1, min(int(MOST * effort), int(WORK * effort / max(1, rows * columns))))


def share_with(matrix: np.ndarray, sharing: Sharing) -> SharedMatrix:
    """Share a matrix in one way."""
    return extract(matrix, sharing.smallest, sharing.reach, sharing.depth, sharing.seed,
                   sharing.together)


def share_matrix(matrix: np.ndarray, cost: Callable[[SharedMatrix, Sharing], float],
                 first: tuple[Sharing, ...] = FIRST, effort: float = 1.0,
                 report: Report | None = None) -> Sharing:
    """Share a matrix in several ways and keep the cheapest.

    Parameters
    ----------
    matrix : int [rows, columns]
        Of -1, 0 and +1.
    cost : callable
        Cost of an attempt.
    first : tuple of Sharing
        What is tried before seeds are.
    effort : float
        Attempts grow with it; larger matrices get fewer.
    report : callable or None
        Changes nothing of what is found.
    """
    best, least = first[0], float("inf")
    total = attempts(matrix.shape[0], matrix.shape[1], effort)
    for k in range(total):
        sharing = first[k] if k < len(first) else replace(best, seed=k)
        shared = share_with(matrix, sharing)
        if report:
            report((k + 0.5) / total)  # large matrices have one attempt
        found = cost(shared, sharing)
        if report:
            report((k + 1) / total)
        if found < least:
            best, least = sharing, found
    return best
