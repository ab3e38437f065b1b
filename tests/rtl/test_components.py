"""Tests components in Amaranth's simulator against their definition, with stalls and timing."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.timing import Edge, TokenNet, settle, steady
from bnnhw.dataflow.units import AffineParams, ConverterParams, InputParams, OutputParams
from bnnhw.dataflow.units.affine import AffineConstants
from bnnhw.dataflow.units.argmax import argmax_params
from bnnhw.golden.layout import stream_values, stream_words
from bnnhw.rtl.pe import PeParams
from bnnhw.rtl.popcount import Popcount
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.rom import Rom
from tests.networks import DrawnChoices, examples
from tests.rtl.streams import (
    Stalls,
    as_bytes,
    numbers,
    random_stalls,
    run_stream,
    stall_patterns,
)


@examples(30)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.sampled_from([(1, 1), (3, 1),
       (1, 4)]), st.integers(1, 3), stall_patterns(), st.data())
def test_converter_regroups(a: int, b: int, length: int, groups: tuple[int, int], width: int,
                            stalls: Stalls, data: st.DataObject) -> None:
    """A converter joins groups of its input to larger groups, splits them, or keeps them."""
    inside, outside = groups[0] * length, groups[1] * length
    frame = max(inside, outside)
    params = ConverterParams(StreamPlan(inside, a, width, False, frame // inside),
                             StreamPlan(outside, b, width, False, frame // outside))
    # The last word of a group may carry anything in its unused lanes.
    lanes = DrawnChoices(data.draw).integers(0, (1 << width) - 1, (
        8 * frame // inside, -(-inside // a) * a))
    words = numbers(stream_words(lanes, a, width))
    expected = numbers(stream_words(lanes[:, :inside].reshape(-1, outside), b, width))
    out, cycles = run_stream(params.create(), words, len(expected), stalls)
    assert out == expected
    if not stalls:
        block = params.token_model()
        net = TokenNet([block], [Edge(block.in_words, None, (0, 0)),
                                 Edge(block.out_words, (0, 0), None)], ["dwc"])
        ii, _, _ = steady(net, max(block.in_words, block.out_words))
        times = settle(net, 8, np.arange(8 * block.in_words))
        assert cycles == list(times[1])
        assert cycles[-1] - cycles[-1 - block.out_words] == ii


@pytest.mark.parametrize(("a", "b"), [(1, 8), (8, 1), (4, 8), (8, 4), (3, 5), (5, 3)])
def test_converter_loses_no_cycle_inside_a_frame(a: int, b: int) -> None:
    """If lanes divide the frame, it takes as many cycles as the narrower side has words."""
    dwc = ConverterParams(StreamPlan(120, a), StreamPlan(120, b)).create()
    x = np.random.default_rng(0).integers(0, 2, (4, 120))
    _, cycles = run_stream(dwc, numbers(stream_words(x, a, 1)), 4 * (120 // b))
    assert cycles[4 * (120 // b) - 1] - cycles[3 * (120 // b) - 1] == 120 // min(a, b)


@pytest.mark.parametrize("levels", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 16, 33])
def test_popcount(width: int, levels: int) -> None:
    unit = Popcount(width=width, levels=levels)
    delay = Popcount.stages(width, levels)
    chance = random.Random(width)
    words = [0, (1 << width) - 1, *(chance.getrandbits(width) for _ in range(40))]

    async def bench(ctx: Any) -> None:
        for k in range(len(words) + delay):
            ctx.set(unit.i, words[min(k, len(words) - 1)])
            if k >= delay:
                await ctx.delay(1e-9)
                assert ctx.get(unit.o) == words[k - delay].bit_count()
            await ctx.tick()

    simulator = Simulator(unit if delay else _clocked(unit))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def _clocked(unit: Any) -> Any:
    """Add a register to a combinational unit, because the simulator needs a clock domain."""
    from amaranth.hdl import Module, Signal
    m = Module()
    m.submodules.unit = unit
    beat = Signal()
    m.d.sync += beat.eq(~beat)
    return m


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize(("elements", "lanes"),
                         [(1, 1), (10, 1), (10, 10), (10, 4), (7, 8), (5, 3)])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_argmax(elements: int, lanes: int, forward: bool, stall: float) -> None:
    unit = argmax_params(StreamPlan(elements, lanes, 4, True), forward).create()
    x = np.random.default_rng(elements).integers(-3, 3, (30, elements))
    x[0] = -8
    x[1] = 7
    words = -(-elements // lanes)
    total = 30 * (words if forward else 1)
    out, _ = run_stream(unit, numbers(stream_words(x, lanes, 4)), total, random_stalls(stall))
    size = -(-len(unit.o.payload) // 8)
    frames = as_bytes(out, size).reshape(30, -1, size)
    first = lanes * 4 if forward else 0
    labels = stream_values(frames[:, -1:], 1, 1, unit.label_width, False, first)[:, 0]
    assert (labels == x.argmax(axis=1)).all()
    if forward:
        assert (stream_values(frames, elements, lanes, 4, True) == x).all()


@pytest.mark.parametrize("limits", [None, (-20, 11), (3, 40)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("lanes", [1, 3, 5])
def test_affine(lanes: int, signed: bool, limits: tuple[int, int] | None) -> None:
    chance = np.random.default_rng(lanes)
    lo, hi = (-8, 7) if signed else (0, 15)
    scale, offset = chance.integers(-5, 6, 5), chance.integers(-40, 41, 5)
    x = chance.integers(lo, hi + 1, (20, 5))
    i, o = StreamPlan(5, lanes, 4, signed), StreamPlan(5, lanes, 9, True)
    unit = AffineParams(i, o, scale_width=4, sum_width=9).create(
        AffineConstants(scale, offset, 0, limits))
    out, _ = run_stream(unit, i.pack(i.to_words(x)), 20 * i.words, random_stalls(0.3))
    sums = x * scale + offset
    assert out == o.pack(o.to_words(sums if limits is None else np.clip(sums, *limits)))


@pytest.mark.parametrize(("width", "threshold"), [(8, 0), (8, 100), (8, 256), (1, None)])
def test_axi_input_binarises_and_masks(width: int, threshold: int | None) -> None:
    o = StreamPlan(6, 4, width if threshold is None else 1)
    unit = InputParams(StreamPlan(6, 4, width), o, threshold).create()
    x = np.random.default_rng(1).integers(0, 1 << width, (5, 8))  # the last two lanes are unused
    out, _ = run_stream(unit, numbers(stream_words(x, 4, width)), 10, random_stalls(0.2))
    bits = x if threshold is None else x >= threshold
    expected = np.where(np.arange(8) < 6, bits, 0)
    assert out == numbers(stream_words(expected.astype(np.int64), 4, 1))


@pytest.mark.parametrize(("make", "text"), [
    (lambda: CreditQueue(width=4, depth=2), "depth must be at least 3, not 2"),
    (lambda: ConverterParams(StreamPlan(1, 0), StreamPlan(1, 1)), "must be positive"),
    (lambda: Popcount(width=0, levels=1), "width 0 must be positive"),
    (lambda: PeParams(simd=1, width=2, coefficient=0, levels=0), "coefficient"),
    (lambda: Rom(words=[1], width=1, style="distributed"), "style must be one of block, lut"),
])
def test_constructors_reject_invalid_parameters(make: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


def test_axi_output_marks_the_last_word() -> None:
    words = StreamPlan(3, 1, 3)
    unit = OutputParams(words, words).create()
    marks = []

    async def bench(ctx: Any) -> None:
        ctx.set(unit.i.valid, 1)
        for k in range(20):
            ctx.set(unit.o.ready, k % 2)
            if k % 2:
                marks.append(ctx.get(unit.last))
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert marks == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
