"""Tests the MVTU with weights of several planes: values, cycles under stalls, and ROM contents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.timing import Edge, TokenNet, settle
from bnnhw.dataflow.units.mvtu import MvtuConstants, MvtuParams
from bnnhw.rtl.weight_form import WeightForm, store_planes
from tests.dataflow.units import mvtu_of
from tests.networks import Choices, DrawnChoices, SeededChoices, examples
from tests.rtl.streams import random_stalls, run_stream

KINDS = ("levels", "ternary", "magnitude", "complement")
FRAMES = 4


def planes_of(choices: Choices, kind: str, shape: tuple[int, int, int],
              ) -> tuple[np.ndarray, np.ndarray | None]:
    """Weights and mask ``[Q, rows, columns]`` of one of the forms that few-bit weights have."""
    weights, mask = choices.bits(shape), choices.bits(shape)
    if kind == "levels":
        return weights, None
    if kind == "magnitude":
        weights[:] = weights[:1]
    if kind == "complement":
        weights[:-1], weights[-1] = 1, 0
    return np.where(mask == 1, weights, 1).astype(np.uint8), mask


def unit_of(choices: Choices, kind: str, *, serial: bool = False, serial_weights: bool = False,
            odd: bool = False) -> tuple[MvtuParams, MvtuConstants, np.ndarray, np.ndarray]:
    """An MVTU with its constants, samples, and the sums or bits that it should give."""
    rows, columns = choices.integer(1, 5), choices.integer(1, 8)
    pe, simd = choices.integer(1, rows), choices.integer(1, columns)
    count, bits = choices.integer(1, 3), choices.integer(1, 3)
    signed, threshold = bits > 1 and choices.chance(0.3), choices.chance(0.4)
    weights, mask = planes_of(choices, kind, (count, rows, columns))
    scales, units = [1 << q for q in range(count)], [1 << m for m in range(bits)]
    if odd:
        scales, units = ([int(v) for v in choices.integers(1, 7, n)] for n in (count, bits))
    coefficients = tuple(tuple(s * t for t in units) for s in scales)
    sources, stored = store_planes(weights, mask)
    params = replace(mvtu_of(
        rows, columns, pe, simd, bits=bits, serial=serial and bits > 1, acc_width=14,
        threshold=threshold, plane_sources=sources, coefficients=coefficients,
        serial_weights=serial_weights and count > 1, family="ecp5" if choices.chance(0.5)
        else "ice40", product_register=choices.chance(0.5)),
        i=StreamPlan(columns, simd, bits, signed))
    starts = choices.integers(-20, 5, (1, rows + 1))
    starts[0, -1] = -4000 if threshold else 0
    offset = (1 << bits - 1) * signed
    low = -offset
    x = choices.integers(low, low + (1 << bits) - 1, (FRAMES, columns))
    sums = np.tile(starts[0, :rows], (FRAMES, 1))
    for q in range(count):
        for m in range(bits):
            agreeing = (x + offset >> m & 1)[:, None] == weights[q]
            if mask is not None:
                agreeing &= mask[q] == 1
            sums += coefficients[q][m] * agreeing.sum(axis=2)
    pad = params.pad_columns * WeightForm(sources, coefficients).pad_sum(
        [offset >> m & 1 for m in range(bits)])
    constants = MvtuConstants(stored, starts - pad, signed=signed)
    return params, constants, x, (sums >= 0).astype(np.int64) if threshold else sums


@examples(60)
@given(st.sampled_from(KINDS), st.booleans(), st.booleans(), st.booleans(), st.data())
def test_compute_is_the_weighted_sum(kind: str, serial: bool, serial_weights: bool, odd: bool,
                                     data: st.DataObject) -> None:
    params, constants, x, expected = unit_of(
        DrawnChoices(data.draw), kind, serial=serial, serial_weights=serial_weights, odd=odd)
    words = params.compute(params.i.to_words(x), constants=constants)
    assert (params.o.from_words(words).reshape(expected.shape) == expected).all()


def simulate(seed: int, kind: str, serial: bool, serial_weights: bool, odd: bool,
             stall: float) -> None:
    params, constants, x, expected = unit_of(SeededChoices(seed), kind, serial=serial,
                                             serial_weights=serial_weights, odd=odd)
    words = params.compute(params.i.to_words(x), constants=constants)
    assert (params.o.from_words(words).reshape(expected.shape) == expected).all()
    out, cycles = run_stream(params.create(constants, "dut"), params.i.pack(params.i.to_words(x)),
                             FRAMES * params.o.words, random_stalls(stall))
    assert out == params.o.pack(words)
    if not stall:
        net = TokenNet([params.token_model()], [Edge(params.i.words, None, (0, 0)),
                                                Edge(params.o.words, (0, 0), None)], ["dut"])
        assert cycles == list(settle(net, FRAMES, np.arange(FRAMES * params.i.words))[1])


@examples(40)
@given(st.integers(0, 999), st.sampled_from(KINDS), st.booleans(), st.booleans(), st.booleans(),
       st.sampled_from([0.0, 0.4]))
def test_component_equals_its_integer_function(seed: int, kind: str, serial: bool,
                                               serial_weights: bool, odd: bool,
                                               stall: float) -> None:
    """The words are equal under stalls, and without them the cycles equal the token model."""
    simulate(seed, kind, serial, serial_weights, odd, stall)


def test_rom_has_the_stored_bits_of_each_lane() -> None:
    """A word has PE rows of SIMD lanes, each with the sign and the two masks of its weight."""
    values = np.array([[3, -2, 0, 1], [-1, 2, -3, 0]])
    mask = np.stack([abs(values) >> q & 1 for q in range(2)]).astype(np.uint8)
    weights = np.where(mask == 1, values > 0, True).astype(np.uint8)
    sources, stored = store_planes(weights, mask)
    assert len(stored) == 3
    params = mvtu_of(2, 4, 1, 2, plane_sources=sources, coefficients=((1,), (2,)))
    words = params.weight_words(MvtuConstants(stored, np.zeros((1, 3), dtype=np.int64)))
    assert params.weight_width == 2 * 3
    assert len(words) == 4
    for at, word in enumerate(words):
        row, k = divmod(at, 2)
        for lane in range(2):
            found = [word >> (lane * 3 + b) & 1 for b in range(3)]
            assert found == [int(bits[row, 2 * k + lane]) for bits in stored]


def test_serial_planes_have_a_word_each() -> None:
    values = np.array([[3, -2, 0, 1]])
    mask = np.stack([abs(values) >> q & 1 for q in range(2)]).astype(np.uint8)
    weights = np.where(mask == 1, values > 0, True).astype(np.uint8)
    sources, stored = store_planes(weights, mask)
    params = mvtu_of(1, 4, 1, 4, plane_sources=sources, coefficients=((1,), (2,)),
                     serial_weights=True)
    words = params.weight_words(MvtuConstants(stored, np.zeros((1, 2), dtype=np.int64)))
    assert (params.weight_width, params.planes, len(words)) == (4 * 2, 2, 2)
    for word, plane in zip(words, (1, 0), strict=True):  # the highest plane first
        assert [word >> (2 * lane + 1) & 1 for lane in range(4)] == list(mask[plane][0])


def test_plans_of_one_bit_have_no_new_fields() -> None:
    plain = mvtu_of(2, 4, 1, 2)
    assert not {"plane_sources", "coefficients", "serial_weights"} & set(plain.to_json())
    planes = mvtu_of(2, 4, 1, 2, plane_sources=((0, 1),), coefficients=((1,),))
    assert planes.to_json()["plane_sources"] == ((0, 1),)
