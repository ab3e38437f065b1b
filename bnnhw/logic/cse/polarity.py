"""Chooses which nodes of an adder graph to compute negated, so that few inverters are needed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from bnnhw.logic.cse.adder_graph import AdderGraph

__all__ = ["choose_polarity"]

STEPS_PER_NODE = 60
"""Steps of the annealing for each node."""


def choose_polarity(shared: AdderGraph, sizes: Sequence[int]) -> list[bool]:
    """Choose for each node whether to compute it negated, by simulated annealing.

    A number that is used with both signs needs one inverter for each of its bits.

    Parameters
    ----------
    shared : AdderGraph
    sizes : sequence of int
        Number of columns of each node.
    """
    used = shared.order()
    sign = dict.fromkeys(used, 1)
    weight = {k: sizes[k].bit_length() for k in used}
    users = dict.fromkeys(used, 0)
    wrong = dict.fromkeys(used, 0)
    parts = {k: [(part, 1 if factor > 0 else -1) for part, factor in shared.nodes[k].operands]
             for k in used}
    for k in used:
        for part, s in parts[k]:
            users[part] += 1
            wrong[part] += s < 0

    def cost(part: int, count: int) -> float:
        # The inverters are shared, so the first use of the wrong sign costs most.
        return weight[part] * (1 + 0.2 * count) if count else 0.0

    chooser = random.Random(0)
    steps = STEPS_PER_NODE * len(used)
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
