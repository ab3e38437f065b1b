"""Tests that planned chains take at most one slot more than an exhaustive search finds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bnnhw.families import TARGETS
from bnnhw.families.ecp5.target import Ecp5
from bnnhw.logic import Netlist, SumBuilder, certify
from bnnhw.logic.claims import Number
from bnnhw.logic.min_slots import MAX_HEAP_BITS, next_chain
from bnnhw.logic.target import Target


class Greedy(Ecp5):
    planned = False


def netlist_of(heights: tuple[int, ...], target: Target) -> Netlist:
    """A sum of ``heights[k]`` bits of weight ``2**k``, modulo ``2**len(heights)``."""
    netlist = Netlist(sum(heights))
    numbers, at = [], 0
    for k, have in enumerate(heights):
        numbers += [Number((*(0,) * k, netlist.input(at + n)), 1 << k) for n in range(have)]
        at += have
    netlist.outputs = list(SumBuilder(netlist, target).total([], numbers, 0, len(heights)).lits)
    return netlist


@cache
def exhaustive(heights: tuple[int, ...]) -> int:
    """Minimum of slots over all chains, whose slots need not be full and which may end anywhere."""
    first = next((k for k, have in enumerate(heights) if have > 1), None)
    if first is None:
        return 0
    if first:
        return exhaustive(heights[first:])
    if len(heights) == 1:
        return -(-(heights[0] - 1) // 3)
    found = [sum(heights) * 3]

    def end(have: list[int], cost: int) -> None:
        if cost < found[0]:
            found[0] = min(found[0], cost + exhaustive(tuple(have)))

    def extend(have: list[int], at: int, held: int, entry: int) -> None:
        if at == len(have):
            end(have, at + 1)
            return
        if at and not held:
            end([*have[:at], have[at] + 1, *have[at + 1:]], at + 1)
        for pairs in range(3 - held):
            for singles in range(3 - held - pairs):
                taken = 2 * pairs + singles
                if taken <= have[at] and taken + held + (entry if not at else 1) > 1:
                    left = [*have[:at], have[at] - taken + 1, *have[at + 1:]]
                    extend(left, at + 1, pairs, entry)

    for entry in range(2):
        if heights[0] > entry:
            extend([heights[0] - entry, *heights[1:]], 0, 0, entry)
    return found[0]


@pytest.mark.parametrize("heights", [
    (3, 0), (4, 0, 0), (5, 0, 0), (6, 1, 0), (7, 0, 0), (5, 2, 1, 1), (7, 3, 2, 1), (2, 2, 2),
    (3, 1, 1, 1), (4, 4, 0, 0), (2, 3, 1, 0), (8, 0, 0, 0), (1, 5, 1, 0), (6, 2, 2, 1, 0),
])
def test_slots_are_within_one_of_the_exhaustive_search(heights: tuple[int, ...]) -> None:
    netlist = netlist_of(heights, Ecp5())
    certify(netlist)
    assert Ecp5().cost(netlist) <= exhaustive(heights) + 1
    assert Ecp5().cost(netlist) <= Greedy().cost(netlist_of(heights, Greedy()))


def test_planning_saves_slots() -> None:
    """Heaps as rows of adder graphs leave them: single bits, a number, and doubled numbers."""
    kinds = ((9, 3, 2, 1, 1, 1), (10, 3, 2, 1, 1, 1), (7, 3, 2, 1, 1, 1), (12, 2, 2, 1, 1, 1))
    planned = [Ecp5().cost(netlist_of(h, Ecp5())) for h in kinds]
    greedy = [Greedy().cost(netlist_of(h, Greedy())) for h in kinds]
    assert planned == [14, 15, 11, 17]
    assert sum(planned) < 0.82 * sum(greedy)


def test_random_heaps_are_summed_exactly() -> None:
    """Random heaps with and without a constant: proven, and equal to NumPy."""
    chooser = np.random.default_rng(3)
    for _ in range(60):
        heights = tuple(int(n) for n in chooser.integers(0, 7, chooser.integers(1, 6)))
        const = int(chooser.integers(0, 1 << len(heights)))
        netlist = Netlist(max(1, sum(heights)))
        numbers, weights = [], []
        for k, have in enumerate(heights):
            for _ in range(have):
                flip = int(chooser.integers(0, 2))
                lit = netlist.input(len(weights)) ^ flip
                numbers.append(Number((*(0,) * k, lit), 1 << k))
                weights.append((1 << k, flip))
        total = SumBuilder(netlist, TARGETS["ecp5"]).total([], numbers, const, len(heights))
        netlist.outputs = list(total.lits)
        certify(netlist)
        x = chooser.integers(0, 2, (50, netlist.inputs)).astype(bool)
        expected = const + sum(w * (x[:, n] ^ bool(flip)) for n, (w, flip) in enumerate(weights))
        got = netlist.evaluate(x) @ (1 << np.arange(len(heights)))
        assert np.array_equal(got, np.broadcast_to(expected, got.shape) % (1 << len(heights)))


def test_large_heaps_are_not_planned() -> None:
    assert next_chain((MAX_HEAP_BITS + 1, 0, 0, 0, 0, 0), 1) is None
    assert next_chain((1, 1, 1), 1) is None
    assert next_chain((1, 3, 2, 2), 2) is None
    planned = next_chain((MAX_HEAP_BITS, 0, 0, 0, 0, 0), 1)
    assert planned is not None
    assert planned.entry
