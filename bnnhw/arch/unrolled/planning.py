"""Plans unrolled designs: blocks of logic, with windows and pools between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from bnnhw.arch.streaming.builder import Builder
from bnnhw.arch.streaming.layers import lower
from bnnhw.arch.streaming.planning import cannot, check, finish
from bnnhw.arch.streaming.products import padding_of
from bnnhw.arch.unrolled.blocks import count_block, gather
from bnnhw.arch.unrolled.logic import LogicParams, netlist_of, registers_of
from bnnhw.dataflow.stream import StreamPlan
from bnnhw.dataflow.units import ConverterParams
from bnnhw.dataflow.units.line_window import line_window_params
from bnnhw.dataflow.units.sliding_window import window_params
from bnnhw.errors import PlanError
from bnnhw.families import Device
from bnnhw.ir import Graph
from bnnhw.layers import ArgMax, Conv, Layer, Product
from bnnhw.logic.cse.block_netlist import best_layer_options
from bnnhw.logic.cse.search import Report, attempt_count
from bnnhw.logic.netlist import Netlist
from bnnhw.logic.pipeline import register_count, schedule, schedule_cuts
from bnnhw.logic.target import Target
from bnnhw.plan import Goal, Plan

__all__ = ["plan"]

ARCH = "unrolled"
REGISTER_PRICE = 0.2
"""Cost of a register in LUTs when common subexpressions are chosen; most share a cell with a LUT.

Registers are counted before retiming, which would take longer than the search.
"""

MAX_SYNAPSES = 1 << 23
"""Largest number of weights of a layer."""


def plan(graph: Graph, device: Device, goal: Goal, cuts: int | None = None,
         progress: Report | None = None) -> Plan:
    """Plan a network as unrolled logic.

    Parameters
    ----------
    graph : Graph
        The network after the passes.
    device : Device
    goal : Goal
        Its clock decides the number of registers where ``cuts`` does not.
    cuts : int or None
        Registers on each path through a block of logic.
    progress : callable or None
        Receives the fraction of the search for shared sums that is done.

    Raises
    ------
    PlanError
        The architecture does not support the network, or the goal is impossible.
    """
    check(graph, ARCH)
    for layer in graph.layers:
        _check_layer(layer)
    if cuts is not None and cuts < 0:
        raise PlanError(f"{cuts} registers on each path were given; the number must not be "
                        "negative", where="option 'cuts'")
    pixels = max(math.prod(type_.map[:2]) if len(type_.shape) > 1 else 1
                 for layer in graph.layers for type_ in (layer.input, layer.out_type()))
    has_rate = goal.target_cycles is not None or goal.fps is not None
    target = goal.cycles_per_frame() if has_rate else pixels
    builder = Builder(graph, device, target, {}, {})
    resolve = {layer.name: builder.resolve(layer.name) for layer in graph.layers}
    groups = gather(graph, resolve, builder.forwarding)
    inside = {layer.name: group for group in groups for layer in group}
    search = _Search([layer for group in groups for layer in group if isinstance(layer, Product)],
                     progress)
    for layer in graph.layers:
        group = inside.get(layer.name)
        if group is None:
            lower(builder, layer)
        elif layer is group[-1]:
            _build(builder, group, search, cuts, goal.clock_mhz or Goal.ASSUMED_MHZ)
    return finish(builder, ARCH)


class _Search:
    """Progress of the searches of all layers, weighted by their numbers of weights."""

    def __init__(self, layers: list[Product], report: Report | None) -> None:
        self._report = report
        self._parts = [layer.weights.size * attempt_count(len(layer.weights) * layer.outputs,
                                                          layer.fan_in) for layer in layers]
        self._begun = 0

    def next(self) -> Report | None:
        """The callback for the search of the next layer."""
        report = self._report
        if report is None:
            return None
        before, current = sum(self._parts[:self._begun]), self._parts[self._begun]
        total = sum(self._parts)
        self._begun += 1
        return lambda fraction: report((before + fraction * current) / total)


def _check_layer(layer: Layer) -> None:
    """Raise PlanError for a layer that is too large for logic with constant weights."""
    if not isinstance(layer, Product):
        return
    if layer.weights.size > MAX_SYNAPSES:
        raise cannot(ARCH, layer, f"has {layer.weights.size} weights, more than {MAX_SYNAPSES} "
                     "as logic")


def _build(b: Builder, group: list[Layer], search: _Search, cuts: int | None,
           clock_mhz: float) -> None:
    """Add the block of logic of a group, after a window where it begins with a convolution."""
    first, last = group[0], group[-1]
    assert isinstance(first, Product)
    channels = first.input.channels
    if b.resolve(first.source) == "input" and b.stream("input") is None:
        # The input is no wider than the target needs; a converter collects its words.
        b.provide_input(channels, b.lanes(first.source), first.input.size // channels)
    source, stream = b.want(first.source, first.name, channels, channels)
    if isinstance(first, Conv) and not first.window.pointwise:
        source, stream = _add_window(b, first, source, stream)
    forward = not isinstance(last, ArgMax) or last.name in b.forwarding
    block = count_block(group, forward)
    target = b.device.family.target
    price = None if cuts == 0 else _register_price(target, clock_mhz)
    settings = tuple(best_layer_options(layer, target, price, report=search.next()).values
                     for layer in block.layers)
    names = tuple(layer.name for layer in group)
    netlist = netlist_of(b.graph, names, forward, target.name, settings)
    period = _period(netlist, target, cuts, clock_mhz)
    found = registers_of(b.graph, names, forward, target.name, settings, period)
    product = [layer for layer in group if isinstance(layer, Product)][-1]
    element = product.out_type().element
    vectors = product.vector_count
    out = StreamPlan(product.outputs, product.outputs, element.width, element.signed, vectors)
    label = isinstance(last, ArgMax)
    o = StreamPlan(1, 1, block.outputs) if label else out
    params = LogicParams(
        stream, o, names, target.name, settings, found.cuts, found.period_ns,
        sum(layer.synapses for layer in block.layers),
        target.luts(netlist, found), register_count(netlist, found), out, label, forward=forward)
    b.provide(last.name, b.add(last.name if not label else f"{product.name}_{last.name}",
                               last.name, (source,), params))


def _add_window(b: Builder, layer: Conv, source: str,
                stream: StreamPlan) -> tuple[str, StreamPlan]:
    """Add a window unit that emits all taps in one word; return its name and its stream."""
    height, width, channels = layer.input.map
    pad = padding_of(layer, stream)
    name = f"{layer.name}_swu"
    if pad is None or pad[:2] == (1, 1):
        window = b.add(name, None, (source,),
                       line_window_params(name, stream, layer.window, (height, width), pad))
        return window.name, window.o
    # A padding pattern needs windows that arrive tap by tap; a converter collects them.
    window = b.add(name, None, (source,),
                   window_params(stream, layer.window, (height, width), pad))
    taps = layer.window.taps * channels
    vector = replace(window.o, elements=taps, lanes=taps, groups=layer.vector_count)
    converter = b.add(f"{name}_dwc", None, (window.name,), ConverterParams(window.o, vector))
    return converter.name, vector


def _register_price(target: Target, clock_mhz: float) -> Callable[[Netlist], float]:
    """The cost of the registers that a netlist needs at a clock, in LUTs."""
    period = 1e3 / clock_mhz

    def price(netlist: Netlist) -> float:
        return REGISTER_PRICE * register_count(netlist, schedule(netlist, target.delays, period))

    return price


def _period(netlist: Netlist, target: Target, cuts: int | None, clock_mhz: float) -> float:
    """The smallest period in nanoseconds with ``cuts`` registers, or with what the clock needs."""
    if cuts is None:
        cuts = schedule(netlist, target.delays, 1e3 / clock_mhz).cuts
    # The registers are spread as evenly over each path as possible.
    return schedule_cuts(netlist, target.delays, cuts).period_ns
