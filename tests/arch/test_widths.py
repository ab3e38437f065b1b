"""Tests networks whose layers have activations of different widths: 1, 2, 4 and 8 bits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from bnnhw.arch.simulation import Stalls
from bnnhw.emit.design import Design
from bnnhw.emit.generate import plan_network
from bnnhw.errors import ModelError
from bnnhw.families import get_device
from bnnhw.golden.comparison import count_mismatches
from bnnhw.ir import Bits, Int
from bnnhw.plan import Goal, Plan
from bnnhw.sim.simulate import simulate
from tests.importers.yaml_networks import load, network
from tests.networks import random_samples

MAP = {"shape": [3, 3, 2], "type": "int8"}

WIDTHS = (1, 2, 4, 8)
ELEMENTS = {1: Bits(unipolar=True), 2: Int(0, 3), 4: Int(0, 15), 8: Int(0, 255)}


def activation(width: int, name: str) -> dict[str, Any]:
    """An item that turns sums into numbers of a width."""
    if width == 1:
        return {"threshold": True, "unipolar": True, "name": name}
    if width < 8:
        return {"threshold": True, "levels": (1 << width) - 1, "name": name}
    return {"divide": 3, "rounding": "half_even", "limits": [0, 255], "name": name}


def conv(name: str, source: str | None = None, kernel: int = 3) -> dict[str, Any]:
    item: dict[str, Any] = {"conv": 3, "kernel": kernel, "pad": "same", "sums": True, "name": name}
    return item if source is None else {**item, "from": source}


def layers(first: int, second: int, join: str) -> list[Any]:
    """Two convolutions of the input in a row, and a shortcut from the first one to the second."""
    return [conv("a"), activation(first, "a_q"), conv("b"), activation(second, "b_q"),
            {join: "a_q", "name": "both"}, conv("c", kernel=1), activation(2, "c_q")]


def check(items: list[Any], arch: str, ii: int | None) -> None:
    loaded = network(items, MAP)
    graph, plan = plan_network(loaded, arch, get_device("generic"), Goal(target_cycles=ii))
    assert isinstance(plan, Plan)
    x = random_samples(graph, 4)
    run = simulate(Design(graph, plan, ""), x, "pysim", Stalls(0.2, 0.2, 1))
    assert count_mismatches(loaded.graph.compute(x), run.outputs) == 0


ALWAYS = {(1, 2, "concat"), (2, 1, "add"), (1, 8, "add"), (8, 1, "concat"), (4, 2, "concat"),
          (8, 4, "add")}
"""Pairs in the usual suite; the others take the marker ``long``."""

PAIRS = [pytest.param(*case, marks=[] if case in ALWAYS else [pytest.mark.long])
         for case in itertools.product(WIDTHS, WIDTHS, ("add", "concat"))]


@pytest.mark.parametrize(("first", "second", "join"), PAIRS)
def test_neighbours_of_different_widths(first: int, second: int, join: str) -> None:
    items = layers(first, second, join)
    graph = load(items, MAP)
    types = {layer.name: layer.out_type() for layer in graph.layers}
    elements = [types[name].element for name in ("a_q", "b_q")]
    for element, width in zip(elements, (first, second), strict=True):
        # Sums of a few bits do not reach the limits of 8 bits.
        assert element == ELEMENTS[width] or (width == 8 and element == Int(0, element.hi))
    top = [element.hi for element in elements]
    if join == "add":
        assert types["both"].element == Int(0, sum(top))
    elif first == second == 1:
        assert types["both"].element == Bits(unipolar=True)
    else:
        assert types["both"].element == Int(0, max(top))
    check(items, "streaming", 200)


@pytest.mark.parametrize("join", ["add", "concat"])
@pytest.mark.parametrize(("first", "second"), [
    (1, 4), *(pytest.param(*pair, marks=pytest.mark.long) for pair in ((8, 1), (2, 8)))])
def test_unrolled_networks_of_different_widths(first: int, second: int, join: str) -> None:
    check(layers(first, second, join), "unrolled", None)


@pytest.mark.parametrize("widths", [(8, 1, 4, 2), *(
    pytest.param(widths, marks=pytest.mark.long) for widths in ((1, 8, 2, 1), (4, 2, 8, 4)))])
def test_a_chain_of_all_widths(widths: tuple[int, ...]) -> None:
    items: list[Any] = []
    for k, width in enumerate(widths):
        items += [conv(f"c{k}"), activation(width, f"q{k}")]
    check([*items, "flatten", {"dense": 3, "output": "scores"}, "argmax"], "streaming", 400)


def test_bits_of_two_signs_are_no_numbers() -> None:
    items = [conv("a"), {"threshold": True, "name": "a_q"}, conv("b", "input"),
             activation(2, "b_q"), {"concat": "a_q"}]
    with pytest.raises(ModelError, match=r"expected elements of one kind.*scale 2 and offset -1"):
        load(items, MAP)
    items[-1:] = [{"affine": True, "from": "a_q", "name": "signs"}, {"concat": "b_q"}]
    x = np.zeros((1, 3, 3, 2), dtype=np.int64)
    assert next(iter(load(items, MAP).compute(x).values())).shape == (1, 3, 3, 6)
