"""Extracts common subexpressions greedily: in each round, the largest one that two sums share.

A row is a sum of columns with signs. The columns that two rows have in common, with the same signs
or with opposite ones, become a new node, which both rows then use. The node takes part in later
rounds like a row. This covers trees of rows by Hamming distance and their complements (the parent
row is the common subexpression), virtual rows, duplicate rows and patterns of columns.
"""

from __future__ import annotations

import numpy as np

from bnnhw.logic.cse.adder_graph import AdderGraph, Node
from bnnhw.logic.cse.spanning_forest import ROOT, spanning_forest

__all__ = ["MAX_BLOCK_ROWS", "extract"]

NOISE = 0.9
"""Largest random addition to a size: below 1, so that it only reorders equal sizes."""

MAX_BLOCK_ROWS = 256
"""Largest number of rows that are compared with each other; larger matrices are cut into blocks."""


def extract(matrix: np.ndarray, min_columns: int, max_distance: float = 0.0,
            max_depth: int = 1, seed: int = 0, block_rows: int = MAX_BLOCK_ROWS) -> AdderGraph:
    """Build an adder graph in which the rows of a matrix share common subexpressions.

    Parameters
    ----------
    matrix : int [rows, columns]
        Elements are -1, 0 and +1.
    min_columns : int
        Size of the smallest common subexpression, at least 2; smaller ones cost more than they
        save.
    max_distance, max_depth : float, int
        Rows that are similar to another row are first expressed by their difference from it, see
        ``spanning_forest``.
    seed : int
        Chooses among equally large subexpressions at random, except for 0.
    block_rows : int
        Number of rows of a block; only rows of one block share subexpressions.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """
    rows, columns = matrix.shape
    if min_columns < 2:
        raise ValueError(f"min_columns is {min_columns}; it must be at least 2")
    if block_rows < 1:
        raise ValueError(f"block_rows is {block_rows}; it must be at least 1")
    made: list[Node] = [Node((), ())] * rows
    block_rows = min(block_rows, MAX_BLOCK_ROWS)
    for first in range(0, rows, block_rows):
        block = matrix[first:first + block_rows]
        parents = spanning_forest(block, max_distance, max_depth)
        start = block.copy()
        for k, (parent, sign) in enumerate(parents):
            if parent != ROOT:
                start[k] = (sign * block[k] - block[parent]) // 2
        nodes = _extract_block(start, min_columns, seed)
        size, base = len(block), len(made)
        # The difference of a row from its parent is a separate node.
        children = [k for k in range(size) if parents[k][0] != ROOT]
        index = {k: base + n for n, k in enumerate(children)}
        index |= {k: first + k for k in range(size) if k not in index}
        index |= {size + n: base + len(children) + n for n in range(len(nodes) - size)}
        moved = [Node(node.columns, tuple((index[c], s) for c, s in node.operands))
                 for node in nodes]
        for k, (parent, sign) in enumerate(parents):
            if parent == ROOT:
                made[first + k] = moved[k]
            else:
                made[first + k] = Node((), ((first + parent, sign), (index[k], 2 * sign)))
        made += [moved[k] for k in children] + moved[size:]
    shared = AdderGraph(columns, tuple(made), rows)
    shared.check(matrix)
    return shared


def _extract_block(matrix: np.ndarray, min_columns: int, seed: int) -> list[Node]:
    """Nodes of one block of rows; the first ones are its rows."""
    rows, columns = matrix.shape
    room = 4 * rows + 64
    signs = np.zeros((room, columns), dtype=np.float32)
    signs[:rows] = matrix
    operands: list[list[tuple[int, int]]] = [[] for _ in range(rows)]
    count = rows
    chooser = np.random.default_rng(seed)
    # common[0]: number of columns with equal sign in two nodes; common[1]: with opposite sign.
    common = np.zeros((2, room, room), dtype=np.float32)
    best = np.zeros((2, room), dtype=np.float32)
    partner = np.zeros((2, room), dtype=np.int64)

    def fill(changed: list[int]) -> None:
        """Update the sizes and best partners of some nodes."""
        live = signs[:count]
        dot = live @ signs[changed].T
        both = np.abs(live) @ np.abs(signs[changed]).T
        for opposite, overlap in enumerate(((both + dot) / 2, (both - dot) / 2)):
            overlap[changed, np.arange(len(changed))] = 0
            if seed:
                overlap += chooser.random(overlap.shape, dtype=np.float32) * NOISE
            common[opposite, :count, changed] = overlap.T
            common[opposite, changed, :count] = overlap.T
        for opposite in (0, 1):
            sizes = common[opposite, :count, :count]
            # A partner may have lost columns, or a changed node may be a better one.
            stale = np.isin(partner[opposite, :count], changed)
            stale[changed] = True
            rowwise = np.flatnonzero(stale)
            partner[opposite, rowwise] = sizes[rowwise].argmax(axis=1)
            best[opposite, rowwise] = sizes[rowwise, partner[opposite, rowwise]]
            top = sizes[:, changed]
            at = top.argmax(axis=1)
            value = top[np.arange(count), at]
            better = value > best[opposite, :count]
            partner[opposite, :count][better] = np.asarray(changed)[at[better]]
            best[opposite, :count][better] = value[better]

    fill(list(range(rows)))
    while True:
        opposite = int(best[1, :count].max() > best[0, :count].max())
        x = int(best[opposite, :count].argmax())
        if best[opposite, x] < min_columns:
            break
        if count == room:
            room *= 2
            signs = np.pad(signs, ((0, room - count), (0, 0)))
            common = np.pad(common, ((0, 0), (0, room - count), (0, room - count)))
            best = np.pad(best, ((0, 0), (0, room - count)))
            partner = np.pad(partner, ((0, 0), (0, room - count)))
        y = int(partner[opposite, x])
        sign = -1 if opposite else 1
        shared = np.where(signs[x] == sign * signs[y], signs[x], 0)
        signs[x] -= shared
        signs[y] -= sign * shared
        signs[count] = shared
        operands[x].append((count, 1))
        operands[y].append((count, sign))
        operands.append([])
        count += 1
        fill(sorted({x, y, count - 1}))
    return [Node(tuple((int(c), int(signs[k, c])) for c in np.flatnonzero(signs[k])),
                 tuple(operands[k])) for k in range(count)]
