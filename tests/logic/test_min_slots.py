"""Planned chains: no worse than all ways to build them, and than chains that are not planned."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bnnhw.logic import TARGETS, Netlist, SumBuilder, certify
from bnnhw.logic.claims import Number
from bnnhw.logic.min_slots import MAX_HEAP_BITS, next_chain
from bnnhw.logic.targets.base import Target
from bnnhw.logic.targets.ecp5 import Ecp5


class Unplanned(Ecp5):
    planned = False


def netlist_of(heights: tuple[int, ...], target: Target) -> Netlist:
    """So many bits of each weight, added modulo ``2**len(heights)``."""
    netlist = Netlist(sum(heights))
    numbers, at = [], 0
    for k, have in enumerate(heights):
        numbers += [Number((*(0,) * k, netlist.input(at + n)), 1 << k) for n in range(have)]
        at += have
    netlist.outputs = list(SumBuilder(netlist, target).total([], numbers, 0, len(heights)).lits)
    return netlist


@cache
def exhaustive(heights: tuple[int, ...]) -> int:
    """Slots of the best of all chains, full or not, each of which ends anywhere."""
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

    def go_on(have: list[int], at: int, held: int, entry: int) -> None:
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
                    go_on(left, at + 1, pairs, entry)

    for entry in range(2):
        if heights[0] > entry:
            go_on([heights[0] - entry, *heights[1:]], 0, 0, entry)
    return found[0]


@pytest.mark.parametrize("heights", [
    (3, 0), (4, 0, 0), (5, 0, 0), (6, 1, 0), (7, 0, 0), (5, 2, 1, 1), (7, 3, 2, 1), (2, 2, 2),
    (3, 1, 1, 1), (4, 4, 0, 0), (2, 3, 1, 0), (8, 0, 0, 0), (1, 5, 1, 0), (6, 2, 2, 1, 0),
])
def test_as_few_slots_as_all_ways_give(heights: tuple[int, ...]) -> None:
    netlist = netlist_of(heights, Ecp5())
    certify(netlist)
    assert Ecp5().cost(netlist) <= exhaustive(heights) + 1
    assert Ecp5().cost(netlist) <= Unplanned().cost(netlist_of(heights, Unplanned()))


def test_what_was_gained() -> None:
    """Sums as rows of shared matrices leave them: a number, and others of twice the weight."""
    kinds = ((9, 3, 2, 1, 1, 1), (10, 3, 2, 1, 1, 1), (7, 3, 2, 1, 1, 1), (12, 2, 2, 1, 1, 1))
    planned = [Ecp5().cost(netlist_of(h, Ecp5())) for h in kinds]
    plain = [Unplanned().cost(netlist_of(h, Unplanned())) for h in kinds]
    assert planned == [14, 15, 11, 17]
    assert sum(planned) < 0.82 * sum(plain)


def test_sums_are_right_whatever_waits() -> None:
    """Random heights, with and without a constant, against numbers; certificates hold."""
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


def test_large_sums_are_not_planned() -> None:
    assert next_chain((MAX_HEAP_BITS + 1, 0, 0, 0, 0, 0), 1) is None
    assert next_chain((1, 1, 1), 1) is None
    assert next_chain((1, 3, 2, 2), 2) is None
    planned = next_chain((MAX_HEAP_BITS, 0, 0, 0, 0, 0), 1)
    assert planned is not None
    assert planned.entry
