"""Searches for the options of common-subexpression elimination that make a matrix cheapest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

from bnnhw.logic.cse.adder_graph import AdderGraph
from bnnhw.logic.cse.extract import MAX_BLOCK_ROWS

__all__ = ["DEEP_OPTIONS", "SHALLOW_OPTIONS", "WIDE_COLUMNS", "CseOptions", "Report", "Setting",
           "attempt_count", "best_options", "first_options"]

Setting = tuple[int | float | str, ...]
"""The values of ``CseOptions``, as a plan stores them."""

Report = Callable[[float], None]
"""Receives the completed fraction of a search, by work rather than by time."""

MAX_WORK = 50_000
"""Matrix elements of all attempts together."""

MAX_ATTEMPTS = 24
"""Attempts for a small matrix."""


@dataclass(frozen=True)
class CseOptions:
    """Options of common-subexpression elimination for one matrix.

    Parameters
    ----------
    min_columns, max_distance, max_depth, seed, block_rows
        See ``extract``.
    keep : int
        Bits that a sum may leave to the sums that use it, see ``lower_rows``.
    form : str
        How integers are cut into planes, see ``cse.planes``; by default as the layer has them.
    """

    min_columns: int = 3
    max_distance: float = 0.5
    max_depth: int = 64
    keep: int = 1
    seed: int = 0
    block_rows: int = MAX_BLOCK_ROWS
    form: str = ""

    @property
    def values(self) -> Setting:
        """The values of all fields, the form only if it is not the default."""
        values = astuple(self)
        return values if self.form else values[:-1]

    @classmethod
    def of(cls, values: Setting) -> CseOptions:
        """The options that ``values`` gave."""
        known: dict[str, Any] = dict(zip((f.name for f in fields(cls)), values, strict=False))
        return cls(**known)


DEEP_OPTIONS = (CseOptions(), CseOptions(max_depth=1), CseOptions(min_columns=4),
                CseOptions(max_depth=3), CseOptions(max_depth=2),
                CseOptions(max_distance=0.0, max_depth=1), CseOptions(min_columns=5),
                CseOptions(keep=2), CseOptions(keep=0))
"""Options in the order in which they are tried; the best ones depend on the matrix and target.

Deep trees minimise the bits that remain to be counted. A row that no other row uses needs no sum,
only a comparison, which favours shallow trees.
"""

SHALLOW_OPTIONS = (CseOptions(max_distance=0.0, max_depth=1), CseOptions(max_depth=1),
                   CseOptions(min_columns=5, max_distance=0.0, max_depth=1),
                   CseOptions(max_depth=2), CseOptions(max_depth=3),
                   CseOptions(min_columns=4, max_depth=1))
"""Options that are tried first if registers are counted: values wait long in deep trees."""

WIDE_COLUMNS = 512
"""Number of columns from which on blocks of eight rows are tried first.

Eight rows have 128 sign patterns up to complement, so that each pattern occurs several times. They
share almost as much as all rows together, in shallower trees with shorter wires.
"""

DEEP_OF_WIDE = CseOptions(max_depth=1, block_rows=8)
SHALLOW_OF_WIDE = CseOptions(min_columns=4, max_distance=0.0, max_depth=1, block_rows=8)


def first_options(columns: int, registers: bool) -> tuple[CseOptions, ...]:
    """Options to try first.

    Parameters
    ----------
    columns : int
        Columns of the matrix.
    registers : bool
        Pipeline registers are part of the cost.
    """
    usual = SHALLOW_OPTIONS if registers else DEEP_OPTIONS
    if columns < WIDE_COLUMNS:
        return usual
    return (SHALLOW_OF_WIDE if registers else DEEP_OF_WIDE, *usual)


def attempt_count(rows: int, columns: int) -> int:
    """Number of attempts for a matrix."""
    return max(1, min(MAX_ATTEMPTS, MAX_WORK // max(1, rows * columns)))


def best_options(build: Callable[[CseOptions], AdderGraph],
                 cost: Callable[[AdderGraph, CseOptions], float], attempts: int,
                 first: Sequence[CseOptions] = DEEP_OPTIONS, forms: Sequence[str] = ("",),
                 report: Report | None = None) -> CseOptions:
    """Try several options for a matrix, and return those with the lowest cost.

    Parameters
    ----------
    build : callable
        Builds the adder graph of the matrix with some options.
    cost : callable
        Cost of an adder graph that was built with some options.
    attempts : int
        How many options to try.
    first : sequence of CseOptions
        Options to try first; the remaining attempts vary the seed of the best ones.
    forms : sequence of str
        Forms to try first of all, each with the first options; the others use the best form.
    report : callable or None
        Receives the progress; it does not influence the result.
    """
    best, least = replace(first[0], form=forms[0]), float("inf")
    for k in range(attempts):
        other = k - len(forms) + 1
        if k < len(forms):
            options = replace(first[0], form=forms[k])
        else:
            options = replace(first[other], form=best.form) if other < len(first) else \
                replace(best, seed=k)
        shared = build(options)
        if report:
            report((k + 0.5) / attempts)  # a large matrix has one attempt only
        found = cost(shared, options)
        if report:
            report((k + 1) / attempts)
        if found < least:
            best, least = options, found
    return best
