"""A matrix of -1, 0 and +1 as sums that share parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Node", "SharedMatrix"]


@dataclass(frozen=True)
class Node:
    """``sum of sign * column + sum of factor * node``.

    Parameters
    ----------
    items : tuple of (column, sign)
        Each column at most once.
    parts : tuple of (node, factor)
        Factors are -2, -1, 1 or 2; there are no cycles.
    """

    items: tuple[tuple[int, int], ...]
    parts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SharedMatrix:
    """Rows of a matrix, and the nodes that they have in common.

    Parameters
    ----------
    columns : int
    nodes : tuple of Node
        The first ``rows`` of them are the rows.
    rows : int
    """

    columns: int
    nodes: tuple[Node, ...]
    rows: int

    def order(self) -> list[int]:
        """Nodes that rows need, parts first."""
        done: list[int] = []
        state = [0] * len(self.nodes)
        stack = [(k, False) for k in reversed(range(self.rows))]
        while stack:
            k, finished = stack.pop()
            if finished:
                state[k] = 2
                done.append(k)
            elif state[k] == 0:
                state[k] = 1
                stack.append((k, True))
                stack += [(c, False) for c, _ in reversed(self.nodes[k].parts) if state[c] < 2]
            elif state[k] == 1:
                raise ValueError("a node is a part of itself")
        return done

    def vectors(self) -> np.ndarray:
        """What each node adds up to: int64 ``[nodes, columns]``."""
        made = np.zeros((len(self.nodes), self.columns), dtype=np.int64)
        for k in self.order():
            for column, sign in self.nodes[k].items:
                made[k, column] += sign
            for part, factor in self.nodes[k].parts:
                made[k] += factor * made[part]
        return made

    def check(self, matrix: np.ndarray) -> None:
        """Prove that the rows are those of ``matrix``.

        Raises
        ------
        ValueError
            One is not.
        """
        wrong = (self.vectors()[:self.rows] != matrix).any(axis=1)
        if len(matrix) != self.rows or wrong.any():
            raise ValueError(f"{int(wrong.sum())} rows are not those of the matrix")
