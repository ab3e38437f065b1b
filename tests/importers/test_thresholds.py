"""Tests the thresholds of batch-norm and sign: every case of the arithmetic, by brute force."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.errors import ModelError
from bnnhw.layers.building.fold import batch_norm, fold_table

HALVES = st.integers(-20, 20).map(lambda n: n / 2)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=17),
       st.sampled_from([-2.0, -0.5, 0.0, 0.25, 4.0]), HALVES, HALVES,
       st.booleans())
def test_fold_is_exact(row: list[int], gamma: float, beta: float, mean: float,
                       strict: bool) -> None:
    """The threshold decides every input as the expression does: odd and even N, ties, signs."""
    weights, fan_in = np.array([row], dtype=np.uint8), len(row)
    evaluate = batch_norm(*(np.array([v]) for v in (gamma, beta, mean, 1.0)), 0.0, strict)
    p = np.arange(fan_in + 1)[:, None]
    fold = fold_table(evaluate(2 * p - fan_in, np.float32)[1], "row")
    rows = fold.apply(weights)
    inputs = (np.arange(1 << min(fan_in, 9))[:, None] >> np.arange(fan_in)) & 1
    popcount = (inputs == rows[0]).sum(axis=1)
    sums = (2 * inputs - 1) @ (2 * weights[0].astype(int) - 1)
    y = gamma * (sums - mean) + beta  # halves and small powers of two: exact in float64
    assert ((popcount >= fold.thresholds[0]) == (y > 0 if strict else y >= 0)).all()
    assert 0 <= fold.thresholds[0] <= fan_in + 1


@given(st.integers(1, 40), st.integers(-90, 90), st.integers(1, 9), st.booleans())
def test_threshold_is_the_published_formula(fan_in: int, numerator: int, denominator: int,
                                            strict: bool) -> None:
    """T = ceil((N + tau) / 2), or floor((N + tau) / 2) + 1 where the sign is strict."""
    tau = Fraction(numerator, denominator)
    sums = [2 * p - fan_in for p in range(fan_in + 1)]
    bits = np.array([[s > tau if strict else s >= tau] for s in sums])
    middle = (fan_in + tau) / 2
    formula = floor(middle) + 1 if strict else ceil(middle)
    assert fold_table(bits, "row").thresholds[0] == min(max(formula, 0), fan_in + 1)


@pytest.mark.parametrize(("gamma", "beta", "expected"), [
    (0.0, 0.0, 0), (0.0, 1.0, 0), (0.0, -1.0, 9)])
def test_zero_gamma_is_a_constant(gamma: float, beta: float, expected: int) -> None:
    evaluate = batch_norm(*(np.array([v]) for v in (gamma, beta, 3.0, 1.0)), 1e-5, False)
    fold = fold_table(evaluate(2 * np.arange(9)[:, None] - 8, np.float32)[1], "row")
    assert fold.thresholds[0] == expected
    assert fold.constant[0]
    assert not fold.complemented[0]


def test_function_that_rises_and_falls_is_rejected() -> None:
    bits = np.array([[0, 0], [0, 1], [1, 1], [1, 0]], bool)
    with pytest.raises(ModelError, match="channel 1 changes its bit 2 times"):
        fold_table(bits, "bad")


def test_tie_is_where_the_expression_is_zero() -> None:
    evaluate = batch_norm(*(np.array([v]) for v in (1.0, 0.0, 2.0, 1.0)), 0.0, False)
    values, bits = evaluate(2 * np.arange(9)[:, None] - 8, np.float32)
    assert (values == 0).sum() == 1
    assert fold_table(bits, "row").thresholds[0] == 5
    _, strict = batch_norm(*(np.array([v]) for v in (1.0, 0.0, 2.0, 1.0)), 0.0, True)(
        2 * np.arange(9)[:, None] - 8, np.float32)
    assert fold_table(strict, "row").thresholds[0] == 6
