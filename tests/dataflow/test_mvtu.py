"""Tests that the ROMs of an MVTU contain the weight matrix and the start values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.units.mvtu import MvtuConstants
from tests.dataflow.units import mvtu_of
from tests.networks import DrawnChoices


@given(st.integers(1, 9), st.integers(1, 20), st.data())
def test_weight_words_contain_the_matrix(rows: int, columns: int, data: st.DataObject) -> None:
    """Word ``g * SF + k`` has rows ``g * PE`` to ``g * PE + PE - 1``, and SIMD columns of each."""
    pe, simd = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    params = mvtu_of(rows, columns, pe, simd)
    weights = DrawnChoices(data.draw).bits((rows, columns))
    starts = np.arange(-rows - 1, 0)[None]
    constants = MvtuConstants(weights, starts)
    words = params.weight_words(constants)
    assert len(words) == params.nf * params.sf
    found = np.full((rows, columns), -1)
    for at, word in enumerate(words):
        group, k = divmod(at, params.sf)
        for r in range(pe):
            for s in range(simd):
                row, column, bit = group * pe + r, k * simd + s, word >> (r * simd + s) & 1
                if row < rows and column < columns:
                    found[row, column] = bit
                else:  # a padded input of 0 never agrees with a weight of 1
                    assert bit == 1
    assert (found == weights).all()
    numbers = [word >> (r * params.acc_width) & (1 << params.acc_width) - 1
               for word in params.start_words(constants) for r in range(pe)]
    expected = [*starts[0, :rows], *[starts[0, -1]] * (params.nf * pe - rows)]
    assert numbers == [int(x) & (1 << params.acc_width) - 1 for x in expected]


@given(st.integers(1, 6), st.integers(1, 12), st.booleans(), st.data())
def test_compute_is_a_matrix_product(rows: int, columns: int, threshold: bool,
                                     data: st.DataObject) -> None:
    pe, simd = data.draw(st.integers(1, rows)), data.draw(st.integers(1, columns))
    params = mvtu_of(rows, columns, pe, simd, threshold=threshold, acc_width=8)
    choices = DrawnChoices(data.draw)
    weights, x = choices.bits((rows, columns)), choices.bits((5, columns))
    starts = choices.integers(-columns, 0, (1, rows + 1))
    agreeing = (x[:, None] == weights).sum(axis=2)
    sums = agreeing + starts[0, :rows]
    found = params.o.from_words(params.compute(
        params.i.to_words(x), constants=MvtuConstants(weights, starts)))
    assert (found.reshape(5, rows) == ((sums >= 0) if threshold else sums)).all()
