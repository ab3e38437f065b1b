"""Depths of line buffers and queues, cycles a frame and latency, from the token model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnhw.errors import PlanError
from bnnhw.ir import Graph
from bnnhw.plan.blocks import Block, PipelineBlock, Times, WindowBlock, needed_depth
from bnnhw.plan.model import BufferUnit, Unit
from bnnhw.plan.timing import Edge, TokenNet, settle, steady

__all__ = ["Schedule", "Span", "size", "token_net"]


@dataclass(frozen=True)
class Span:
    """When the first frame, in an idle core, enters and leaves a unit (cycles)."""

    unit: str
    first_in: int
    last_out: int


@dataclass(frozen=True)
class Schedule:
    """Units with all depths decided, and the exact figures of the whole.

    Attributes
    ----------
    units : tuple of Unit
    ii, latency : int
    spans : tuple of Span
    """

    units: tuple[Unit, ...]
    ii: int
    latency: int
    spans: tuple[Span, ...]


def token_net(units: list[Unit], graph: Graph) -> tuple[TokenNet, list[Unit]]:
    """Make the token model; returns it and the units that its blocks stand for."""
    modelled = [(unit, block) for unit in units if (block := unit.block(graph)) is not None]
    number = {unit.name: k for k, (unit, _) in enumerate(modelled)}
    by_name = {unit.name: unit for unit in units}

    def giver(source: str) -> tuple[int, int] | None:
        name, _, port = source.partition(".")
        if name in number:
            return number[name], int(port or 0)
        return giver(by_name[name].sources[0]) if by_name[name].sources else None

    edges = []
    for unit in units:
        taken = number.get(unit.name)
        if taken is None and unit is not units[-1]:
            continue
        for port, (source, stream) in enumerate(zip(unit.sources, unit.inputs, strict=True)):
            edges.append(Edge(stream.words, giver(source),
                              None if taken is None else (taken, port)))
    edges.sort(key=lambda edge: edge.giver is not None)
    net = TokenNet([block for _, block in modelled], edges, [unit.name for unit, _ in modelled])
    return net, [unit for unit, _ in modelled]


def _depth_of(block: Block, frames: int, taken: Times, given: Times) -> int:
    if isinstance(block, WindowBlock):
        return needed_depth(taken, block.freed(frames, taken, given))
    assert isinstance(block, PipelineBlock)
    return needed_depth(taken, given)


def size(units: list[Unit], graph: Graph) -> Schedule:
    """Decide every depth that is open, so that no unit ever waits for room in the steady state.

    A queue that would hold next to nothing is left out.

    Raises
    ------
    PlanError
        The units cannot come to a steady state.
    """
    ii = max(unit.cycles for unit in units)
    ii, depths = _open_depths(units, graph, ii)
    spare = [name for name, depth in depths.items()
             if depth < 3 and _kind_of(units, name) == "fifo"]
    if spare:
        fewer = _without(units, spare)
        try:
            shorter, fewer_depths = _open_depths(fewer, graph, ii)
        except PlanError:
            shorter, fewer_depths = ii + 1, {}
        if shorter == ii:
            units, depths = fewer, fewer_depths
    sized = [_with_depth(unit, depths) for unit in units]
    latency, spans = _first_frame(sized, graph)
    return Schedule(tuple(sized), ii, latency, spans)


def _kind_of(units: list[Unit], name: str) -> str:
    return next(unit.kind for unit in units if unit.name == name)


def _with_depth(unit: Unit, depths: dict[str, int]) -> Unit:
    if not isinstance(unit, BufferUnit) or unit.depth is not None:
        return unit
    return replace(unit, depth=unit.round_depth(depths[unit.name]))


def _open_depths(units: list[Unit], graph: Graph, ii: int) -> tuple[int, dict[str, int]]:
    net, modelled = token_net(units, graph)
    ii, frames, times = steady(net, ii)
    depths = {}
    for b, unit in enumerate(modelled):
        if isinstance(unit, BufferUnit):
            ins, outs = net.ports(b)
            depths[unit.name] = _depth_of(net.blocks[b], frames, times[ins[0]], times[outs[0]])
    return ii, depths


def _without(units: list[Unit], names: list[str]) -> list[Unit]:
    """Remove units of one input and one output."""
    instead = {unit.name: unit.sources[0] for unit in units if unit.name in names}
    return [replace(unit, sources=tuple(instead.get(s, s) for s in unit.sources))
            for unit in units if unit.name not in names]


def _first_frame(units: list[Unit], graph: Graph) -> tuple[int, tuple[Span, ...]]:
    """Latency, and when the first frame is in each unit. Frames behind it cannot delay it."""
    net, modelled = token_net(units, graph)
    times = settle(net, 1, np.arange(net.edges[0].words, dtype=np.int64))
    spans = []
    for b, unit in enumerate(modelled):
        ins, outs = net.ports(b)
        spans.append(Span(unit.name, min(int(times[k][0]) for k in ins),
                          max(int(times[k][-1]) for k in outs)))
    last = next(k for k, edge in enumerate(net.edges) if edge.taker is None)
    return int(times[last][-1] - times[0][0]), tuple(spans)
