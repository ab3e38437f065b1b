"""What registers come to hold, by simulation: candidates for a proof, which does the rest."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from bnnhw.asic.cover import Cover, Net

__all__ = ["constant", "in_order", "traces"]

LANES = 64
"""Runs side by side, a bit each."""
CYCLES = 900
WARM = 700
"""Cycles until registers count as settled: those of a queue are written one after another."""


def in_order(covers: Sequence[Cover]) -> list[Cover]:
    """Covers behind those that they read."""
    driver = {cover.output: cover for cover in covers}
    done: set[Net] = set()
    ordered: list[Cover] = []
    for first in covers:
        stack = [first]
        while stack:
            cover = stack[-1]
            before = [] if cover.output in done else [
                driver[n] for n in cover.inputs.values() if n in driver and n not in done]
            if before and len(stack) <= len(covers):
                stack += before
                continue
            stack.pop()
            if cover.output not in done:
                done.add(cover.output)
                ordered.append(cover)
    return ordered


def traces(covers: Sequence[Cover], registers: Mapping[Net, Net], inputs: Mapping[str, Net],
           seed: int = 1) -> dict[Net, tuple[int, ...]]:
    """What each register holds from cycle to cycle, once reset and inputs have decided it.

    Parameters
    ----------
    covers, registers, inputs
        Of a module; ``registers`` are outputs by what they take, ``inputs`` nets by name. Modules
        with inputs of the same names see the same values.
    seed : int
    """
    stimulus, start = random.Random(seed), random.Random(seed + 1)
    ones = (1 << LANES) - 1
    ordered = in_order(covers)
    values: dict[Net, int] = {"0": 0, "1": ones, "x": 0}
    values |= {register: start.getrandbits(LANES) for register in registers}
    seen: dict[Net, list[int]] = {register: [] for register in registers}
    for cycle in range(CYCLES):
        for name, net in sorted(inputs.items()):
            # Reset first; then mostly words, and somebody who mostly takes them.
            word, more = stimulus.getrandbits(LANES), stimulus.getrandbits(LANES)
            values[net] = (ones if cycle < 4 else 0) if name.startswith("rst") else \
                word | more if "valid" in name or "ready" in name else word
        for cover in ordered:
            values[cover.output] = cover.function.value(
                {pin: values.get(net, 0) for pin, net in cover.inputs.items()}, ones)
        values |= {register: values.get(taken, 0) for register, taken in registers.items()}
        if cycle >= WARM:
            for register, held in seen.items():
                held.append(values[register])
    return {register: tuple(held) for register, held in seen.items()}


def constant(trace: Sequence[int]) -> Net | None:
    """``0`` or ``1`` for a register that never changes and is so in all runs."""
    held = set(trace)
    return "0" if held <= {0} else "1" if held <= {(1 << LANES) - 1} else None
