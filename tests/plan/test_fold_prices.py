"""Tests that folds are priced by the cost model of a family, and picked for least price."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnhw.arch.streaming.fold_prices import FittedPrices, solve_within
from bnnhw.arch.streaming.planning import plan
from bnnhw.arch.streaming.products import matrix_of
from bnnhw.dataflow.folding import Fold, Matrix, candidates, pick
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import ConverterParams
from bnnhw.dataflow.units.converter import converter_features
from bnnhw.families import Device, get_device
from bnnhw.families.costs import rom_luts
from bnnhw.ir import Graph
from bnnhw.layers import Product
from bnnhw.plan import Goal
from tests.importers.yaml_networks import network

CHAIN = [{"conv": 12, "kernel": 3}, {"conv": 16, "kernel": 3}, {"max_pool": 2}, "flatten",
         {"dense": 24}, {"dense": 5, "output": "scores"}, "argmax"]
MAP = {"shape": [8, 8, 6], "type": "bits"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return network(CHAIN, MAP).graph


def priced(graph: Graph, device: Device, target: int) -> tuple[list[Matrix], FittedPrices]:
    layers = {layer.name: layer for layer in graph.layers if isinstance(layer, Product)}
    matrices = [matrix_of(layer, 1, None, target) for layer in layers.values()]
    return matrices, FittedPrices(device, layers)


@given(st.integers(1, 64), st.integers(1, 40), st.integers(1, 40), st.integers(1, 4),
       st.integers(1, 50))
def test_features_of_many_converters_are_those_of_each(elements: int, a: int, b: int, width: int,
                                                       groups: int) -> None:
    params = ConverterParams(StreamPlan(elements, a, width, False, groups),
                             StreamPlan(elements, b, width, False, groups))
    found = converter_features(elements, np.array([a]), np.array([b]), width, groups)
    assert {name: float(values[0]) for name, values in found.items()} == params.features()


@pytest.mark.parametrize("device", ["ecp5", "ecp5-25", "hx8k"])
@pytest.mark.parametrize("target", [64, 500, 4000])
def test_no_other_candidates_are_cheaper(graph: Graph, device: str, target: int) -> None:
    """All folds of each pair of neighbours are tried, while the other layers keep theirs."""
    matrices, prices = priced(graph, get_device(device), target)
    choices = candidates(matrices, target)
    chosen = pick(matrices, choices, prices)

    def price(folds: list[Fold]) -> float:
        total = 0.0
        for k, fold in enumerate(folds):
            at = choices[k].index(fold)
            total += prices.products(matrices[k], choices[k])[at]
            if k:
                before = choices[k - 1].index(folds[k - 1])
                pe = np.array([f.pe for f in choices[k - 1]])[:, None]
                lanes = np.array([matrices[k].lanes_in(f) for f in choices[k]])[None]
                total += prices.converters(matrices[k], pe, lanes)[before, at]
        return total

    least = price(chosen)
    for k in range(len(matrices) - 1):
        for pair in itertools.product(choices[k], choices[k + 1]):
            assert price([*chosen[:k], *pair, *chosen[k + 2:]]) >= least - 1e-6


@pytest.mark.parametrize("target", [100, 1000, 8000])
def test_prices_are_costs_of_the_units_of_a_plan(graph: Graph, target: int) -> None:
    """The price of the chosen folds is near the cost of the windows and MVTUs that are built."""
    device = get_device("ecp5")
    matrices, prices = priced(graph, device, target)
    choices = candidates(matrices, target)
    folds = pick(matrices, choices, prices)
    prices.block_luts = 0.0
    expected = sum(prices.products(m, options)[options.index(fold)]
                   for m, options, fold in zip(matrices, choices, folds, strict=True))
    expected -= 8 * folds[-1].pe * matrices[-1].acc_width  # stands for the argmax
    made = plan(graph, {}, device, Goal(target_cycles=target))
    built = sum(unit.params.cost(device).lut for unit in made.units
                if unit.params.kind in ("mvtu", "window", "line_window")
                and not unit.name.startswith("max_pool"))
    assert built == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_folds_need_no_more_block_ram_than_there_is(graph: Graph, share: float) -> None:
    """With fewer block RAMs their price rises, and the folds need fewer of them."""
    device, target = get_device("ecp5-85"), 2000
    assert device.budget is not None
    matrices, prices = priced(graph, device, target)
    first, choices = prices.block_luts, candidates(matrices, target)
    wanted = sum(map(prices.blocks, matrices, choices, pick(matrices, choices, prices)))
    assert wanted > 2
    blocks = int(share * wanted)
    prices.device = replace(device, budget=replace(device.budget, blocks=blocks))
    folds = solve_within(matrices, target, prices)
    assert all(m.cycles(f) <= target for m, f in zip(matrices, folds, strict=True))
    assert sum(map(prices.blocks, matrices, choices, folds)) <= blocks
    assert (prices.block_luts > first) == (wanted > blocks)


def test_equal_columns_of_a_rom_share_their_luts() -> None:
    assert rom_luts(1, 100) == 0
    assert rom_luts(2, 1000) == pytest.approx(4)
    assert rom_luts(16, 100) == pytest.approx(100, rel=0.01)
    assert rom_luts(8, 10_000) == pytest.approx(256, rel=0.01)
    assert rom_luts(64, 10) == pytest.approx(60)
