"""Tests convolutions of all strides and paddings: against sums written out, and in hardware."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import Design
from bnnhw.emit.generate import plan_network
from bnnhw.errors import PlanError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import network
from tests.networks import DrawnChoices, examples

SIZE = (5, 7)
CHANNELS = 2

STRIDES = st.sampled_from([(1, 2), (2, 1), (3, 3), (3, 1), (1, 3), (2, 3), (4, 2)])
KERNELS = st.tuples(st.integers(1, 4), st.integers(1, 4))
PADS = st.sampled_from(["same", 0, 1]) | st.lists(st.integers(0, 3), min_size=4,
                                                  max_size=4)
VALUES = st.sampled_from([-1, 1, "zero", "checker", "pattern"])


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """An item of a convolution of bits, and its arrays."""
    kernel, pad = draw(KERNELS), draw(PADS)
    item: dict[str, Any] = {"conv": 3, "kernel": list(kernel), "stride": list(draw(STRIDES)),
                            "pad": pad, "pad_value": draw(VALUES), "sums": True, "name": "c"}
    rows, columns = (0, 0) if pad == "same" else (2 * pad, 2 * pad) if isinstance(pad, int) else \
        (pad[0] + pad[2], pad[1] + pad[3])
    if pad != "same":  # the window fits the padded map
        item["kernel"] = [min(kernel[0], SIZE[0] + rows), min(kernel[1], SIZE[1] + columns)]
    choices = DrawnChoices(draw)
    if draw(st.booleans()) and item["pad_value"] not in ("checker", "pattern"):
        item["fold"] = {"pe": draw(st.integers(1, 3)),
                        "simd": CHANNELS * item["kernel"][0] * item["kernel"][1]}
    arrays = {"c.weights": choices.bits((3, *item["kernel"], CHANNELS))}
    if item["pad_value"] == "pattern":
        arrays["c.pad"] = choices.bits((2, 4, CHANNELS))
    return item, arrays


def expected(item: dict[str, Any], arrays: dict[str, np.ndarray], bits: np.ndarray) -> np.ndarray:
    """Sums of products of -1, 0 and +1, one tap at a time."""
    (height, width), (rows, columns), (down, right) = SIZE, item["kernel"], item["stride"]
    pad = item["pad"]
    if pad == "same":
        ends = [max((-(-n // s) - 1) * s + k - n, 0)
                for n, s, k in zip(SIZE, item["stride"], item["kernel"], strict=True)]
        top, left = ends[0] // 2, ends[1] // 2
        bottom, right_pad = ends[0] - top, ends[1] - left
    else:
        top, left, bottom, right_pad = [pad] * 4 if isinstance(pad, int) else pad

    def outside(y: int, x: int) -> np.ndarray:
        value = item["pad_value"]
        if value == "pattern":
            return 2 * arrays["c.pad"][y % 2, x % 4].astype(int) - 1
        if value == "checker":
            return np.array([2 * ((y + x + c) & 1) - 1 for c in range(CHANNELS)])
        return np.full(CHANNELS, 0 if value == "zero" else value)

    signs, weights = 2 * bits - 1, 2 * arrays["c.weights"].astype(int) - 1
    out = np.zeros((len(bits), (height + top + bottom - rows) // down + 1,
                    (width + left + right_pad - columns) // right + 1, 3), dtype=np.int64)
    for y, x, ky, kx in itertools.product(range(out.shape[1]), range(out.shape[2]), range(rows),
                                          range(columns)):
        row, column = y * down + ky - top, x * right + kx - left
        inside = 0 <= row < height and 0 <= column < width
        values = signs[:, row, column] if inside else outside(row, column)
        out[:, y, x] += values @ weights[:, ky, kx].T
    return out


@given(st.data(), convolutions())
def test_golden_sums(data: st.DataObject,
                     made: tuple[dict[str, Any], dict[str, np.ndarray]]) -> None:
    item, arrays = made
    bits = DrawnChoices(data.draw).bits((2, *SIZE, CHANNELS)).astype(np.int64)
    loaded = network([item], {"shape": [*SIZE, CHANNELS], "type": "bits"}, arrays)
    (found,) = loaded.predict(bits).values()
    assert (found == expected(item, arrays, bits)).all()


def check(loaded: Network, arch: str, bits: np.ndarray, ii: int | None) -> None:
    try:
        graph, plan = plan_network(loaded, arch, get_device("generic"), Goal(target_cycles=ii))
    except PlanError as error:
        if "cannot take fewer" not in str(error):
            raise
        graph, plan = plan_network(loaded, arch, get_device("generic"), Goal(target_cycles=5000))
    assert isinstance(plan, Plan)
    run = simulate(Design(graph, plan, ""), bits, "pysim")
    assert count_mismatches(loaded.predict(bits), run.outputs) == 0
    assert (run.ii, run.latency) == (plan.ii, plan.latency)
    run = simulate(Design(graph, plan, ""), bits[:3], "pysim", Stalls(0.3, 0.4, 1))
    assert count_mismatches(loaded.predict(bits[:3]), run.outputs) == 0


@examples(12)
@given(st.data(), convolutions(), st.sampled_from([60, 250, 1000]))
def test_streaming_designs(data: st.DataObject,
                           made: tuple[dict[str, Any], dict[str, np.ndarray]], ii: int) -> None:
    item, arrays = made
    bits = DrawnChoices(data.draw).bits((10, *SIZE, CHANNELS)).astype(np.int64)
    loaded = network([item], {"shape": [*SIZE, CHANNELS], "type": "bits"}, arrays)
    check(loaded, "streaming", bits, ii)


@pytest.mark.parametrize("stride", [(1, 2), (2, 1), (3, 3)])
@pytest.mark.parametrize("value", ["zero", "checker"])
def test_unrolled_designs(stride: tuple[int, int], value: str) -> None:
    loaded = network([{"conv": 3, "kernel": 3, "stride": list(stride), "pad": [1, 2, 0, 1],
                       "pad_value": value}], {"shape": [*SIZE, CHANNELS], "type": "bits"})
    bits = np.random.default_rng(0).integers(0, 2, (12, *SIZE, CHANNELS))
    check(loaded, "unrolled", bits, None)
