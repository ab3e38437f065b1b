"""Tests PReLU and RPReLU: their integers, their thresholds, and shortcuts in fixed point."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units.prelu import PReluConstants, prelu_params
from bnnhw.errors import ModelError
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.layers import Affine, Dense, Layer, PRelu, Threshold, product_sum
from bnnhw.passes.fuse_thresholds import fuse_thresholds
from tests.importers.yaml_networks import load
from tests.networks import DrawnChoices, examples
from tests.rtl.streams import Stalls, run_stream, stall_patterns


@st.composite
def prelus(draw: st.DrawFn, lowest_slope: int = -9) -> PRelu:
    choices = DrawnChoices(draw)
    low = choices.integer(-60, 30)
    type_ = TensorType((choices.integer(1, 5),), Int(low, low + choices.integer(0, 80)))
    limits = None if choices.chance(0.5) else (choices.integer(-40, 0), choices.integer(0, 40))
    return PRelu("p", "input", type_, choices.integers(lowest_slope, 20, type_.channels),
                 choices.integers(-30, 30, type_.channels),
                 choices.integers(-30, 30, type_.channels), choices.integer(0, 5), limits)


def everything(layer: Layer) -> np.ndarray:
    """All inputs of each channel, ``[values, channels]``."""
    element = layer.input.element
    values = np.arange(element.lo, element.hi + 1)[:, None]
    return np.repeat(values, layer.input.channels, axis=1)


@examples(60)
@given(prelus())
def test_the_slope_is_rounded_half_up(layer: PRelu) -> None:
    """By exact fractions, and the range of the output has no gap at its ends."""
    x = everything(layer)
    y = layer.compute(x)
    for row, values in zip(x, y, strict=True):
        for c, value in enumerate(values):
            t = int(row[c]) + int(layer.before[c])
            scaled = t if t >= 0 else floor(
                Fraction(int(layer.slope[c]) * t, 1 << layer.shift) + (
                    Fraction(1, 2) if layer.shift else 0))
            expected = scaled + int(layer.after[c])
            if layer.limits is not None:
                expected = min(max(expected, layer.limits[0]), layer.limits[1])
            assert value == expected
    element = layer.out_type().element
    assert (y.min(), y.max()) == (element.lo, element.hi)


@examples(40)
@given(prelus(), st.integers(1, 5), stall_patterns(), st.data())
def test_unit(layer: PRelu, lanes: int, stalls: Stalls, data: st.DataObject) -> None:
    element, channels = layer.input.element, layer.input.channels
    params = prelu_params(layer, StreamPlan(channels, lanes, element.width, element.signed))
    constants = PReluConstants(layer.slope, layer.before, layer.after, layer.limits)
    x = DrawnChoices(data.draw).integers(element.lo, element.hi, (8, channels))
    expected = params.o.to_words(layer.compute(x))
    words = params.i.to_words(x)
    assert (params.compute(words, constants=constants) == expected).all()
    out, cycles = run_stream(params.create(constants, "dut"), params.i.pack(words),
                             8 * params.o.words, stalls)
    assert out == params.o.pack(expected)
    if not stalls:
        assert cycles == list(range(params.latency, params.latency + len(cycles)))


def raw(layers: list[Layer]) -> Graph:
    """A dense layer, and layers after it that each read the one before."""
    rows = np.random.default_rng(0).integers(0, 2, (layers[0].input.channels, 9), dtype=np.uint8)
    dense = Dense("fc", "input", TensorType((9,), Bits()), rows[None],
                  *product_sum(rows, Bits()), None)
    return Graph("raw", dense.input, (dense, *layers), (("y", layers[-1].name),))


@st.composite
def monotone_layers(draw: st.DrawFn) -> Layer:
    """A PReLU that rises, or a scale of any sign, of sums from -9 to 9."""
    choices = DrawnChoices(draw)
    if draw(st.booleans()):
        layer: Layer = draw(prelus(lowest_slope=0))
        type_ = TensorType(layer.input.shape, Int(-9, 9))
        return layer.with_inputs({"input": type_}).with_source("input", "fc")
    type_ = TensorType((choices.integer(1, 5),), Int(-9, 9))
    limits = None if choices.chance(0.5) else (choices.integer(-40, 0), choices.integer(0, 40))
    return Affine("p", "fc", type_, choices.integers(-5, 5, type_.channels),
                  choices.integers(-30, 30, type_.channels), choices.integer(0, 5), limits)


@examples(80)
@given(monotone_layers(), st.integers(1, 4), st.data())
def test_thresholds_absorb_what_rises_or_falls(layer: Layer, levels: int,
                                               data: st.DataObject) -> None:
    choices, channels = DrawnChoices(data.draw), layer.input.channels
    thresholds = np.sort(choices.integers(-30, 30, (channels, levels)), axis=1)
    threshold = Threshold("t", "p", layer.out_type(), thresholds, choices.bits(channels))
    graph = raw([layer, threshold])
    fused, names = fuse_thresholds(graph)
    assert names == {"t": "fc"}
    assert [made.kind for made in fused.layers] == ["dense"]
    x = np.random.default_rng(1).integers(0, 2, (300, 9))
    assert (graph.compute(x)["y"] == fused.compute(x)["y"]).all()
    found = layer.input_thresholds(thresholds, threshold.falling)
    assert found is not None
    moved = Threshold("t", "fc", layer.input, *found)
    values = everything(layer)
    assert (moved.compute(values) == threshold.compute(layer.compute(values))).all()


def test_a_prelu_that_falls_and_rises_is_kept() -> None:
    """Its bit is 1 on both sides of an interval, which needs two comparisons of another kind."""
    type_ = TensorType((2,), Int(-9, 9))
    layer = PRelu("p", "fc", type_, np.array([-2, 1]), np.zeros(2, np.int64),
                  np.zeros(2, np.int64))
    threshold = Threshold("t", "p", layer.out_type(), np.array([[5], [5]]), np.zeros(2, np.uint8))
    fused, names = fuse_thresholds(raw([layer, threshold]))
    assert names == {}
    assert [made.kind for made in fused.layers] == ["dense", "prelu", "threshold"]


def test_a_prelu_with_another_reader_is_kept() -> None:
    type_ = TensorType((2,), Int(-9, 9))
    layer = PRelu("p", "fc", type_, np.array([2, 1]), np.zeros(2, np.int64),
                  np.zeros(2, np.int64))
    threshold = Threshold("t", "p", layer.out_type(), np.array([[5], [5]]), np.zeros(2, np.uint8))
    graph = raw([layer, threshold])
    both = Graph("raw", graph.input, graph.layers, (("y", "t"), ("z", "p")))
    assert [made.kind for made in fuse_thresholds(both)[0].layers] == ["dense", "prelu",
                                                                      "threshold"]


@pytest.mark.parametrize(("values", "text"), [
    ({"slope": np.ones(2, np.int64)}, r"slope must have shape \(3,\), not \(2,\)"),
    ({"shift": 49}, r"shift 49 must be 0\.\.48"),
    ({"limits": (3, 2)}, r"saturates at 3\.\.2"),
    ({"slope": np.full(3, 1 << 60)}, "do not fit 63 bits"),
    ({"input": TensorType((3,), Bits())}, "reads 3 bits, expected integers"),
])
def test_errors(values: dict[str, Any], text: str) -> None:
    fields: dict[str, Any] = {"input": TensorType((3,), Int(-8, 7)),
                              "slope": np.ones(3, np.int64), "before": np.zeros(3, np.int64),
                              "after": np.zeros(3, np.int64), **values}
    with pytest.raises(ModelError, match=text):
        PRelu("p", "input", **fields)


@pytest.mark.parametrize("shift", [0, 3])
def test_shortcut_in_fixed_point(shift: int) -> None:
    """``sat(r + ((m * S + c + half) >> s))`` is an affine layer and an add with limits."""
    arrays = {"m.scale": np.array([3, -2, 0, 7]), "m.offset": np.array([-11, 4, 9, 1])}
    graph = load([{"affine": True, "shift": shift, "name": "m"},
                  {"add": "input", "limits": [-13, 20], "output": "r"}],
                 {"shape": [4], "type": "int", "range": [-20, 20]}, arrays)
    x = np.repeat(np.arange(-20, 21)[:, None], 4, axis=1)
    half = 1 << shift >> 1
    expected = np.clip(x + (x * arrays["m.scale"] + arrays["m.offset"] + half >> shift), -13, 20)
    assert (graph.compute(x)["r"] == expected).all()
