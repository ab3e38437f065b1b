"""The solver meets its target with legal folds and no more than brute force finds needed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.folding import Fold, Matrix, _area, _converter_area, check_fold, solve
from bnnhw.errors import PlanError
from bnnhw.plan import Goal

MATRICES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=2)


def cost(matrices: list[Matrix], folds: list[Fold]) -> float:
    total = sum(_area(m, f) for m, f in zip(matrices, folds, strict=True))
    for (a, b), matrix in zip(itertools.pairwise(folds), matrices[1:], strict=True):
        total += float(_converter_area(np.int64(a.pe), np.int64(b.simd), matrix.channels))
    return total


@given(MATRICES, st.integers(1, 40))
def test_target_is_met_at_the_least_cost(shapes: list[tuple[int, int]], target: int) -> None:
    matrices = [Matrix(f"m{k}", rows, columns, 5) for k, (rows, columns) in enumerate(shapes)]
    folds = solve(matrices, target)
    for m, f in zip(matrices, folds, strict=True):
        check_fold(m, f)
        assert f.cycles(m.rows, m.columns) <= target
    legal = [[f for f in (Fold(p, s) for p in range(1, m.rows + 1)
                          for s in range(1, m.columns + 1))
              if f.cycles(m.rows, m.columns) <= target] for m in matrices]
    best = min(cost(matrices, list(c)) for c in itertools.product(*legal))
    # A wider SIMD than needed can save a converter; the solver tries the next dividing one only.
    assert cost(matrices, folds) <= best * 1.35


def test_hand_fold_is_kept() -> None:
    matrices = [Matrix("a", 64, 784, 11, fold=Fold(3, 5)), Matrix("b", 10, 64, 8)]
    folds = solve(matrices, 10)
    assert folds[0] == Fold(3, 5)
    assert folds[1].cycles(10, 64) <= 10


@pytest.mark.parametrize(("fold", "text"), [
    (Fold(0, 4), "pe = 0 must be 1..8; nearest legal: 1"),
    (Fold(9, 4), "pe = 9 must be 1..8; nearest legal: 8"),
    (Fold(4, 33), "simd = 33 must be 1..32; nearest legal: 32"),
])
def test_fold_that_is_too_large(fold: Fold, text: str) -> None:
    with pytest.raises(PlanError, match=text) as info:
        check_fold(Matrix("fc1", 8, 32, 6), fold)
    assert "layer 'fc1'" in str(info.value)


@pytest.mark.parametrize(("goal", "cycles"), [
    (Goal(), 256), (Goal(target_cycles=7), 7), (Goal(fps=1e6, clock_mhz=100), 100),
    (Goal(fps=3e5, clock_mhz=100), 333)])
def test_goals(goal: Goal, cycles: int) -> None:
    assert goal.cycles_per_frame() == cycles


@pytest.mark.parametrize("goal", [
    Goal(target_cycles=0), Goal(target_cycles=4, fps=1.0,
                                clock_mhz=1.0), Goal(fps=10.0), Goal(clock_mhz=5.0),
    Goal(fps=1e9, clock_mhz=100.0), Goal(fps=-1.0, clock_mhz=100.0),
    Goal(fps=float("nan"), clock_mhz=100.0)])
def test_impossible_goals(goal: Goal) -> None:
    with pytest.raises(PlanError):
        goal.cycles_per_frame()
