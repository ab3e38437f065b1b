"""Adder graph: the rows of a constant matrix as sums that share common subexpressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["AdderGraph", "Node"]


@dataclass(frozen=True)
class Node:
    """A node of an adder graph: the sum of scaled columns and scaled other nodes.

    All factors are powers of two, with either sign; several terms may have the same column or
    node.

    Parameters
    ----------
    columns : tuple of (int, int)
        Column and factor of each term.
    operands : tuple of (int, int)
        Node and factor of each term; the graph has no cycles.
    """

    columns: tuple[tuple[int, int], ...]
    operands: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class AdderGraph:
    """Rows of a matrix, and the common subexpressions that they use.

    Parameters
    ----------
    columns : int
        Columns of the matrix.
    nodes : tuple of Node
        The first ``rows`` nodes are the rows of the matrix, the others common subexpressions.
    rows : int
        Rows of the matrix.
    """

    columns: int
    nodes: tuple[Node, ...]
    rows: int

    def order(self) -> list[int]:
        """Nodes that rows depend on, in topological order.

        Raises
        ------
        ValueError
            The graph has a cycle.
        """
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
                stack += [(c, False) for c, _ in reversed(self.nodes[k].operands) if state[c] < 2]
            elif state[k] == 1:
                raise ValueError(f"node {k} of an adder graph depends on itself")
        return done

    def vectors(self) -> np.ndarray:
        """Coefficient of each column in each node: int64 ``[nodes, columns]``."""
        made = np.zeros((len(self.nodes), self.columns), dtype=np.int64)
        for k in self.order():
            for column, factor in self.nodes[k].columns:
                made[k, column] += factor
            for operand, factor in self.nodes[k].operands:
                made[k] += factor * made[operand]
        return made

    def cancelling(self) -> set[int]:
        """Nodes whose terms cancel in part, so that not all of them can be large at once."""
        sizes = np.abs(self.vectors()).sum(axis=1)
        found: set[int] = set()
        for k in self.order():
            node = self.nodes[k]
            reach = sum(abs(factor) for _, factor in node.columns) + \
                sum(abs(factor) * sizes[operand] for operand, factor in node.operands)
            if reach != sizes[k] or any(operand in found for operand, _ in node.operands):
                found.add(k)
        return found

    def check(self, matrix: np.ndarray) -> None:
        """Prove that the graph computes the rows of ``matrix``, by integer algebra.

        Raises
        ------
        ValueError
            A row differs.
        """
        wrong = (self.vectors()[:self.rows] != matrix).any(axis=1)
        if len(matrix) != self.rows or wrong.any():
            raise ValueError(f"an adder graph computes {int(wrong.sum())} rows that differ from "
                             "the matrix")
