"""Tests that all forms of a threshold unit equal the thresholds, at all values and under stalls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.dataflow.pipeline import PipelineParams
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.timing import Edge, TokenNet, settle
from bnnhw.dataflow.units import AffineThresholdParams, SearchParams, ThresholdParams
from bnnhw.dataflow.units.threshold import (
    Reach,
    ThresholdConstants,
    threshold_forms,
    threshold_params,
)
from bnnhw.dataflow.units.threshold.affine_fit import (
    AffineForm,
    common_affine,
    fit_affine,
    is_exact,
)
from bnnhw.families import get_device
from bnnhw.ir import Bits, Graph, Int, TensorType
from bnnhw.layers import Dense, Threshold, product_sum
from tests.networks import DrawnChoices, examples
from tests.rtl.streams import Stalls, run_stream, stall_patterns

ECP5 = get_device("ecp5")


def layer_of(thresholds: np.ndarray, low: int, high: int, falling: np.ndarray | None = None,
             pixels: int = 2) -> Threshold:
    channels = len(thresholds)
    return Threshold("t", "input", TensorType((pixels, channels), Int(low, high)), thresholds,
                     np.zeros(channels, np.uint8) if falling is None else falling)


def forms_of(layer: Threshold, lanes: int) -> list[PipelineParams[Any]]:
    element = layer.input.element
    assert isinstance(element, Int)
    stream = StreamPlan(layer.input.channels, lanes, element.width, element.signed,
                        layer.input.shape[0])
    return threshold_forms(layer, stream, element, ECP5)


@st.composite
def threshold_layers(draw: st.DrawFn) -> Threshold:
    """Layers of 4 to 17 thresholds per channel: at equal distances, at any, equal ones, beyond the
    range, and the same ones in all channels."""
    choices = DrawnChoices(draw)
    low = choices.integer(-40, 40)
    high = low + choices.integer(0, 60)
    channels, levels = choices.integer(1, 5), choices.integer(4, 17)
    kind = choices.integer(0, 2)
    if kind == 0:
        thresholds = np.sort(choices.integers(low - 3, high + 3, (channels, levels)), axis=1)
    else:
        # Quantisers have real steps, whose thresholds are rounded up.
        numerator = choices.integers(1, 50, (channels if kind == 1 else 1, 1))
        begin = choices.integers(4 * low - 80, 4 * high, (channels, 1))
        thresholds = -(-(begin + numerator * np.arange(levels)) // 4)
    return layer_of(thresholds.astype(np.int64), low, high, choices.bits(channels))


@examples(25)
@given(threshold_layers(), st.integers(1, 6), stall_patterns(), st.data())
def test_every_form_is_the_layer(layer: Threshold, lanes: int, stalls: Stalls,
                                 data: st.DataObject) -> None:
    """At all values by the integer function, and in hardware at drawn ones, in planned cycles."""
    element, channels = layer.input.element, layer.input.channels
    graph = Graph("net", layer.input, (layer,), (("y", "t"),))
    values = np.repeat(np.arange(element.lo, element.hi + 1), 2)[:, None]
    everything = np.repeat(values, channels, axis=1).reshape(-1, 2, channels)
    x = DrawnChoices(data.draw).integers(element.lo, element.hi, (2, *layer.input.shape))
    forms = forms_of(layer, min(lanes, channels))
    assert {ThresholdParams, SearchParams} <= {type(form) for form in forms}
    for form in forms:
        constants = form.constants(graph, "t")
        found = form.compute(form.i.to_words(everything), constants=constants)
        assert (found == form.o.to_words(layer.compute(everything))).all()
        words, expected = form.i.pack(form.i.to_words(x)), form.o.to_words(layer.compute(x))
        out, cycles = run_stream(form.create(constants, "dut"), words, 2 * form.o.words, stalls)
        assert out == form.o.pack(expected), form.kind
        if not stalls:
            net = TokenNet([form.token_model()], [Edge(form.i.words, None, (0, 0)),
                                                  Edge(form.o.words, (0, 0), None)], ["dut"])
            assert cycles == list(settle(net, 2, np.arange(2 * form.i.words))[1])


@examples(50)
@given(threshold_layers())
def test_an_affine_form_is_found_exactly_where_one_exists(layer: Threshold) -> None:
    """A search over all scales and offsets of each channel finds none of a smaller shift."""
    constants, reach = ThresholdConstants.of(layer), Reach.of(layer)
    found = fit_affine(constants, reach)
    assert found is None or is_exact(found, constants, reach)
    for shift in range(4 if found is None else min(found.shift + 1, 4)):
        exists = all(_has_form(layer, c, shift) for c in range(layer.input.channels))
        assert exists == (found is not None and found.shift == shift)
    common = common_affine(constants, reach)
    if common is not None:
        assert found is not None
        assert common.shift >= found.shift
        assert len(set(common.scale)) == 1
        assert is_exact(common, constants, reach)


def _has_form(layer: Threshold, channel: int, shift: int) -> bool:
    """Whether some ``(m * x + b) >> shift`` equals a channel, by trying all of them."""
    values = np.arange(layer.input.element.lo, layer.input.element.hi + 1)
    x = np.repeat(values[:, None], layer.input.channels, axis=1)
    wanted = layer.compute(x)[:, channel]
    turned = ~values if layer.falling[channel] else values
    for scale in range((layer.levels << shift) + 1):
        # The offset lies between two that are too low and too high at some value.
        products = scale * turned
        least = np.where(wanted > 0, (wanted << shift) - products, -1 << 40).max()
        most = np.where(wanted < layer.levels, (wanted + 1 << shift) - 1 - products,
                        1 << 40).min()
        if least <= most:
            return True
    return False


def test_another_offset_is_not_exact() -> None:
    layer = layer_of(np.array([[-9, -3, 3, 9]]), -20, 20)
    constants, reach = ThresholdConstants.of(layer), Reach.of(layer)
    form = fit_affine(constants, reach)
    assert form is not None
    assert is_exact(form, constants, reach)
    for offset in (form.offset + 9, form.offset - 9):
        assert not is_exact(AffineForm(form.scale, offset, form.shift), constants, reach)
    assert not is_exact(AffineForm(form.scale + 1, form.offset, form.shift), constants, reach)


def test_thresholds_beyond_the_reach_do_not_matter() -> None:
    """Only sums that a row can reach count, so clipped thresholds keep an equal distance."""
    rows = np.ones((2, 6), dtype=np.uint8)
    thresholds = np.array([[-6, -2, 2, 6, 7, 7, 7], [-99, -6, -2, 2, 6, 99, 99]])
    layer = Dense("fc", "input", TensorType((6,), Bits()), rows[None],
                  *product_sum(rows, Bits()), thresholds)
    constants, reach = ThresholdConstants.of(layer), Reach.of(layer)
    assert (reach.low.tolist(), reach.high.tolist()) == ([-6, -6], [6, 6])
    form = fit_affine(constants, reach)
    assert form is not None
    sums = np.repeat(np.arange(-6, 7)[:, None], 2, axis=1)
    assert (form.count(sums, constants.falling, 7) == constants.count(sums)).all()


@pytest.mark.parametrize(("step", "kind"), [(256, AffineThresholdParams), (0, SearchParams)])
@pytest.mark.parametrize("device", ["ecp5", "ice40", "generic"])
def test_the_plan_takes_the_cheapest_form(step: int, kind: type, device: str) -> None:
    """Equal distances need a shift only; a bank has 63 comparators of 15 bits a lane."""
    random = np.sort(np.random.default_rng(0).integers(-8000, 8000, (32, 63)), axis=1)
    thresholds = np.arange(-31, 32) * step + np.arange(32)[:, None] if step else random
    layer = layer_of(thresholds, -8000, 8000)
    element = layer.input.element
    assert isinstance(element, Int)
    stream = StreamPlan(32, 2, element.width, True, 2)
    chosen = threshold_params(layer, stream, element, get_device(device))
    assert isinstance(chosen, kind)
    assert chosen.summary()["form"] == {256: "affine", 0: "search"}[step]
    few = layer_of(thresholds[:, :3], -8000, 8000)
    assert isinstance(threshold_params(few, stream, element, get_device(device)), ThresholdParams)
