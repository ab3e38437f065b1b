"""Which nodes to build as minus themselves, so that few are used with both signs."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from bnnhw.share.graph import SharedMatrix

__all__ = ["flips"]

STEPS = 200
"""Attempts a node."""


def flips(shared: SharedMatrix, sizes: Sequence[int]) -> list[bool]:
    """Choose for each node, by simulated annealing.

    A number that is used with both signs needs an inverter for each of its bits, once.

    Parameters
    ----------
    sizes : sequence of int
        Columns of each node.
    """
    used = shared.order()
    users: dict[int, list[tuple[int, int]]] = {k: [] for k in used}
    for k in used:
        for part, factor in shared.nodes[k].parts:
            users[part].append((k, 1 if factor > 0 else -1))
    sign = dict.fromkeys(used, 1)
    weight = {k: sizes[k].bit_length() for k in used}
    around = {k: {k, *(part for part, _ in shared.nodes[k].parts)} for k in used}

    def cost(part: int) -> float:
        wrong = sum(sign[k] * s * sign[part] < 0 for k, s in users[part])
        # Few uses of the wrong sign are nearly none.
        return weight[part] * ((wrong > 0) + 0.2 * wrong)

    chooser = random.Random(0)
    steps = STEPS * len(used)
    for step in range(steps):
        k = used[chooser.randrange(len(used))]
        before = sum(cost(p) for p in around[k])
        sign[k] = -sign[k]
        gain = before - sum(cost(p) for p in around[k])
        heat = 4 * (1 - step / steps) ** 2
        if gain < 0 and (heat < 1e-3 or chooser.random() >= math.exp(gain / heat)):
            sign[k] = -sign[k]
    return [sign.get(k, 1) < 0 for k in range(len(shared.nodes))]
