"""Spanning forest of similar rows: expresses rows of a matrix by differences from other rows."""

from __future__ import annotations

import numpy as np

__all__ = ["ROOT", "spanning_forest"]

ROOT = -1
"""Parent of a row that is not expressed by another one."""


def spanning_forest(matrix: np.ndarray, max_distance: float,
                    max_depth: int) -> list[tuple[int, int]]:
    """Choose a parent for each row that is similar to another one (Prim's algorithm).

    ``row = sign * (parent + 2 * difference)``, where the difference has one column for each column
    in which the row, or its complement, differs from the parent.

    Parameters
    ----------
    matrix : int [rows, columns]
        Elements are -1, 0 and +1; rows that contain a 0 have no parent.
    max_distance : float
        Largest Hamming distance from a parent, as a fraction of the columns.
    max_depth : int
        Largest depth of a tree, in edges.

    Returns
    -------
    list of (int, int)
        Parent of each row, or ``ROOT``, and the sign.
    """
    rows, columns = matrix.shape
    parents = [(ROOT, 1)] * rows
    full = np.flatnonzero((matrix != 0).all(axis=1))
    if max_distance <= 0 or max_depth < 1 or len(full) < 2:
        return parents
    products = (matrix[full].astype(np.float32) @ matrix[full].T.astype(np.float32))
    distance = (columns - np.abs(products)) / 2
    np.fill_diagonal(distance, np.inf)
    level = np.zeros(len(full), dtype=np.int64)
    # The row with the nearest neighbour is the first root. The tree then grows by its nearest row;
    # if none is near enough, a new tree begins.
    start = int(distance.min(axis=0, initial=np.inf, where=distance > 0).argmin())
    inside = np.zeros(len(full), dtype=bool)
    inside[start] = True
    best = np.where(level[start] < max_depth, distance[start], np.inf)
    by = np.full(len(full), start)
    while not inside.all():
        candidates = np.where(inside, np.inf, best)
        k = int(candidates.argmin())
        if candidates[k] > max_distance * columns:
            k = int(np.flatnonzero(~inside)[0])
            level[k] = 0
        else:
            parent = int(by[k])
            parents[full[k]] = (int(full[parent]), 1 if products[k, parent] >= 0 else -1)
            level[k] = level[parent] + 1
        inside[k] = True
        if level[k] < max_depth:
            nearer = distance[k] < best
            best, by = np.where(nearer, distance[k], best), np.where(nearer, k, by)
    return parents
