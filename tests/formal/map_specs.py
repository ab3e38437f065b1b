"""Formal properties of the units of maps and branches: forks, joins, line buffers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from amaranth.hdl import Assert, Const, Fragment, Module, Mux, Signal, Value

from tests.formal.prove import FormalPlatform, find, mux_of
from tests.formal.specs import Spec, begin, free, hold_input, hold_output

__all__ = ["fork_spec", "join_spec", "order_spec", "window_occupancy_spec"]


def fork_spec(fork: Any) -> Spec:
    """Each reader gets each word once, in order, and holds it until it takes it."""
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(fork, platform)
    m.submodules.dut = fragment
    begin(m)
    valid, payload = free("valid"), free("payload", fork.width)
    readies = [free("ready0"), free("ready1")]
    m.d.comb += [fork.i.valid.eq(valid), fork.i.payload.eq(payload)]
    hold_input(m, valid, fork.i.ready, payload)
    accepted = Signal()
    newest = Signal(fork.width, name="newest")
    came = Signal(3, name="came")
    m.d.comb += accepted.eq(valid & fork.i.ready)
    with m.If(accepted):
        m.d.sync += [newest.eq(payload), came.eq(came + 1)]
    for k, (port, ready) in enumerate(zip((fork.o0, fork.o1), readies, strict=True)):
        m.d.comb += port.ready.eq(ready)
        went = Signal(3, name=f"went{k}")
        with m.If(port.valid & ready):
            m.d.sync += went.eq(went + 1)
        _assert_held(m, port, ready, str(k))
        waiting = find(fragment, f"waiting{k}")
        m.d.comb += [Assert((went + waiting)[:3] == came), Assert(port.valid == waiting)]
        with m.If(port.valid):
            m.d.comb += Assert(port.payload == newest)
    return m, [valid, payload, *readies]


def _assert_held(m: Module, port: Any, ready: Value, name: str) -> None:
    """Assert that a word remains valid and unchanged until the reader accepts it."""
    stalled, before = Signal(name=f"stalled{name}"), Signal.like(port.payload, name=f"before{name}")
    m.d.sync += [stalled.eq(port.valid & ~ready), before.eq(port.payload)]
    with m.If(stalled):
        m.d.comb += [Assert(port.valid), Assert(port.payload == before)]


def join_spec(join: Any, expected: Callable[[Value, Value], Value]) -> Spec:
    """Words are taken in pairs; the one that is shown is ``expected`` of the newest pair."""
    m = Module()
    m.submodules.dut = Fragment.get(join, FormalPlatform())
    begin(m)
    ready = free("ready")
    inputs: list[Signal] = [ready]
    m.d.comb += join.o.ready.eq(ready)
    taken = []
    for k, port in enumerate((join.i0, join.i1)):
        valid, payload = free(f"valid{k}"), free(f"payload{k}", len(port.payload))
        m.d.comb += [port.valid.eq(valid), port.payload.eq(payload)]
        taken.append(valid & port.ready)
        inputs += [valid, payload]
    m.d.comb += Assert(taken[0] == taken[1])
    newest = Signal(len(join.o.payload), name="newest")
    full = Signal(name="full")
    with m.If(taken[0]):
        m.d.sync += [newest.eq(expected(join.i0.payload, join.i1.payload)), full.eq(1)]
    with m.Elif(ready):
        m.d.sync += full.eq(0)
    m.d.comb += Assert(join.o.valid == full)
    with m.If(join.o.valid):
        m.d.comb += Assert(join.o.payload == newest)
    hold_output(m, join.o.valid, ready, join.o.payload)
    return m, inputs


def window_occupancy_spec(buffer: Any, order: list[int]) -> Spec:
    """The line buffer never stores more words than its depth, for all time.

    ``order`` is the order in which the loops of the buffer read the words of a frame. The
    invariants give the position of the reader, and that every word was stored before it was read.
    """
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(buffer, platform)
    m.submodules.dut = fragment
    begin(m)
    valid, ready = free("valid"), free("ready")
    payload = free("payload", buffer.width)
    m.d.comb += [buffer.i.valid.eq(valid), buffer.i.payload.eq(payload), buffer.o.ready.eq(ready)]
    hold_input(m, valid, buffer.i.ready, payload)
    hold_output(m, buffer.o.valid, ready, buffer.o.payload)
    spare, slack = find(fragment, "spare"), find(fragment, "slack")
    outer_steps = len(order) // buffer.loops[0].count
    step = Signal(range(len(order)))
    for k, loop in enumerate(buffer.loops):
        at = find(fragment, f"loop{k}")
        m.d.comb += [Assert(at < loop.count),
                     Assert(find(fragment, f"loop{k}_end") == (at == loop.count - 1))]
    weights = [len(order) // math.prod(loop.count for loop in buffer.loops[:k + 1])
               for k in range(len(buffer.loops))]
    m.d.comb += step.eq(sum((find(fragment, f"loop{k}") * w for k, w in enumerate(weights)),
                            start=Const(0)))
    with m.Switch(step):
        for k, word in enumerate(order):
            with m.Case(k):
                released = sum(buffer.releases[:k // outer_steps])
                seen = max(order[:k], default=-1) + 1
                head = slack + 1 + word  # words of this frame that have arrived
                m.d.comb += [Assert(buffer.depth - 1 - spare == head - released),
                             Assert(head >= seen)]
    m.d.comb += [Assert(spare >= -1), Assert(buffer.level <= buffer.depth)]
    return m, [valid, ready, payload]


def order_spec(unit: Any, order: list[int], frame_words: int, out_width: int,
               reduce_: Callable[[list[Value]], Value] | None = None) -> Spec:
    """Output word n is input word ``order[n]`` of the first frame (or a function of all of it).

    Bounded: the first frame and the beginning of the second one.
    """
    m = Module()
    m.submodules.dut = Fragment.get(unit, FormalPlatform())
    begin(m)
    valid, ready = free("valid"), free("ready")
    payload = free("payload", len(unit.i.payload))
    m.d.comb += [unit.i.valid.eq(valid), unit.i.payload.eq(payload), unit.o.ready.eq(ready)]
    came = Signal(range(4 * frame_words))
    words = [Signal(len(payload), name=f"word{k}") for k in range(frame_words)]
    with m.If(valid & unit.i.ready & (came < 2 * frame_words)):
        m.d.sync += came.eq(came + 1)
        with m.Switch(came):
            for k, word in enumerate(words):
                with m.Case(k):
                    m.d.sync += word.eq(payload)
    went = Signal(range(2 * len(order) + 2))
    expected = Signal(out_width)
    results = [reduce_(words)] if reduce_ else [mux_of(words, i) for i in order]
    value: Value = results[0]
    for k in range(1, len(results)):
        value = Mux(went == k, results[k], value)
    m.d.comb += expected.eq(value)
    with m.If(unit.o.valid & (went < len(results))):
        m.d.comb += [Assert(unit.o.payload == expected),
                     Assert(came > (frame_words - 1 if reduce_ else 0))]
    with m.If(unit.o.valid & ready & (went <= len(results))):
        m.d.sync += went.eq(went + 1)
    return m, [valid, ready, payload]
