"""Extracting common parts: the two sums that share most give it to a new one, again and again.

A row is a sum of columns with signs. What two rows have in common with the same signs, or with
opposite ones, becomes a node of its own that both refer to; it takes part in later rounds like a
row. That covers Hamming distance trees and their complements (a parent row is a common part), sets
of virtual rows, duplicate rows and patterns of columns: the round decides which pays most.
"""

from __future__ import annotations

import numpy as np

from bnnhw.logic.cse.forest import ROOT, forest
from bnnhw.logic.cse.graph import Node, SharedMatrix

__all__ = ["MOST_ROWS", "extract"]

NOISE = 0.9
"""Less than 1, so that only equal ones change places."""

MOST_ROWS = 256
"""Rows that are compared with each other at most; larger matrices are cut into blocks."""


def extract(matrix: np.ndarray, smallest: int, reach: float = 0.0,
            depth: int = 1, seed: int = 0, together: int = MOST_ROWS) -> SharedMatrix:
    """Share parts of at least ``smallest`` columns among the rows of a matrix.

    Parameters
    ----------
    matrix : int [rows, columns]
        Of -1, 0 and +1.
    smallest : int
        At least 2; smaller parts cost more than they save.
    reach, depth : float, int
        Rows nearer than that to another one are built from it first, see ``forest``.
    seed : int
        Which of the largest parts are taken first: at random, for other numbers than 0.
    together : int
        Rows of a block; only those of the same block share.
    """
    rows, columns = matrix.shape
    if smallest < 2:
        raise ValueError("parts have at least 2 columns")
    if together < 1:
        raise ValueError("a block has at least a row")
    made: list[Node] = [Node((), ())] * rows
    together = min(together, MOST_ROWS)
    for first in range(0, rows, together):
        block = matrix[first:first + together]
        parents = forest(block, reach, depth)
        start = block.copy()
        for k, (parent, sign) in enumerate(parents):
            if parent != ROOT:
                start[k] = (sign * block[k] - block[parent]) // 2
        nodes = _extract_block(start, smallest, seed)
        size, base = len(block), len(made)
        # A row that is built from a parent has its difference as a node of its own.
        children = [k for k in range(size) if parents[k][0] != ROOT]
        place = {k: base + n for n, k in enumerate(children)}
        place |= {k: first + k for k in range(size) if k not in place}
        place |= {size + n: base + len(children) + n for n in range(len(nodes) - size)}
        moved = [Node(node.items, tuple((place[c], s) for c, s in node.parts)) for node in nodes]
        for k, (parent, sign) in enumerate(parents):
            if parent == ROOT:
                made[first + k] = moved[k]
            else:
                made[first + k] = Node((), ((first + parent, sign), (place[k], 2 * sign)))
        made += [moved[k] for k in children] + moved[size:]
    shared = SharedMatrix(columns, tuple(made), rows)
    shared.check(matrix)
    return shared


def _extract_block(matrix: np.ndarray, smallest: int, seed: int) -> list[Node]:
    """Nodes of a block; the first ones are its rows."""
    rows, columns = matrix.shape
    room = 4 * rows + 64
    signs = np.zeros((room, columns), dtype=np.float32)
    signs[:rows] = matrix
    parts: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    count = rows
    # common[0]: columns of equal sign of two nodes; common[1]: of opposite sign.
    chooser = np.random.default_rng(seed)
    common = np.zeros((2, room, room), dtype=np.float32)
    best = np.zeros((2, room), dtype=np.float32)
    partner = np.zeros((2, room), dtype=np.int64)

    def fill(changed: list[int]) -> None:
        """Compare some nodes with all others."""
        live = signs[:count]
        dot = live @ signs[changed].T
        both = np.abs(live) @ np.abs(signs[changed]).T
        for way, overlap in enumerate(((both + dot) / 2, (both - dot) / 2)):
            overlap[changed, np.arange(len(changed))] = 0
            if seed:
                overlap += chooser.random(overlap.shape, dtype=np.float32) * NOISE
            common[way, :count, changed] = overlap.T
            common[way, changed, :count] = overlap.T
        for way in (0, 1):
            table = common[way, :count, :count]
            # A partner that lost columns, or a better one among the changed.
            stale = np.isin(partner[way, :count], changed)
            stale[changed] = True
            rowwise = np.flatnonzero(stale)
            partner[way, rowwise] = table[rowwise].argmax(axis=1)
            best[way, rowwise] = table[rowwise, partner[way, rowwise]]
            top = table[:, changed]
            at = top.argmax(axis=1)
            value = top[np.arange(count), at]
            better = value > best[way, :count]
            partner[way, :count][better] = np.asarray(changed)[at[better]]
            best[way, :count][better] = value[better]

    fill(list(range(rows)))
    while True:
        way = int(best[1, :count].max() > best[0, :count].max())
        x = int(best[way, :count].argmax())
        if best[way, x] < smallest:
            break
        if count == room:
            room *= 2
            signs = np.pad(signs, ((0, room - count), (0, 0)))
            common = np.pad(common, ((0, 0), (0, room - count), (0, room - count)))
            best = np.pad(best, ((0, 0), (0, room - count)))
            partner = np.pad(partner, ((0, 0), (0, room - count)))
        y = int(partner[way, x])
        sign = -1 if way else 1
        part = np.where(signs[x] == sign * signs[y], signs[x], 0)
        signs[x] -= part
        signs[y] -= sign * part
        signs[count] = part
        parts[x].append((count, 1))
        parts[y].append((count, sign))
        parts.append([])
        count += 1
        fill(sorted({x, y, count - 1}))
    return [Node(tuple((int(c), int(signs[k, c])) for c in np.flatnonzero(signs[k])),
                 tuple(parts[k])) for k in range(count)]
