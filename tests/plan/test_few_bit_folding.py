"""Tests that the fold solver prices planes of weights, and computes them in series if that pays."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bnnhw.dataflow.folding import Fold, Matrix, check_fold, solve
from bnnhw.dataflow.rough_prices import RoughPrices
from bnnhw.logic.weighted_products import MINUS_ONE, NO_MASK, PLUS_ONE
from bnnhw.rtl.weight_form import WeightForm
from tests.networks import examples

MARGIN = 1.25
"""Largest price of the chosen fold, relative to the cheapest one."""

LUTS = {"ternary": 3.5, "levels": 8.7, "magnitude": 11.6, "complement": 10.5, "bases": 8.7}
"""LUTs of a lane of two planes of activations (one of ternary weights), planes in parallel."""


def form_of(name: str) -> WeightForm:
    powers = ((1, 2), (2, 4))
    return {"ternary": WeightForm(((0, 1),), ((1,),)),
            "levels": WeightForm(((0, NO_MASK), (1, NO_MASK)), powers),
            "magnitude": WeightForm(((0, 1), (0, 2)), powers),
            "complement": WeightForm(((PLUS_ONE, 0), (MINUS_ONE, 1)), powers),
            "bases": WeightForm(((0, NO_MASK), (1, NO_MASK)), ((3, 5), (7, 9)))}[name]


def matrix(name: str, rows: int, columns: int, vectors: int) -> Matrix:
    form = form_of(name)
    return Matrix("m", rows, columns, 12, vectors=vectors, bits=form.planes, form=form)


def price(name: str, m: Matrix, f: Fold) -> float:
    """LUTs of lanes whose planes are computed together, accumulators, registers and storage."""
    assert m.form is not None
    steps = (m.form.planes if f.serial else 1) * (len(m.form.sources) if f.serial_weights else 1)
    lane = LUTS[name] if steps == 1 else max(LUTS[name] / steps, 2.6) * 1.1
    stored = math.ceil(m.rows / f.pe) * f.pe * math.ceil(m.columns / f.simd) * f.simd * \
        m.form.stored / 512
    sums = 1.5 * f.pe * (f.simd.bit_length() + 2) * (steps > 1) + 2.7 * f.simd * f.serial
    return f.pe * f.simd * lane + 1.5 * f.pe * m.acc_width + f.simd + sums + stored


def legal_folds(m: Matrix, target: int) -> list[Fold]:
    """Every fold that meets the target, in every order of planes that is possible."""
    assert m.form is not None
    serial = [False, True] if m.bits > 1 and m.form.factors else [False]
    weights = [False, True] if len(m.form.sources) > 1 and m.form.factors else [False]
    folds = [Fold(pe, simd, a, w) for pe in range(1, m.rows + 1)
             for simd in range(1, m.columns + 1) for a, w in itertools.product(serial, weights)]
    return [f for f in folds if m.vectors * math.ceil(m.rows / f.pe) * math.ceil(m.columns / f.simd)
            * (m.bits if f.serial else 1) * (len(m.form.sources) if f.serial_weights else 1)
            <= target]


@examples(60)
@given(st.sampled_from(sorted(LUTS)), st.integers(1, 10), st.integers(1, 16), st.integers(1, 3),
       st.integers(1, 150))
def test_fold_is_nearly_the_cheapest(name: str, rows: int, columns: int, vectors: int,
                                     target: int) -> None:
    m = matrix(name, rows, columns, vectors)
    legal = legal_folds(m, target)
    assume(legal)
    [fold] = solve([m], target, RoughPrices())
    check_fold(m, fold)
    assert fold in legal
    assert price(name, m, fold) <= MARGIN * min(price(name, m, f) for f in legal)


def test_slow_targets_compute_planes_in_series() -> None:
    """With time to spare, one small lane multiplies 8 by 8 bits, plane by plane."""
    form = WeightForm(tuple((0, 1 + q) for q in range(7)),
                      tuple(tuple(1 << q + m for m in range(8)) for q in range(7)))
    m = Matrix("m", 8, 16, 24, bits=8, form=form)
    [fold] = solve([m], 8 * 16 * 56, RoughPrices())
    assert fold == Fold(1, 1, True, True)
    [fast] = solve([m], 1, RoughPrices())
    assert fast == Fold(8, 16)


def test_coefficients_that_do_not_factor_stay_parallel() -> None:
    m = matrix("bases", 4, 8, 1)
    assert m.orders == [(False, False)]
    assert solve([m], 10_000, RoughPrices()) == [Fold(1, 1)]


def test_memory_words_follow_the_planes() -> None:
    m = matrix("magnitude", 4, 8, 1)
    parallel, serial = Fold(1, 4), Fold(1, 4, serial_weights=True)
    assert (m.weight_bits(parallel), m.weight_words(parallel), m.steps(parallel)) == (3, 1, 1)
    assert (m.weight_bits(serial), m.weight_words(serial), m.steps(serial)) == (2, 2, 2)


@pytest.mark.parametrize("pe", [1, 2])
def test_specified_fold_is_kept_in_the_cheapest_order(pe: int) -> None:
    m = matrix("levels", 4, 8, 1)
    fixed = Matrix(**{**{f: getattr(m, f) for f in m.__dataclass_fields__}, "fold": Fold(pe, 4)})
    for target in (16 // pe, 64 // pe):
        [fold] = solve([fixed], target, RoughPrices())
        assert (fold.pe, fold.simd) == (pe, 4)
        assert fixed.cycles(fold) <= max(target, fixed.cycles(Fold(pe, 4)))
