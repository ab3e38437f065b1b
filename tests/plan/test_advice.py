"""Tests that the values which errors advise are accepted."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bnnhw.board_planning.clock_advice import recommended_mhz
from bnnhw.dataflow.folding import Fold, Matrix, TooFastError, check_fold, solve
from bnnhw.dataflow.rough_prices import RoughPrices
from bnnhw.emit.board import divisor_of
from bnnhw.errors import PlanError
from bnnhw.platforms import Board, boards

SIZES = st.integers(1, 40)


@given(SIZES, SIZES, SIZES, st.integers(0, 60), st.integers(0, 400), st.booleans(), st.booleans())
def test_folds_that_errors_advise_are_legal(rows: int, channels: int, taps: int, pe: int, simd: int,
                                     all_taps: bool, depthwise: bool) -> None:
    columns = taps if depthwise else channels * taps
    matrix = Matrix("m", rows, columns, 8, taps=taps, all_taps=all_taps, depthwise=depthwise)
    fold, legal = Fold(pe, simd), []
    for _ in range(3):  # rows, columns and taps may each need a correction
        try:
            check_fold(matrix, fold)
            break
        except PlanError as error:
            legal = [int(n) for n in re.findall(r"\d+", str(error).split("nearest legal: ")[1])]
            which = "pe" if "fold pe" in str(error) else "simd"
            fold = Fold(legal[0], fold.simd) if which == "pe" else Fold(fold.pe, legal[0])
            for value in legal[1:]:
                check_fold(matrix, Fold(fold.pe, value))
    check_fold(matrix, fold)


@given(st.lists(st.tuples(SIZES, SIZES, st.integers(1, 50)), min_size=1, max_size=4))
def test_the_minimum_cycles_are_those_of_the_slowest_layer(
        shapes: list[tuple[int, int, int]]) -> None:
    matrices = [Matrix(f"m{k}", rows, columns, 8, vectors=vectors)
                for k, (rows, columns, vectors) in enumerate(shapes)]
    assume(max(vectors for _, _, vectors in shapes) > 1)
    with pytest.raises(TooFastError, match="cannot take fewer") as caught:
        solve(matrices, 1, RoughPrices())
    assert f"use `ii={caught.value.least}` or more" in str(caught.value)
    assert solve(matrices, caught.value.least, RoughPrices())


@pytest.mark.parametrize("board", boards().values(), ids=lambda board: board.name)
def test_clocks_and_line_speeds(board: Board) -> None:
    with pytest.raises(PlanError, match="lowest clock") as caught:
        board.make_clock(0.1)
    lowest = float(re.findall(r"its PLL is ([\d.]+) MHz", str(caught.value))[0])
    clock = board.make_clock(lowest)
    assert clock.hz <= lowest * 1e6
    with pytest.raises(PlanError, match="`baud=") as caught:
        divisor_of(16e6, 13_000_000)
    assert divisor_of(16e6, int(re.findall(r"`baud=(\d+)`", str(caught.value))[0]))
    mhz = recommended_mhz(board, board.line.baud, board.fastest_mhz)
    assert mhz > board.fastest_mhz / 2
    made = board.make_clock(mhz)
    assert divisor_of(made.hz, board.line.baud)
