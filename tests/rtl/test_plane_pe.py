"""Tests the processing element for weights of several planes against its definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.logic.weighted_products import MINUS_ONE, NO_MASK, PLUS_ONE
from bnnhw.rtl.plane_pe import PlanePeParams
from bnnhw.rtl.weight_form import WeightForm, store_planes
from tests.networks import DrawnChoices, examples

FORMS = {
    "ternary": WeightForm(((0, 1),), ((1,),)),
    "sign and magnitude": WeightForm(((0, 1), (0, 2)), ((1, 2), (2, 4))),
    "two's complement": WeightForm(((PLUS_ONE, 0), (PLUS_ONE, 1), (MINUS_ONE, 2)),
                                   ((1, 2), (2, 4), (4, 8))),
    "levels": WeightForm(((0, NO_MASK), (1, NO_MASK)), ((2, 4), (4, 8))),
    "two bases": WeightForm(((0, NO_MASK), (1, NO_MASK)), ((3, 5), (7, 11))),
    "residual": WeightForm(((0, NO_MASK),), ((11, 5, 2),)),
    "diagonal": WeightForm(((0, NO_MASK), (1, NO_MASK)), ((4, 0), (0, 3))),
}


def scaled(form: WeightForm, activations: bool, weights: bool) -> WeightForm:
    return WeightForm(form.sources, form.coefficients, activations, weights)


def run(params: PlanePeParams, a: np.ndarray, stored: np.ndarray, start: int) -> int:
    """Accumulate words: activations ``[M, words, simd]``, stored bits ``[B, words, simd]``."""
    form, pe = params.form, params.create()
    words = form.words(stored)
    steps = []
    for word in range(a.shape[1]):
        for k in range(form.steps):
            plane, part = divmod(k, form.activation_steps)
            shown = a[form.planes - 1 - part:][:1] if form.serial_activations else a
            steps.append((k, word, _packed(shown[:, word]), _packed(words[plane][:, word])))
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(pe.start, start)
        for t in range(len(steps) + params.latency):
            counted, added = t - params.count_latency, t - params.latency + 1
            if t < len(steps):
                ctx.set(pe.a, steps[t][2])
                ctx.set(pe.w, steps[t][3])
            ctx.set(pe.count, 0 <= counted < len(steps))
            if 0 <= counted < len(steps):
                ctx.set(pe.plane, steps[counted][0])
                ctx.set(pe.first_plane, steps[counted][0] == 0)
            ctx.set(pe.enable, 0 <= added < len(steps) and steps[added][0] == form.steps - 1)
            if 0 <= added < len(steps):
                ctx.set(pe.first, steps[added][1] == 0)
            await ctx.tick()
        found.append(ctx.get(pe.acc))

    simulator = Simulator(pe)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found[0]


def _packed(lanes: np.ndarray) -> int:
    """Bits ``[bits, lanes]`` as a word, lane by lane."""
    return sum(int(bit) << k for k, bit in enumerate(lanes.T.ravel()))


def expected_sum(form: WeightForm, a: np.ndarray, stored: np.ndarray) -> int:
    total = 0
    for (sign, mask), row in zip(form.sources, form.coefficients, strict=True):
        for plane, c in zip(a, row, strict=True):
            positive = stored[sign] if sign >= 0 else np.full(plane.shape, sign == PLUS_ONE)
            agreeing = plane == positive
            total += c * int((agreeing & (stored[mask] == 1 if mask != NO_MASK else True)).sum())
    return total


@examples(40)
@given(st.sampled_from(sorted(FORMS)), st.booleans(), st.booleans(), st.integers(1, 5),
       st.integers(1, 3), st.sampled_from(["ecp5", "ice40", "generic"]), st.booleans(), st.data())
def test_element_adds_up_its_planes(name: str, activations: bool, weights: bool, simd: int,
                                    words: int, family: str, registered: bool,
                                    data: st.DataObject) -> None:
    form = FORMS[name]
    if form.factors is not None:
        form = scaled(form, activations and form.planes > 1, weights and len(form.sources) > 1)
    choices = DrawnChoices(data.draw)
    a, stored = choices.bits((form.planes, words, simd)), choices.bits((form.stored, words, simd))
    params = PlanePeParams(simd, 16, form, 3, registered, family)
    assert run(params, a, stored, -9) == expected_sum(form, a, stored) - 9


@examples(60)
@given(st.integers(1, 4), st.integers(1, 6), st.booleans(), st.data())
def test_stored_bits_are_the_weights(planes: int, columns: int, masked: bool,
                                     data: st.DataObject) -> None:
    """Whatever planes share, the signs that come back are those of the weights."""
    choices = DrawnChoices(data.draw)
    weights = choices.bits((planes, 2, columns))
    mask = choices.bits((planes, 2, columns)) if masked else np.ones_like(weights)
    weights = np.where(mask == 1, weights, 1).astype(np.uint8)
    sources, stored = store_planes(weights, mask if masked else None)
    form = WeightForm(sources, tuple((1,) for _ in sources))
    assert (form.signs(stored) == (2 * weights.astype(int) - 1) * mask).all()
    assert 1 <= len(stored) <= 2 * planes
    assert form.stored == len(stored) or all(sign < 0 for sign, _ in sources)


def test_planes_with_equal_signs_store_them_once() -> None:
    values = np.array([[3, -2, 0, 1, -3, 2]])
    mask = np.stack([abs(values) >> q & 1 for q in range(2)]).astype(np.uint8)
    weights = np.where(mask == 1, values > 0, True).astype(np.uint8)
    sources, stored = store_planes(weights, mask)
    assert len(stored) == 3
    assert sources[0][0] == sources[1][0]


def test_constant_signs_are_not_stored() -> None:
    """Two's complement: three planes of 0/1, of which the highest one counts negative."""
    values = np.array([[-4, 3, 1, -1, 0, 2]])
    mask = np.stack([values >> q & 1 for q in range(3)]).astype(np.uint8)
    weights = np.ones_like(mask)
    weights[2] = mask[2] ^ 1
    sources, stored = store_planes(weights, mask)
    assert [sign for sign, _ in sources] == [PLUS_ONE, PLUS_ONE, MINUS_ONE]
    assert len(stored) == 3


@pytest.mark.parametrize(("sources", "coefficients", "serial", "text"), [
    (((0, NO_MASK),), ((1,), (2,)), False, "do not belong to 1 planes"),
    (((0, NO_MASK),), ((0, 0),), False, "one of them positive"),
    (((0, NO_MASK), (1, NO_MASK)), ((1, 2), (2, 5)), True, "no products of two factors"),
])
def test_impossible_forms_are_rejected(sources: Any, coefficients: Any, serial: bool,
                                       text: str) -> None:
    with pytest.raises(ValueError, match=text):
        WeightForm(sources, coefficients, serial)
