"""Formal properties of stream components, with the invariants that make induction succeed.

A watched element stands for all of them: which one is watched is free, so a proof about it covers
every element. Counters wrap, so nothing is bounded in time.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Fragment, Module, Mux, ResetSignal, Signal, Value

from bnnhw.dataflow.units.converter import WidthConverter
from bnnhw.rtl.hold import HoldRegister
from bnnhw.rtl.queue import CreditQueue
from bnnhw.rtl.replay import ReplayBuffer
from tests.formal.prove import FormalPlatform, find, mux_of, past

__all__ = [
    "Spec",
    "converter_spec",
    "function_spec",
    "hold_output",
    "hold_spec",
    "passthrough_spec",
    "pipeline_spec",
    "queue_spec",
    "replay_spec",
]

Spec = tuple[Module, list[Signal]]


def free(name: str, width: int = 1) -> Signal:
    """An input that can be anything in each cycle."""
    return Signal(width, name=name)


def begin(m: Module) -> Signal:
    """No resets after the first state; returns whether there is a cycle before this one."""
    m.d.comb += Assume(~ResetSignal())
    later = Signal(name="later")
    m.d.sync += later.eq(1)
    return later


def hold_output(m: Module, valid: Value, ready: Value, payload: Value) -> None:
    """A word remains valid and unchanged until the reader accepts it."""
    stalled = past(m, valid & ~ready, "stalled")
    before = past(m, payload, "payload")
    with m.If(stalled):
        m.d.comb += [Assert(valid), Assert(payload == before)]


def hold_input(m: Module, valid: Value, ready: Value, payload: Value) -> None:
    """The environment keeps the same rule."""
    stalled = past(m, valid & ~ready, "in_stalled")
    before = past(m, payload, "in_payload")
    with m.If(stalled):
        m.d.comb += [Assume(valid), Assume(payload == before)]


def queue_spec(queue: CreditQueue) -> Spec:
    """Nothing lost, doubled or reordered; a write always finds room."""
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(queue, platform)
    m.submodules.dut = fragment
    begin(m)
    rows = platform.rows[0]
    inner = len(rows)
    consume, level = find(fragment, "consume"), find(fragment, "inner_level")
    produce, used = find(fragment, "produce"), find(fragment, "used")
    room = find(fragment, "w_rdy")
    reserve, write = free("reserve"), free("write")
    word, ready = free("word", queue.width), free("ready")
    m.d.comb += [queue.reserve.eq(reserve), queue.write.eq(write), queue.word.eq(word),
                 queue.o.ready.eq(ready)]
    pending = Signal(range(queue.depth + 2))
    count = Signal(range(queue.depth + 2))
    taken = Signal()
    model = [Signal(queue.width, name=f"model{k}") for k in range(queue.depth + 1)]
    m.d.comb += [
        Assume(~reserve | queue.free),
        Assume(~write | (pending != 0)),
        taken.eq(queue.o.valid & ready),
    ]
    m.d.sync += [pending.eq(pending + reserve - write), count.eq(count + write - taken)]
    for k in range(queue.depth):
        m.d.sync += model[k].eq(Mux(taken, model[k + 1], model[k]))
    with m.If(write), m.Switch(count - taken):
        for k in range(queue.depth):
            with m.Case(k):
                m.d.sync += model[k].eq(word)
    hold_output(m, queue.o.valid, ready, queue.o.payload)
    with m.If(write):
        m.d.comb += Assert(room)
    with m.If(queue.o.valid):
        m.d.comb += Assert(queue.o.payload == model[0])
    m.d.comb += [
        Assert(used == pending + count), Assert(used <= queue.depth),
        Assert(count == level + queue.o.valid), Assert(queue.o.valid | (level <= 1)),
        Assert(consume < inner), Assert(produce < inner),
    ]
    for k in range(inner):
        at = Mux(consume + k >= inner, consume + k - inner, consume + k)
        stored = Mux(queue.o.valid, model[k + 1], model[k])
        with m.If(k < level):
            m.d.comb += Assert(mux_of(rows, at) == stored)
    return m, [reserve, write, word, ready]


def converter_spec(dwc: WidthConverter) -> Spec:
    """Every element is emitted once, in its position; the last word of a frame ends with zeros."""
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(dwc, platform)
    m.submodules.dut = fragment
    begin(m)
    shape = dwc.params
    a, b, length = shape.i.lanes, shape.o.lanes, shape.i.elements
    remainder, row = find(fragment, "fill_turn"), find(fragment, "fill_row")
    lanes = find(fragment, "lanes")
    fill = Signal(16)
    valid, payload, ready = free("valid"), free("payload", a * dwc.width), free("ready")
    start, element = free("start"), free("element", 8)
    m.d.comb += [dwc.i.valid.eq(valid), dwc.i.payload.eq(payload), dwc.o.ready.eq(ready),
                 fill.eq(row * a + remainder * shape.step)]
    in_at, out_at = Signal(range(length)), Signal(range(length))
    accepted, taken = Signal(), Signal()
    in_left, out_left = Signal(range(length + 1)), Signal(range(length + 1))
    take, give = Signal(range(length + 1)), Signal(range(length + 1))
    m.d.comb += [
        accepted.eq(dwc.i.valid & dwc.i.ready), taken.eq(dwc.o.valid & dwc.o.ready),
        in_left.eq(length - in_at), out_left.eq(length - out_at),
        take.eq(Mux(in_left < a, in_left, a)), give.eq(Mux(out_left < b, out_left, b)),
    ]
    with m.If(accepted):
        m.d.sync += in_at.eq(Mux(take == in_left, 0, in_at + take))
    with m.If(taken):
        m.d.sync += out_at.eq(Mux(give == out_left, 0, out_at + give))
    # The watched element: chosen when it arrives, followed until it is emitted.
    watching, value = Signal(), Signal(dwc.width)
    position, ahead = Signal(range(length)), Signal(range(len(lanes) + 1))
    chosen = Signal()
    kept = Signal(range(len(lanes) + 1))
    m.d.comb += [
        chosen.eq(accepted & start & ~watching & (element < take)),
        kept.eq(fill - Mux(taken, give, 0)),
    ]
    with m.If(chosen):
        m.d.sync += [watching.eq(1), position.eq(in_at + element), ahead.eq(kept + element),
                     value.eq(payload.word_select(element, dwc.width))]
    with m.Elif(watching & taken):
        with m.If(ahead < give):
            m.d.sync += watching.eq(0)
            m.d.comb += [Assert(out_at + ahead == position),
                         Assert(dwc.o.payload.word_select(ahead, dwc.width) == value)]
        with m.Else():
            m.d.sync += ahead.eq(ahead - give)
    hold_output(m, dwc.o.valid, ready, dwc.o.payload)
    for k in range(b):
        with m.If(dwc.o.valid & (k >= give)):
            m.d.comb += Assert(dwc.o.payload.word_select(k, dwc.width) == 0)
    capacity = len(lanes) // dwc.width
    m.d.comb += [
        Assert(fill <= capacity), Assert(remainder * shape.step < a),
        Assert((out_at + fill) % length == in_at),
        Assert(out_at % b == 0), Assert(in_at % a == 0), Assert(in_at < length),
        Assert(out_at < length),
    ]
    _word_counters(m, fragment, (("in", in_at, a), ("out", out_at, b)), length)
    with m.If(watching):
        m.d.comb += [Assert(ahead < fill), Assert((out_at + ahead) % length == position),
                     Assert(lanes.word_select(ahead, dwc.width) == value)]
    return m, [valid, payload, ready, start, element]


def _word_counters(m: Module, fragment: Fragment, sides: Any, length: int) -> None:
    """The converter's own word counters, where it has any, agree with the element counters."""
    for name, at, lanes in sides:
        if length % lanes and length > lanes:
            m.d.comb += Assert(find(fragment, f"{name}_word") * lanes == at)


def replay_spec(replay: ReplayBuffer) -> Spec:
    """Each word of a frame is read once per pass, unchanged, before it is overwritten."""
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(replay, platform)
    m.submodules.dut = fragment
    later = begin(m)
    words, repeats = replay.words, replay.repeats
    size = 2 * words
    rows = platform.rows[0]
    stored, fresh = find(fragment, "stored"), find(fragment, "fresh")
    write_at, bank = find(fragment, "write_at"), find(fragment, "bank")
    pass_ = find(fragment, "pass")
    word = find(fragment, "word") if words > 1 else Signal(1, name="word_zero")
    valid, payload, read = free("valid"), free("payload", replay.width), free("read")
    start = free("start")
    m.d.comb += [replay.i.valid.eq(valid), replay.i.payload.eq(payload), replay.read.eq(read),
                 Assume(~read | replay.available)]
    accepted, last = Signal(), Signal()
    total = Signal(range(size + words + 1))  # words since the beginning of the frame that is read
    m.d.comb += [
        accepted.eq(replay.i.valid & replay.i.ready), last.eq(pass_ == repeats - 1),
        total.eq(stored + Mux(last, word, 0)),
        Assert(word < words), Assert(pass_ < repeats), Assert(write_at < size),
        Assert(stored <= size),
        Assert((bank * words + total) % size == write_at),
    ]
    with m.If(pass_ == 0):
        m.d.comb += [Assert(total >= word), Assert(fresh == total - word)]
    with m.Else():
        m.d.comb += [Assert(total >= words), Assert(fresh == total - words)]
    # The watched word: chosen when it arrives; ``age`` is its distance from the frame's start.
    watching, value = Signal(), Signal(replay.width)
    slot = Signal(range(size))
    near, age = Signal(range(size)), Signal(range(size + words))
    passes = Signal(range(repeats + 1))
    with m.If(~watching & accepted & start):
        m.d.sync += [watching.eq(1), value.eq(payload), slot.eq(write_at), passes.eq(0)]
    m.d.comb += [
        near.eq(Mux(slot >= bank * words, slot - bank * words, slot + size - bank * words)),
        # An address before that of the last pass was freed, so its word belongs to a later frame.
        age.eq(Mux(last & (near < word), near + size, near)),
    ]
    reading = Signal()
    m.d.comb += reading.eq(watching & read & (age == word))
    with m.If(reading):
        m.d.comb += Assert(passes == pass_)
        m.d.sync += passes.eq(passes + 1)
        with m.If(last):
            m.d.sync += watching.eq(0)
    was_reading = past(m, reading, "reading")
    was_value = past(m, value, "value")
    with m.If(later & was_reading):
        m.d.comb += Assert(replay.data == was_value)
    with m.If(watching):
        m.d.comb += [Assert(slot < size), Assert(age < total),
                     Assert(mux_of(rows, slot) == value)]
        with m.If(age < words):
            m.d.comb += Assert(passes == pass_ + (age < word))
        with m.Else():
            m.d.comb += Assert(passes == 0)
    return m, [valid, payload, read, start]


def hold_spec(hold: HoldRegister) -> Spec:
    """Each word is read ``repeats`` times, unchanged, before another one takes its place."""
    m = Module()
    fragment = Fragment.get(hold, FormalPlatform())
    m.submodules.dut = fragment
    later = begin(m)
    pass_ = find(fragment, "pass") if hold.repeats > 1 else Signal(1, name="pass_zero")
    valid, payload, read = free("valid"), free("payload", hold.width), free("read")
    m.d.comb += [hold.i.valid.eq(valid), hold.i.payload.eq(payload), hold.read.eq(read),
                 Assume(~read | hold.available)]
    accepted = Signal()
    left = Signal(range(hold.repeats + 1))  # readings that the stored word still needs
    value = Signal(hold.width)
    m.d.comb += accepted.eq(valid & hold.i.ready)
    with m.If(accepted):
        m.d.comb += Assert(left == read)
        m.d.sync += [value.eq(payload), left.eq(hold.repeats)]
    with m.Elif(read):
        m.d.sync += left.eq(left - 1)
    m.d.comb += [
        Assert(hold.available == (left != 0)), Assert(left <= hold.repeats),
        Assert((left == 0) | (left + pass_ == hold.repeats)), Assert((left != 0) | (pass_ == 0)),
        Assert((left == 0) | (find(fragment, "word") == value)),
    ]
    was_reading, was_value = past(m, read, "reading"), past(m, value, "value")
    with m.If(later & was_reading):
        m.d.comb += Assert(hold.data == was_value)
    return m, [valid, payload, read]


def pipeline_spec(unit: Any, depth: int, in_flight: list[str]) -> Spec:
    """A unit with a credit queue: each reserved slot is a word in the pipeline or in the queue.

    ``depth`` is the queue's; ``in_flight`` names the registers that carry the future writes.
    """
    m, platform = Module(), FormalPlatform()
    fragment = Fragment.get(unit, platform)
    m.submodules.dut = fragment
    begin(m)
    valid, ready = free("valid"), free("ready")
    payload = free("payload", len(unit.i.payload))
    m.d.comb += [unit.i.valid.eq(valid), unit.i.payload.eq(payload), unit.o.ready.eq(ready)]
    hold_input(m, valid, unit.i.ready, payload)
    hold_output(m, unit.o.valid, ready, unit.o.payload)
    used, level = find(fragment, "queue_used"), find(fragment, "inner_level")
    room, write = find(fragment, "w_rdy"), find(fragment, "w_en")
    flying = sum((find(fragment, name) for name in in_flight), start=Cat())
    m.d.comb += [
        Assert(used == flying + level + unit.o.valid), Assert(used <= depth),
        Assert(unit.o.valid | (level <= 1)),
        Assert(~write | room),
    ]
    return m, [valid, payload, ready]


def passthrough_spec(unit: Any) -> Spec:
    """A unit without storage keeps its output word while the word at its input is kept."""
    m = Module()
    m.submodules.dut = Fragment.get(unit, FormalPlatform())
    begin(m)
    valid, ready = free("valid"), free("ready")
    payload = free("payload", len(unit.i.payload))
    m.d.comb += [unit.i.valid.eq(valid), unit.i.payload.eq(payload), unit.o.ready.eq(ready),
                 Assert(unit.o.valid == valid), Assert(unit.i.ready == ready)]
    hold_input(m, valid, ready, payload)
    hold_output(m, unit.o.valid, ready, unit.o.payload)
    return m, [valid, payload, ready]


def function_spec(unit: Any, expected: Any, out_width: int) -> Spec:
    """The output words are those that ``expected`` computes from the input words.

    ``expected(m, valid, payload)`` adds a naive model and returns (valid, word) of what it gives,
    in the cycle in which the unit takes the last word that it needs. The model's words wait in a
    list that is as long as the number of words that the pipeline can contain.
    """
    m, platform = Module(), FormalPlatform()
    m.submodules.dut = Fragment.get(unit, platform)
    begin(m)
    valid, ready = free("valid"), free("ready")
    payload = free("payload", len(unit.i.payload))
    m.d.comb += [unit.i.valid.eq(valid), unit.i.payload.eq(payload), unit.o.ready.eq(ready)]
    made, word = expected(m, valid & unit.i.ready, payload)
    size = 16
    waiting = [Signal(out_width, name=f"waiting{k}") for k in range(size)]
    write_at, read_at = Signal(range(size)), Signal(range(size))
    with m.If(made):
        m.d.sync += write_at.eq(write_at + 1)
        with m.Switch(write_at):
            for k in range(size):
                with m.Case(k):
                    m.d.sync += waiting[k].eq(word)
    with m.If(unit.o.valid):
        m.d.comb += [Assert(read_at != write_at),
                     Assert(unit.o.payload == mux_of(waiting, read_at))]
    with m.If(unit.o.valid & ready):
        m.d.sync += read_at.eq(read_at + 1)
    return m, [valid, payload, ready]
