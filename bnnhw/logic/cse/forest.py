"""Rows as neighbours of other rows: a forest by Hamming distance."""

from __future__ import annotations

import numpy as np

__all__ = ["ROOT", "forest"]

ROOT = -1


def forest(matrix: np.ndarray, reach: float, depth: int) -> list[tuple[int, int]]:
    """Choose a parent for each row that is near enough to one (Prim's algorithm).

    ``row = sign * (parent + 2 * difference)``, where the difference has a column for each place
    in which the row, or its complement, differs from the parent.

    Parameters
    ----------
    matrix : int [rows, columns]
        Of -1 and +1; rows with zeros stay roots.
    reach : float
        Largest distance to a parent, as a part of the columns.
    depth : int
        Most parents behind one another.

    Returns
    -------
    list of (parent or ROOT, sign)
    """
    rows, columns = matrix.shape
    parents = [(ROOT, 1)] * rows
    full = np.flatnonzero((matrix != 0).all(axis=1))
    if reach <= 0 or depth < 1 or len(full) < 2:
        return parents
    products = (matrix[full].astype(np.float32) @ matrix[full].T.astype(np.float32))
    distance = (columns - np.abs(products)) / 2
    np.fill_diagonal(distance, np.inf)
    level = np.zeros(len(full), dtype=np.int64)
    # The row nearest to all others begins; each tree grows by its nearest row, or a new one starts.
    start = int(distance.min(axis=0, initial=np.inf, where=distance > 0).argmin())
    inside = np.zeros(len(full), dtype=bool)
    inside[start] = True
    best = np.where(level[start] < depth, distance[start], np.inf)
    by = np.full(len(full), start)
    while not inside.all():
        open_ = np.where(inside, np.inf, best)
        k = int(open_.argmin())
        if open_[k] > reach * columns:
            k = int(np.flatnonzero(~inside)[0])
            level[k] = 0
        else:
            parent = int(by[k])
            parents[full[k]] = (int(full[parent]), 1 if products[k, parent] >= 0 else -1)
            level[k] = level[parent] + 1
        inside[k] = True
        if level[k] < depth:
            nearer = distance[k] < best
            best, by = np.where(nearer, distance[k], best), np.where(nearer, k, by)
    return parents
