"""Sizes line buffers and FIFOs, and finds cycles per frame and latency, with the token model."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

import numpy as np

from bnnhw.dataflow.params import BufferParams
from bnnhw.dataflow.timing import Edge, TokenNet, settle, steady
from bnnhw.dataflow.tokens import needed_depth
from bnnhw.dataflow.unit import Unit
from bnnhw.errors import PlanError

__all__ = ["Schedule", "size", "token_net"]


@dataclass(frozen=True)
class Schedule:
    """Units with all depths decided, and the exact timing of the design.

    Attributes
    ----------
    units : tuple of Unit
    ii, latency : int
        Cycles per frame, and cycles from the first input word to the last output word.
    spans : tuple of (str, int, int)
        For each unit with a token model: the cycles in which the first word of the first frame
        enters and its last word leaves.
    """

    units: tuple[Unit, ...]
    ii: int
    latency: int
    spans: tuple[tuple[str, int, int], ...]


def token_net(units: list[Unit]) -> tuple[TokenNet, list[Unit]]:
    """Make the token model of a design; return it and the unit of each of its blocks."""
    modelled = [(unit, block) for unit in units
                if (block := unit.params.token_model()) is not None]
    number = {unit.name: k for k, (unit, _) in enumerate(modelled)}
    by_name = {unit.name: unit for unit in units}

    def producer(source: str) -> tuple[int, int] | None:
        name, _, port = source.partition(".")
        if name in number:
            return number[name], int(port or 0)
        return producer(by_name[name].sources[0]) if by_name[name].sources else None

    edges = []
    for unit in units:
        taken = number.get(unit.name)
        if taken is None and unit is not units[-1]:
            continue
        for port, (source, stream) in enumerate(zip(unit.sources, unit.inputs, strict=True)):
            edges.append(Edge(stream.words, producer(source),
                              None if taken is None else (taken, port)))
    edges.sort(key=lambda edge: edge.producer is not None)
    net = TokenNet([block for _, block in modelled], edges, [unit.name for unit, _ in modelled])
    return net, [unit for unit, _ in modelled]


def size(units: list[Unit]) -> Schedule:
    """Decide every open depth, so that no unit waits for buffer space in the steady state.

    FIFOs that would store next to nothing are left out (``BufferParams.removed_below``).

    Raises
    ------
    PlanError
        The units do not reach a steady state.
    """
    ii = max(unit.cycles for unit in units)
    ii, depths = _open_depths(units, ii)
    spare = [unit.name for unit in units if isinstance(unit.params, BufferParams)
             and depths[unit.name] < unit.params.removed_below]
    if spare:
        fewer = _without(units, spare)
        with contextlib.suppress(PlanError):
            slowest, fewer_depths = _open_depths(fewer, ii)
            if slowest == ii:
                units, depths = fewer, fewer_depths
    sized = [_with_depth(unit, depths) for unit in units]
    latency, spans = _first_frame(sized)
    return Schedule(tuple(sized), ii, latency, spans)


def _with_depth(unit: Unit, depths: dict[str, int]) -> Unit:
    params = unit.params
    if not isinstance(params, BufferParams) or params.depth is not None:
        return unit
    return replace(unit, params=replace(params, depth=params.round_depth(depths[unit.name])))


def _open_depths(units: list[Unit], ii: int) -> tuple[int, dict[str, int]]:
    """Return the cycles per frame, and the words that each buffer stores at most."""
    net, modelled = token_net(units)
    ii, frames, times = steady(net, ii)
    depths = {}
    for b, unit in enumerate(modelled):
        if isinstance(unit.params, BufferParams):
            (i,), (o,) = net.ports(b)
            freed = net.blocks[b].freed(frames, times[i], times[o])
            depths[unit.name] = needed_depth(times[i], freed)
    return ii, depths


def _without(units: list[Unit], names: list[str]) -> list[Unit]:
    """Remove units of one input and one output."""
    instead = {unit.name: unit.sources[0] for unit in units if unit.name in names}
    return [replace(unit, sources=tuple(instead.get(s, s) for s in unit.sources))
            for unit in units if unit.name not in names]


def _first_frame(units: list[Unit]) -> tuple[int, tuple[tuple[str, int, int], ...]]:
    """Return the latency, and when the first frame is in each unit.

    One frame is enough, because later frames cannot delay it.
    """
    net, modelled = token_net(units)
    times = settle(net, 1, np.arange(net.edges[0].words, dtype=np.int64))
    spans = []
    for b, unit in enumerate(modelled):
        ins, outs = net.ports(b)
        spans.append((unit.name, min(int(times[k][0]) for k in ins),
                      max(int(times[k][-1]) for k in outs)))
    last = next(k for k, edge in enumerate(net.edges) if edge.consumer is None)
    return int(times[last][-1] - times[0][0]), tuple(spans)
