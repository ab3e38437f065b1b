"""Computes exact cycles and buffer depths without simulation, from the token models of all units.

Each stream has a list of cycles, one for each transferred word. For given lists, a token model
returns the earliest cycle in which its unit can accept each input word and show each output word.
A word is transferred in the first cycle in which its producer shows it, its consumer accepts it,
and the word before it has been transferred. All of these rules have the form "not before another
event plus a constant", so the earliest lists are the least fixed point of a system of maxima.
Sweeps over all units raise entire lists until nothing changes, which is that fixed point.

Why rates and deadlocks are exact: events only wait for the completion of other events, and more
buffer space or earlier words never delay anything (the system is monotone). So if any schedule
repeats every II cycles with the buffers of the plan, the hardware, which performs each step as
early as it can, keeps up with it: it never deadlocks, and its frames arrive at least as fast.
``size`` finds such a schedule (words offered evenly, undecided buffers unbounded); the maximum
fill level of each buffer is its depth.

The ``Params`` of each unit state its constants (latency, depth, capacity) once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.dataflow.tokens import Block, Times, one_a_cycle
from bnnhw.errors import PlanError

__all__ = ["Edge", "TokenNet", "settle", "steady"]

MAX_SWEEPS = 4000


@dataclass(frozen=True)
class Edge:
    """A stream: its producer's and its consumer's block and port; None outside the core."""

    words: int
    producer: tuple[int, int] | None
    consumer: tuple[int, int] | None


@dataclass(frozen=True)
class TokenNet:
    """Blocks in the order of the data, and the streams between them.

    Parameters
    ----------
    blocks : list of Block
    edges : list of Edge
        The first one is the input of the core.
    names : list of str
        Names of the blocks, for errors.
    """

    blocks: list[Block]
    edges: list[Edge]
    names: list[str]

    def ports(self, block: int) -> tuple[list[int], list[int]]:
        """Edges at the inputs and outputs of a block, by port."""
        ins = sorted((e.consumer[1], k) for k, e in enumerate(self.edges)
                     if e.consumer and e.consumer[0] == block)
        outs = sorted((e.producer[1], k) for k, e in enumerate(self.edges)
                      if e.producer and e.producer[0] == block)
        return [k for _, k in ins], [k for _, k in outs]


def settle(net: TokenNet, frames: int, offers: Times) -> list[Times]:
    """Find the cycle of every word on every stream.

    Parameters
    ----------
    frames : int
    offers : int64 [frames * words of the input]
        Cycle in which each input word is offered; results are always accepted at once.

    Raises
    ------
    PlanError
        The units deadlock: a buffer is too small.
    """
    times = [np.arange(frames * edge.words, dtype=np.int64) for edge in net.edges]
    times[0] = one_a_cycle(offers)
    ports = [net.ports(b) for b in range(len(net.blocks))]
    limit = _limit(net, frames, offers)
    order = list(range(len(net.blocks)))
    for sweep in range(MAX_SWEEPS):
        changed: list[int] = []
        for b in order if sweep % 2 == 0 else reversed(order):
            ins, outs = ports[b]
            ready, valid = net.blocks[b].bounds(frames, [times[k] for k in ins],
                                                [times[k] for k in outs])
            for k, bound in [*zip(ins, ready, strict=True), *zip(outs, valid, strict=True)]:
                if (bound > times[k]).any():
                    times[k] = one_a_cycle(np.maximum(times[k], bound))
                    changed.append(k)
        if not changed:
            return times
        if max(int(times[k][-1]) for k in changed) > limit:
            break
    stuck = max(changed, key=lambda k: int(times[k][-1]))
    producer = net.edges[stuck].producer
    raise PlanError("the units deadlock: a buffer is too small for this network",
                    where=f"stream after '{net.names[producer[0]] if producer else 'input'}'")


def _limit(net: TokenNet, frames: int, offers: Times) -> int:
    """Upper bound of all cycles without a deadlock: all units run one after the other."""
    serial = sum(frames * block.serial_cycles for block in net.blocks)
    return int(offers[-1]) + serial + 64 * (len(net.blocks) + 1)


def steady(net: TokenNet, ii: int) -> tuple[int, int, list[Times]]:
    """Offer words evenly, a frame every ``ii`` cycles, until the frames repeat exactly.

    Returns
    -------
    ii : int
        Larger than the argument where a unit cannot keep up.
    frames : int
    times : list of int64 arrays
        Of ``frames`` frames, the last two of which differ by ``ii`` in every word.

    Raises
    ------
    PlanError
        The frames never become periodic.
    """
    words = net.edges[0].words
    frames = 3
    while frames <= 256:
        pace = np.arange(words, dtype=np.int64) * ii // words
        offers = (np.arange(frames, dtype=np.int64)[:, None] * ii + pace).ravel()
        times = settle(net, frames, offers)
        gaps = [t.reshape(frames, -1)[-1] - t.reshape(frames, -1)[-2] for t in times]
        if all((g == ii).all() for g in gaps):
            return ii, frames, times
        before = [t.reshape(frames, -1)[-2] - t.reshape(frames, -1)[-3] for t in times]
        same = all((a == b).all() for a, b in zip(gaps, before, strict=True))
        slowest = max(int(g.max()) for g in gaps)
        if slowest > ii and (same or frames >= 24):
            ii, frames = slowest, 3  # some unit falls back by the same amount in each frame
        else:
            frames *= 2
    raise PlanError("the units never reach a constant number of cycles per frame")
