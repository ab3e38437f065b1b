"""Searching for the cheapest way to share a matrix: some settings, then others of equal parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.count.build import SumBuilder
from bnnhw.count.netlist import Netlist
from bnnhw.count.targets import TARGETS
from bnnhw.share.extract import extract
from bnnhw.share.graph import SharedMatrix
from bnnhw.share.realise import thresholds

__all__ = ["FIRST", "SHALLOW", "Sharing", "attempts", "share_matrix", "share_with",
           "threshold_cost"]

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


FIRST = (Sharing(), Sharing(depth=1), Sharing(smallest=4), Sharing(depth=3), Sharing(depth=2),
         Sharing(reach=0.0, depth=1), Sharing(smallest=5), Sharing(keep=2))
"""Tried in this order; which is best depends on the matrix and the target.

Deep forests leave the least to count, but a row without rows behind it compares without a sum.
"""


SHALLOW = (Sharing(reach=0.0, depth=1), Sharing(depth=1), Sharing(smallest=5, reach=0.0, depth=1),
           Sharing(depth=2), Sharing(depth=3), Sharing(smallest=4, depth=1))
"""Tried first where registers count: forests are deep, and all that waits costs registers."""


def attempts(rows: int, columns: int, effort: float = 1.0) -> int:
    """Attempts that an effort allows."""
    return max(1, min(int(MOST * effort), int(WORK * effort / max(1, rows * columns))))


def share_with(matrix: np.ndarray, sharing: Sharing) -> SharedMatrix:
    """Share a matrix in one way."""
    return extract(matrix, sharing.smallest, sharing.reach, sharing.depth, sharing.seed)


def threshold_cost(shared: SharedMatrix, target: str, keep: int,
                   limits: list[list[int]] | None = None) -> int:
    """Lookup tables of a matrix with a threshold a row: ``limits``, or half of the columns."""
    netlist = Netlist(shared.columns)
    builder = SumBuilder(netlist, TARGETS[target])
    limits = limits or [[shared.columns // 2]] * shared.rows
    found = thresholds(shared, [netlist.input(k) for k in range(shared.columns)], builder, limits,
                       keep)
    netlist.outputs = [lit for row in found for lit in row]
    return builder.target.cost(netlist)


def share_matrix(matrix: np.ndarray, target: str, effort: float = 1.0, depth: int = 64,
                 cost: Callable[[SharedMatrix, Sharing], float] | None = None,
                 report: Callable[[int], None] | None = None,
                 first: tuple[Sharing, ...] = FIRST) -> tuple[SharedMatrix, Sharing]:
    """Share a matrix in several ways and keep the cheapest.

    Parameters
    ----------
    matrix : int [rows, columns]
        Of -1, 0 and +1.
    target : str
    effort : float
        Attempts grow with it; larger matrices get fewer.
    depth : int
        Most rows that are built behind one another.
    cost : callable, optional
        Cost of an attempt; default is that of a threshold a row.
    report : callable, optional
        Called with 1 after each attempt.
    first : tuple of Sharing
        What is tried before seeds are.
    """
    count = attempts(matrix.shape[0], matrix.shape[1], effort)
    best: tuple[float, SharedMatrix, Sharing] | None = None
    for k in range(count):
        if k < len(first):
            sharing = replace(first[k], depth=min(first[k].depth, depth))
        else:
            assert best is not None
            sharing = replace(best[2], seed=k)
        shared = share_with(matrix, sharing)
        found = cost(shared, sharing) if cost else threshold_cost(shared, target, sharing.keep)
        if best is None or found < best[0]:
            best = found, shared, sharing
        if report:
            report(1)
    assert best is not None
    return best[1], best[2]
