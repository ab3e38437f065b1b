"""Which nodes to build as minus themselves, so that few are used with both signs."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from bnnhw.logic.cse.graph import SharedMatrix

__all__ = ["flips"]

STEPS = 60
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
    sign = dict.fromkeys(used, 1)
    weight = {k: sizes[k].bit_length() for k in used}
    users = dict.fromkeys(used, 0)
    wrong = dict.fromkeys(used, 0)
    parts = {k: [(part, 1 if factor > 0 else -1) for part, factor in shared.nodes[k].parts]
             for k in used}
    for k in used:
        for part, s in parts[k]:
            users[part] += 1
            wrong[part] += s < 0

    def cost(part: int, count: int) -> float:
        # Few uses of the wrong sign are nearly none.
        return weight[part] * (1 + 0.2 * count) if count else 0.0

    chooser = random.Random(0)
    steps = STEPS * len(used)
    for step in range(steps):
        k = used[int(chooser.random() * len(used))]
        changes = [(k, users[k] - wrong[k])]
        changes += [(part, wrong[part] + (1 if s * sign[k] * sign[part] > 0 else -1))
                    for part, s in parts[k]]
        gain = sum(cost(part, wrong[part]) - cost(part, count) for part, count in changes)
        heat = 4 * (1 - step / steps) ** 2
        if gain < 0 and (heat < 1e-3 or chooser.random() >= math.exp(gain / heat)):
            continue
        sign[k] = -sign[k]
        wrong.update(changes)
    return [sign.get(k, 1) < 0 for k in range(len(shared.nodes))]
