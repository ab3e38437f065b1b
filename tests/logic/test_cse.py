"""Tests common-subexpression elimination: exact, proven, and cheaper than without."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bnnhw.families import TARGETS
from bnnhw.logic import Netlist, SumBuilder, certify
from bnnhw.logic.cse import PlaneSet, build_graph, extract, thresholds
from bnnhw.logic.cse.adder_graph import AdderGraph
from bnnhw.logic.cse.extract import MAX_BLOCK_ROWS
from bnnhw.logic.cse.search import (
    DEEP_OPTIONS,
    SHALLOW_OPTIONS,
    WIDE_COLUMNS,
    CseOptions,
    attempt_count,
    best_options,
    first_options,
)
from bnnhw.logic.cse.spanning_forest import ROOT, spanning_forest
from tests.logic.test_certificate import FAMILIES, samples
from tests.networks import Choices, DrawnChoices, SeededChoices, examples


def check(matrix: np.ndarray, family: str, min_columns: int, max_distance: float = 0.0,
          keep: int = 1, limit: int | None = None, block_rows: int = MAX_BLOCK_ROWS,
          choices: Choices | None = None) -> int:
    """Build a matrix product with thresholds, prove it, compare it with NumPy; returns its cost."""
    rows, columns = matrix.shape
    shared = extract(matrix, min_columns, max_distance, 3, block_rows=block_rows)
    netlist = Netlist(columns)
    target = TARGETS[family]
    t = columns // 2 if limit is None else limit
    found = thresholds(shared, [netlist.input(k) for k in range(columns)],
                       SumBuilder(netlist, target), [[t]] * rows, keep)
    netlist.outputs = [lit for lit, in found]
    certify(netlist)
    x = samples(choices or SeededChoices(rows), columns)
    agreeing = ((2 * x.astype(int) - 1) @ matrix.T + np.abs(matrix).sum(axis=1)) // 2
    assert (netlist.evaluate(x) == (agreeing >= t)).all()
    return target.cost(netlist)


def signs(rows: int, columns: int, seed: int, zeros: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    made = random.integers(0, 2, (rows, columns)) * 2 - 1
    return np.where(random.random((rows, columns)) < zeros, 0, made)


MATRICES = arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 24)),
                  elements=st.sampled_from([1, -1, 0]))
"""Matrices of -1, 0 and +1, ``[rows, columns]``."""


@examples(60)
@given(st.sampled_from(FAMILIES), MATRICES, st.integers(2, 9), st.sampled_from([0.0, 0.35, 1.0]),
       st.integers(0, 4), st.integers(-2, 26), st.data())
def test_any_matrix(family: str, matrix: np.ndarray, min_columns: int, max_distance: float,
                    keep: int, limit: int, data: st.DataObject) -> None:
    check(matrix, family, min_columns, max_distance, keep, limit,
          choices=DrawnChoices(data.draw))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("max_distance", "zeros"), [(0.0, 0.3), (0.35, 0.0), (1.0, 0.0)])
def test_larger_matrices(family: str, max_distance: float, zeros: float) -> None:
    check(signs(40, 40, 11, zeros), family, 3, max_distance)


@pytest.mark.parametrize("family", FAMILIES)
def test_edges(family: str) -> None:
    one = np.ones((1, 1), dtype=np.int64)
    check(one, family, 2)
    check(-one, family, 2, limit=1)
    check(np.ones((5, 30), dtype=np.int64), family, 4)  # duplicate rows of equal weights
    check(-np.ones((5, 30), dtype=np.int64), family, 4)
    for limit in (0, 1, 30, 31, 500, -3):
        check(signs(4, 30, 1), family, 4, limit=limit)
    check(np.zeros((2, 3), dtype=np.int64), family, 4, limit=1)
    check(signs(1, 784, 2), family, 4)


@examples(30)
@given(st.sampled_from(FAMILIES), MATRICES, st.integers(1, 9), st.sampled_from([0.0, 0.5]),
       st.data())
def test_any_block_size(family: str, matrix: np.ndarray, block_rows: int,
                        max_distance: float, data: st.DataObject) -> None:
    check(matrix, family, 3, max_distance, block_rows=block_rows,
          choices=DrawnChoices(data.draw))


def test_only_rows_of_a_block_share() -> None:
    matrix = signs(24, 100, 4)
    shared = extract(matrix, 3, 0.5, 2, block_rows=8)
    block = {k: k // 8 for k in range(24)}
    for k in reversed(shared.order()):
        for part, _ in shared.nodes[k].operands:
            assert block.setdefault(part, block[k]) == block[k]
    with pytest.raises(ValueError, match="block_rows"):
        extract(matrix, 3, block_rows=0)


def test_wide_matrices_share_in_blocks_of_eight_rows() -> None:
    """For many columns, blocks of eight rows are cheaper than all rows at once."""
    assert first_options(WIDE_COLUMNS - 1, True) == SHALLOW_OPTIONS
    assert first_options(WIDE_COLUMNS - 1, False) == DEEP_OPTIONS
    matrix = signs(32, 2 * WIDE_COLUMNS, 9)
    blocks = check(matrix, "ecp5", 4, block_rows=8)
    assert first_options(2 * WIDE_COLUMNS, True)[0].block_rows == 8
    assert blocks < check(matrix, "ecp5", 4)


def test_complementary_rows_share_everything() -> None:
    row = signs(1, 200, 3)
    alone = check(row, "ecp5", 4)
    assert check(np.concatenate([row, -row, row]), "ecp5", 4) < 1.4 * alone


@pytest.mark.parametrize("family", ["ecp5", "ice40", "xc7"])
def test_sharing_reduces_cost(family: str) -> None:
    matrix = signs(64, 64, 0)
    assert check(matrix, family, 4) < 0.7 * check(matrix, family, 1000)


def test_many_rows() -> None:
    matrix = signs(10_000, 24, 4)
    shared = extract(matrix, 4)
    assert shared.rows == 10_000
    shared.check(matrix)


def test_a_wrong_element_fails_the_proof() -> None:
    matrix = signs(20, 50, 5)
    shared = extract(matrix, 4)
    broken = matrix.copy()
    broken[7, 3] *= -1
    with pytest.raises(ValueError, match="1 rows"):
        shared.check(broken)


def test_extraction_is_deterministic() -> None:
    matrix = signs(40, 90, 6)
    assert extract(matrix, 4, 0.4, 2) == extract(matrix, 4, 0.4, 2)


def test_forest_has_no_cycles_and_respects_its_depth() -> None:
    parents = spanning_forest(signs(50, 60, 7), 1.0, 3)
    for k in range(50):
        depth, at = 0, k
        while parents[at][0] != ROOT:
            at, depth = parents[at][0], depth + 1
        assert depth <= 3


def test_a_search_reports_progress() -> None:
    """Progress increases up to 1, and reporting does not change the result."""
    matrix, reported = signs(30, 60, 8), list[float]()

    def cost(shared: AdderGraph, options: CseOptions) -> float:
        return float(len(shared.nodes) + options.keep)

    build, attempts = partial(build_graph, PlaneSet.of_signs(matrix)), attempt_count(30, 60)
    found = best_options(build, cost, attempts, report=reported.append)
    assert found == best_options(build, cost, attempts)
    assert reported == sorted(set(reported))
    assert len(reported) == 2 * attempts
    assert reported[-1] == 1
