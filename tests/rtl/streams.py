"""Drives one streaming unit in Amaranth's simulator, with stalls on both sides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.sim import Simulator
from hypothesis import strategies as st

__all__ = ["Stalls", "as_bytes", "numbers", "random_stalls", "run_stream", "stall_patterns"]

Stalls = Sequence[tuple[bool, bool]]
"""A repeated pattern with one pair per cycle: the source pauses, the sink pauses. An empty
pattern means no stalls; any other has a cycle in which neither pauses."""

RUNNING = (False, False)
RANDOM_CYCLES = 1000
"""Cycles in the pattern of a seed, which is longer than most tests."""


def stall_patterns() -> st.SearchStrategy[Stalls]:
    """Draw no stalls in half of the examples, and patterns of up to 13 cycles in the others."""
    pattern = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12)
    return st.just([]) | pattern.map(lambda drawn: [*drawn, RUNNING])


def random_stalls(chance: float, seed: int = 0) -> Stalls:
    """Make the pattern of a seed, in which each side pauses with this probability."""
    if not chance:
        return []
    source = random.Random(seed)
    return [*((source.random() < chance, source.random() < chance)
              for _ in range(RANDOM_CYCLES)), RUNNING]


def run_stream(unit: Any, words: Sequence[int], total: int,
               stalls: Stalls = ()) -> tuple[list[int], list[int]]:
    """Push words through ``unit.i`` -> ``unit.o``, until ``total`` words have left.

    Returns
    -------
    tuple of list of int
        The words, and the cycle in which each of them left.

    Raises
    ------
    AssertionError
        The unit emits nothing for too long.
    """
    out: list[int] = []
    cycles: list[int] = []
    pattern = stalls or (RUNNING,)

    async def bench(ctx: Any) -> None:
        sent, cycle, offered = 0, 0, False
        while len(out) < total:
            assert cycle < 40 * (total + len(words)) + 100, f"silent after {len(out)} words"
            source_pauses, sink_pauses = pattern[cycle % len(pattern)]
            if not offered and sent < len(words) and not source_pauses:
                ctx.set(unit.i.payload, words[sent])
                offered = True
            ctx.set(unit.i.valid, offered)
            ctx.set(unit.o.ready, not sink_pauses)
            if offered and ctx.get(unit.i.ready):
                sent, offered = sent + 1, False
            if not sink_pauses and ctx.get(unit.o.valid):
                out.append(ctx.get(unit.o.payload))
                cycles.append(cycle)
            await ctx.tick()
            cycle += 1

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return out, cycles


def numbers(words: np.ndarray) -> list[int]:
    """Convert words of little-endian bytes ``[..., bytes]`` to integers, in C order."""
    return [int.from_bytes(w.tobytes(), "little") for w in words.reshape(-1, words.shape[-1])]


def as_bytes(words: list[int], size: int) -> np.ndarray:
    """Convert integers to little-endian bytes, uint8 ``[words, size]``."""
    return np.array([list(w.to_bytes(size, "little")) for w in words], np.uint8)
