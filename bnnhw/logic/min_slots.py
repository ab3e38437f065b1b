"""Finds the carry chains that compress a bit heap with minimum slots, by dynamic programming.

A slot of a chain adds two operands and the carry from the slot before it, so it removes one bit
from the heap. An operand is one bit or a pair of bits. Of a pair, the slot adds the parity, and the
next slot adds the carry of the pair as one of its operands. A chain whose slots are all full
removes as many bits as it has slots. Its only overhead is the slot before it, which separates it
from the carry of the preceding chain. Minimum slots therefore mean a minimum of chains, and pairs
let a chain continue through weights that have few bits.

The state of the dynamic program is the number of bits of each weight. For the lowest weight with
several bits it tries all chains of full slots that extend as far as they can, and one chain to the
highest weight. In the compared cases the result is within one slot of the best of all chains
(``tests/logic/test_min_slots.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["MAX_HEAP_BITS", "PlannedChain", "min_slots", "next_chain"]

MAX_HEAP_BITS = 32
"""Largest number of bits of a heap that is planned; larger heaps are compressed greedily."""

MAX_BITS_ALL_LENGTHS = 20
"""Largest number of bits for which chains of all lengths are tried; beyond it, the longest ones."""

INFINITE = 1 << 30

SlotSizes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PlannedChain:
    """A chain that begins at the lowest weight with several bits.

    Parameters
    ----------
    entry : bool
        One bit of the lowest weight enters as the carry into the chain.
    slots : tuple of tuple of int
        For each slot the sizes (1 or 2 bits) of the operands that it takes from the heap, in
        addition to the carries of pairs of the slot before it.
    """

    entry: bool
    slots: SlotSizes


def next_chain(heights: tuple[int, ...], max_height: int) -> PlannedChain | None:
    """The chain to build first; None if no chain is needed or the heap has too many bits.

    Parameters
    ----------
    heights : tuple of int
        Number of bits of each weight; the sum is modulo ``2**len(heights)``.
    max_height : int
        Bits of each weight that may remain, 1 or 2. With 2, a chain that also adds a constant
        follows, and the lowest weight that has several bits may keep 3.
    """
    first = next((k for k, have in enumerate(heights) if have > 1), None)
    if first is None or sum(heights) > MAX_HEAP_BITS:
        return None
    return min_slots(heights[first:], max_height)[1]


@lru_cache(maxsize=1 << 18)
def min_slots(heights: tuple[int, ...], max_height: int) -> tuple[int, PlannedChain | None]:
    """Least number of slots that compress a heap, and the chain to build first.

    Parameters are those of ``next_chain``. A LUT of a final parity counts as one slot.
    """
    first = next((k for k, have in enumerate(heights) if have > 1), None)
    if first is None:
        # The constant needs a chain in any case.
        return (len(heights) if max_height > 1 else 0), None
    if first:
        return min_slots(heights[first:], max_height)
    if len(heights) == 1:
        return -(-(heights[0] - 1) // 3), None  # only a parity remains, in LUTs of four inputs
    least, best = INFINITE, None
    if max_height > 1 and heights[0] <= 3 and all(have <= max_height for have in heights[1:]):
        least = len(heights) + 1
    candidates = list(_chains(heights))
    chains = [candidate for candidate in candidates
              if len(candidate[2].slots) < len(heights) or max(candidate[1]) <= 1] or candidates
    if sum(heights) > MAX_BITS_ALL_LENGTHS:
        longest = max(len(chain.slots) for *_, chain in chains)
        chains = [candidate for candidate in chains if len(candidate[2].slots) == longest]
    for cost, left, chain in chains:
        if cost + sum(left) - len(left) < least:  # a lower bound: each slot removes at most one bit
            cost += min_slots(left, max_height)[0]
            if cost < least:
                least, best = cost, chain
    return least, best


def _chains(
        heights: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...], PlannedChain]]:
    """Chains from the lowest weight on: cost in slots, remaining heights, and the chain."""
    entry = heights[0] > 2  # the slot before the chain takes one bit at no cost
    have = (heights[0] - entry, *heights[1:])
    for left, slots in _extensions(have, 0, ()):
        yield len(slots) + 1, left, PlannedChain(entry, slots)


def _extensions(have: tuple[int, ...], pair_carries: int,
                slots: SlotSizes) -> Iterator[tuple[tuple[int, ...], SlotSizes]]:
    """Enumerate the extensions of a chain: the remaining heights and the slots of each.

    Parameters
    ----------
    have : tuple of int
        Number of bits of each weight that remain.
    pair_carries : int
        Pairs of the slot before, whose carries this slot adds.
    slots : tuple of tuple of int
        Operand sizes of the slots so far.
    """
    at, room = len(slots), 2 - pair_carries
    if at == len(have):
        yield have, slots
        return
    extended = False
    for pairs in range(room + 1):
        if room + pairs <= have[at]:
            extended = True
            sizes = (2,) * pairs + (1,) * (room - pairs)
            yield from _extensions(_after(have, at, room + pairs), pairs, (*slots, sizes))
    if extended or not slots:
        return
    if have[at] <= room and all(bits <= 2 for bits in have[at + 1:]):
        # Continue to the highest weight with the bits that are there, in slots that are not full.
        remaining = tuple((1,) * bits for bits in have[at:])
        yield have[:at] + (1,) * len(remaining), slots + remaining
    if pair_carries:
        left, slots = _after(have, at, have[at]), (*slots, (1,) * have[at])
        at += 1
    else:
        left = have
    yield (_after(left, at, 0) if at < len(have) else left), slots


def _after(have: tuple[int, ...], at: int, taken: int) -> tuple[int, ...]:
    """Heights after a slot replaced ``taken`` bits of one weight by its result."""
    return (*have[:at], have[at] - taken + 1, *have[at + 1:])
