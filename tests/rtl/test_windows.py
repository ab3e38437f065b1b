"""Tests sliding windows and pools in Amaranth's simulator against im2col."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import AddParams, ConcatParams, ForkParams, PoolParams, SequenceParams
from bnnhw.dataflow.units.line_window import line_window_params
from bnnhw.dataflow.units.pool import PoolConstants
from bnnhw.dataflow.units.sliding_window import pad_words, upsample_params, window_params
from bnnhw.golden.layout import stream_words
from bnnhw.ir import Graph, TensorType, Window
from bnnhw.layers import MaxPool
from bnnhw.rtl.shared import SharedComponent
from tests.networks import DrawnChoices, examples, random_graph
from tests.rtl.streams import Stalls, numbers, random_stalls, run_stream, stall_patterns

NO_GRAPH: Graph = random_graph([2, 2])


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int, int]:
    """Draw a window, and the height and width of a map that it fits."""
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    pads = draw(st.tuples(*[st.integers(0, 2)] * 4)) if draw(st.booleans()) else (0, 0, 0, 0)
    window = Window(draw(pair), draw(pair), draw(pair), pads)
    reach_y, reach_x = window.reach
    return window, max(height, reach_y - pads[0] - pads[2]), max(width, reach_x - pads[1] - pads[3])


@examples(40)
@given(windows(), st.integers(1, 5), st.integers(1, 3), st.sampled_from([0, 1, 3]), st.booleans(),
       stall_patterns(), st.data())
def test_window_buffer_is_im2col(case: tuple[Window, int, int], channels: int, lanes: int,
                                 repeats: int, pattern: bool, stalls: Stalls,
                                 data: st.DataObject) -> None:
    """The buffer emits im2col for any window, padding and order, at its minimum depth.

    With 0 repeats, all taps of a word of channels precede those of the next word.
    """
    outer = repeats == 0
    window, height, width = case
    choices = DrawnChoices(data.draw)
    i = StreamPlan(channels, min(lanes, channels), 2, False, height * width)
    pad = choices.integers(0, 3, (2, 4, 3) if pattern else (1, 1, 1))
    unit = window_params(i, window, (height, width), pad_words(pad, channels, i, window), outer,
                         max(repeats, 1))
    x = choices.integers(0, 3, (3, height, width, channels))
    rows = window.reach[0] + window.stride[0]
    depth = max(2, rows * width * i.group_words)
    buffer = replace(unit, depth=depth).create()
    gathered = window.gather(x, pad)  # [n, OH, OW, KH, KW, C]
    pixel_words = numbers(stream_words(gathered.reshape(-1, channels), i.lanes, 2))
    expected = np.array(pixel_words).reshape(-1, window.taps, i.group_words)
    if outer:
        expected = expected.transpose(0, 2, 1)
    expected = expected.repeat(max(repeats, 1), axis=0)
    words = numbers(stream_words(x.reshape(-1, channels), i.lanes, 2))
    out, cycles = run_stream(buffer, words, expected.size, stalls)
    assert out == expected.ravel().tolist()
    if not stalls and not window.padded and window.stride == (1, 1):
        per_frame = expected.size // 3
        ends = cycles[per_frame - 1::per_frame]
        busy = max(per_frame, len(words) // 3)
        assert ends[2] - ends[1] <= busy + width * i.group_words  # at most a row of slack


def test_padding_pattern_larger_than_the_map() -> None:
    """A padding pattern is correct where its columns need more bits than the coordinates."""
    i, window = StreamPlan(1, 1, 2), Window((1, 2), pads=(0, 1, 1, 1))
    pad = np.random.default_rng(1).integers(0, 4, (2, 4, 1))
    unit = replace(window_params(i, window, (1, 1), pad_words(pad, 1, i, window)), depth=2)
    x = np.array([[[[1]]], [[[2]]]])
    expected = window.gather(x, pad).ravel().tolist()
    out, _ = run_stream(unit.create(), [1, 2], len(expected))
    assert out == expected
    assert unit.compute(x.reshape(2, 1, 1)).ravel().tolist() == expected


@examples(40)
@given(windows(), st.integers(1, 4), st.integers(1, 3), stall_patterns(), st.data())
def test_line_window_is_im2col(case: tuple[Window, int, int], channels: int, lanes: int,
                               stalls: Stalls, data: st.DataObject) -> None:
    """The unit emits all taps at once, also where the last word of a pixel is partial."""
    window, height, width = case
    choices = DrawnChoices(data.draw)
    i = StreamPlan(channels, min(lanes, channels), 2, False, height * width)
    value = choices.integers(0, 3, (1, 1, 1))
    unit = line_window_params("w", i, window, (height, width),
                              pad_words(value, channels, i, window))
    depth = unit.round_depth((window.reach[0] + window.stride[0]) * unit.row_words)
    line = replace(unit, depth=depth).create()
    x = choices.integers(0, 3, (3, height, width, channels))
    padded = np.zeros((*x.shape[:3], i.group_words * i.lanes), dtype=np.int64)
    padded[..., :channels] = x
    fill = np.zeros((1, 1, i.group_words * i.lanes), dtype=np.int64)
    fill[..., :channels] = value
    # [n, OH, OW, taps, words, lanes] -> a word of channels with all its taps
    gathered = window.gather(padded, fill).reshape(-1, window.taps, i.group_words, i.lanes)
    expected = numbers(stream_words(gathered.transpose(0, 2, 1, 3).reshape(
        -1, window.taps * i.lanes), window.taps * i.lanes, 2))
    words = numbers(stream_words(x.reshape(-1, channels), i.lanes, 2))
    out, _ = run_stream(line, words, len(expected), stalls)
    assert out == expected


def test_parallel_window_sustains_a_pixel_a_cycle() -> None:
    """Without padding, a frame takes as many cycles as it has pixels."""
    window = Window((3, 3))
    i = StreamPlan(1, 1, 8, False, 64)
    unit = line_window_params("w", i, window, (8, 8), None)
    line = replace(unit, depth=unit.round_depth(40)).create()
    x = np.random.default_rng(0).integers(0, 256, (6, 64))
    _, cycles = run_stream(line, x.ravel().tolist(), 6 * 36)
    ends = cycles[35::36]
    assert np.diff(ends)[2:].tolist() == [64] * 3


def test_line_window_that_skips_no_pixel_between_rows() -> None:
    """Windows are correct where no pixel is skipped between two rows of windows."""
    window = Window((3, 2), stride=(1, 2), pads=(2, 0, 2, 1))
    i = StreamPlan(1, 1, 8, False, 15)
    unit = line_window_params("w", i, window, (5, 3), (1, 1, (7,)))
    line = replace(unit, depth=unit.round_depth(12)).create()
    x = np.random.default_rng(0).integers(0, 256, (3, 5, 3, 1))
    expected = numbers(stream_words(window.gather(x, 7).reshape(-1, 6), 6, 8))
    out, _ = run_stream(line, x.ravel().tolist(), len(expected))
    assert out == expected


def test_upsampling_repeats_rows_and_columns() -> None:
    i = StreamPlan(3, 2, 2, False, 6)
    unit = upsample_params(i, (2, 3), (2, 3))
    buffer = replace(unit, depth=8).create()
    x = np.random.default_rng(0).integers(0, 4, (2, 2, 3, 3))
    expected = numbers(stream_words(x.repeat(2, 1).repeat(3, 2).reshape(-1, 3), 2, 2))
    out, _ = run_stream(buffer, numbers(stream_words(x.reshape(-1, 3), 2, 2)), len(expected),
                        random_stalls(0.3))
    assert out == expected


@examples(25)
@given(st.sampled_from(["max", "sum"]), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2),
       st.booleans(), stall_patterns(), st.data())
def test_reduce(op: str, taps: int, words: int, lanes: int, signed: bool, stalls: Stalls,
                data: st.DataObject) -> None:
    """A pool emits the maximum, the minimum or the sum of signed and unsigned channels."""
    choices = DrawnChoices(data.draw)
    width, out_width = 3, 3 if op == "max" else 6
    low = -4 if signed else 0
    x = choices.integers(low, low + 7, (5, taps, words, lanes))
    smallest = choices.integers(0, 1 if op == "max" else 0, (words, lanes))
    unit = PoolParams(StreamPlan(words * lanes, lanes, width, signed, taps),
                      StreamPlan(words * lanes, lanes, out_width, signed), taps).create(
        PoolConstants(op, smallest.ravel()))
    expected = x.sum(axis=1) if op == "sum" else np.where(smallest, x.min(axis=1), x.max(axis=1))
    out, _ = run_stream(unit, numbers(stream_words(x.reshape(-1, lanes), lanes, width)), 5 * words,
                        stalls)
    assert out == numbers(stream_words(expected.reshape(-1, lanes), lanes, out_width))


def test_impossible_sizes_are_rejected() -> None:
    i = StreamPlan(1, 1, groups=16)
    buffer = window_params(i, Window((2, 2)), (4, 4), None)
    with pytest.raises(ValueError, match="depth must be positive"):
        replace(buffer, depth=0).create()
    line = line_window_params("w", i, Window((3, 3)), (4, 4), None)
    with pytest.raises(ValueError, match="fewer than the 3 of a window"):
        replace(line, depth=8).create()
    with pytest.raises(ValueError, match="op must be max or sum"):
        PoolConstants("min", np.zeros(1))


def test_different_hardware_has_different_module_names() -> None:
    """Units that differ in any parameter of their hardware do not share a module."""
    def add(second_signed: bool, limits: tuple[int, int] | None) -> SharedComponent:
        first, second = StreamPlan(2, 2, 3, True), StreamPlan(2, 2, 3, second_signed)
        return AddParams(first, StreamPlan(2, 2, 4, True), second).create(limits)

    def concat(lanes0: int, lanes1: int) -> SharedComponent:
        first, second = (StreamPlan(n, n, 3, True) for n in (lanes0, lanes1))
        return ConcatParams(first, StreamPlan(3, 3, 3, True), second).create()

    def sequence(words0: int, words1: int) -> SharedComponent:
        return SequenceParams(StreamPlan(words0, 1), StreamPlan(7, 1, 2),
                              StreamPlan(words1, 1, 2)).create()

    units = [*(ForkParams(StreamPlan(1, 1, w), StreamPlan(1, 1, w)).create() for w in (2, 3)),
             add(True, None), add(False, None), add(True, (-4, 3)), concat(1, 2), concat(2, 1),
             sequence(3, 4), sequence(4, 3)]
    names = [unit.module_name for unit in units]
    assert len(set(names)) == len(names)


def test_a_pool_takes_the_maximum_by_default() -> None:
    pool = MaxPool("p", "input", TensorType((2, 2, 3), NO_GRAPH.input.element), Window((2, 2)))
    assert pool.smallest.tolist() == [0, 0, 0]
