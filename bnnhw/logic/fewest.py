"""The chains that make the bits of a sum fewest slots: dynamic programming over how many there are.

A slot of a chain adds two operands and the carry from below, so that it takes one bit away. An
operand is a bit, or a pair of bits: the slot adds their parity, and the one above, as an operand of
its own, their carry. A chain whose slots are all full takes as many bits away as it has slots. What
it costs besides is the place in front of it, which keeps it apart from the carry of the one before;
so the fewest chains do it, and pairs let a chain go on where the weights above have few bits.

Tried are, for the lowest weight with several bits, all chains of full slots that go as far as they
can, and at last one to the highest weight. That is no more than a slot from the best of all chains,
in what was compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["MOST", "PlannedChain", "next_chain"]

MOST = 32
"""Bits of all weights up to which sums are planned."""

FEW = 20
"""Bits up to which chains of all lengths are tried; with more, the longest ones."""

NEVER = 1 << 30


@dataclass(frozen=True)
class PlannedChain:
    """A chain from the lowest weight with several bits on.

    Parameters
    ----------
    entry : bool
        A bit comes in as a carry.
    slots : tuple of tuple of int
        Sizes of the operands that each slot takes, 1 or 2, beside the carries of pairs below.
    """

    entry: bool
    slots: tuple[tuple[int, ...], ...]


def next_chain(heights: tuple[int, ...], tall: int) -> PlannedChain | None:
    """The chain to begin with; None where none is needed, or bits are too many.

    Parameters
    ----------
    heights : tuple of int
        Bits of each weight; the sum is modulo ``2**len(heights)``.
    tall : int
        Bits of each weight that may be left; with 2, a chain with a constant follows, and the
        lowest weight that has several may keep 3.
    """
    first = next((k for k, have in enumerate(heights) if have > 1), None)
    if first is None or sum(heights) > MOST:
        return None
    return _fewest(heights[first:], tall)[1]


@lru_cache(maxsize=1 << 18)
def _fewest(heights: tuple[int, ...], tall: int) -> tuple[int, PlannedChain | None]:
    """Slots from here on, and the chain to begin with."""
    first = next((k for k, have in enumerate(heights) if have > 1), None)
    if first is None:
        return (len(heights) if tall > 1 else 0), None  # the constant needs a chain in any case
    if first:
        return _fewest(heights[first:], tall)
    if len(heights) == 1:
        return -(-(heights[0] - 1) // 3), None  # a parity
    least, best = NEVER, None
    if tall > 1 and heights[0] <= 3 and all(have <= tall for have in heights[1:]):
        least = len(heights) + 1
    every = list(_chains(heights))
    ways = [way for way in every
            if len(way[2].slots) < len(heights) or max(way[1]) <= 1] or every
    if sum(heights) > FEW:
        longest = max(len(chain.slots) for *_, chain in ways)
        ways = [way for way in ways if len(way[2].slots) == longest]
    for cost, left, chain in ways:
        if cost + sum(left) - len(left) < least:  # each slot takes a bit away at most
            cost += _fewest(left, tall)[0]
            if cost < least:
                least, best = cost, chain
    return least, best


def _chains(
        heights: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...], PlannedChain]]:
    """Chains from the lowest weight on: cost, bits of each weight behind it, and the chain."""
    entry = heights[0] > 2  # it costs nothing
    have = (heights[0] - entry, *heights[1:])
    for left, slots in _slots(have, 0, ()):
        yield len(slots) + 1, left, PlannedChain(entry, slots)


def _slots(have: tuple[int, ...], held: int, slots: tuple[tuple[int, ...], ...]
           ) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
    """Ways to go on: bits of each weight behind the chain, and its slots.

    ``held`` pairs of the slot below add their carries here.
    """
    at, room = len(slots), 2 - held
    if at == len(have):
        yield have, slots
        return
    went = False
    for pairs in range(room + 1):
        if room + pairs <= have[at]:
            went = True
            sizes = (2,) * pairs + (1,) * (room - pairs)
            yield from _slots(_behind(have, at, room + pairs), pairs, (*slots, sizes))
    if went or not slots:
        return
    if have[at] <= room and all(bits <= 2 for bits in have[at + 1:]):
        # To the highest weight, with what is there.
        rest = tuple((1,) * bits for bits in have[at:])
        yield have[:at] + (1,) * len(rest), slots + rest
    if held:
        left, slots = _behind(have, at, have[at]), (*slots, (1,) * have[at])
        at += 1
    else:
        left = have
    yield (_behind(left, at, 0) if at < len(have) else left), slots


def _behind(have: tuple[int, ...], at: int, taken: int) -> tuple[int, ...]:
    """Bits when some of a weight became one."""
    return (*have[:at], have[at] - taken + 1, *have[at + 1:])
