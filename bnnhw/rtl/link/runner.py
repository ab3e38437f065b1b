"""The accelerator's side of the link: a frame in memory, runs of it, and what they took."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["Runner"]

_APART = {"no_rw_check": 1}
"""A word that is read is never written in that cycle, so that nothing has to look for it."""


class Runner(SharedComponent):
    """Keep an input frame and an output frame, run the accelerator between them, and count.

    Parameters
    ----------
    in_bytes, in_words, out_bytes, out_words : int
        Bytes a word and words a frame of the accelerator's streams.
    watchdog : int
        Cycles without a word on either stream after which a run is given up.
    lanes : int
        Bytes a word of the input memory, a divisor of ``in_bytes``: fewer than ``in_bytes`` save
        block RAM, and hand on a word every ``in_bytes / lanes`` cycles.
    in_room : int
        Words of the input memory: at least a frame, more where other payloads need them.

    Members
    -------
    write, write_byte : In(1), In(8)
        The next byte of the input memory.
    rewind : In(1)
        The next byte is the first.
    start : In(1)
    abort : In(1)
        Give up the run.
    repeats : In(32)
        Times to run the frame, at least 1; held while running.
    busy : Out(1)
    hung : Out(1)
        The last run was given up.
    cycles, stalls, first : Out(32)
        As in ``bnnhw.link.Counters``.
    read_input : In(1)
        Read the input memory, not the output memory.
    read_word, read_lane : In
        Word and byte of it to read.
    read_byte : Out(8)
        Valid two cycles later.
    to_core : Out(stream)
    to_core_last : Out(1)
    from_core : In(stream)
    """

    def __init__(self, *, in_bytes: int, in_words: int, out_bytes: int, out_words: int,
                 watchdog: int, lanes: int, in_room: int) -> None:
        if in_bytes % lanes or in_room * lanes < in_bytes * in_words:
            raise ValueError(f"lanes {lanes!r} and in_room {in_room!r} do not hold {in_words} "
                             f"words of {in_bytes} bytes")
        self.in_bytes, self.in_words = in_bytes, in_words
        self.out_bytes, self.out_words = out_bytes, out_words
        self.watchdog, self.lanes, self.in_room = watchdog, lanes, in_room
        words, widest = max(in_room, out_words), max(lanes, out_bytes)
        super().__init__({
            "write": In(1), "write_byte": In(8), "rewind": In(1),
            "start": In(1), "abort": In(1), "repeats": In(32), "busy": Out(1), "hung": Out(1),
            "cycles": Out(32), "stalls": Out(32), "first": Out(32),
            "read_input": In(1), "read_word": In(range(words)), "read_lane": In(range(widest)),
            "read_byte": Out(8),
            "to_core": Out(stream.Signature(8 * in_bytes)), "to_core_last": Out(1),
            "from_core": In(stream.Signature(8 * out_bytes)),
        })

    @property
    def module_name(self) -> str:
        return (f"bnnhw_runner_{self.in_words}x{self.in_bytes}_{self.out_words}x{self.out_bytes}"
                f"_{self.watchdog}_{self.in_room}x{self.lanes}")

    def body(self, platform: Any) -> Module:
        m = Module()
        in_data, narrow, frame_read = self._input_memory(m)
        out_word, out_data = self._output_memory(m)
        sent, got = Signal(), Signal()  # a word moves in this cycle
        frames_in, frames_out = Signal(32), Signal(32)
        running, feeding = Signal(), Signal()  # feeding: the memory still has words to give
        in_word = Signal(range(self.in_words))
        self._widen(m, narrow, running)
        m.d.comb += [
            narrow.valid.eq(feeding),
            self.to_core_last.eq(in_word == self.in_words - 1),
            # Ready outside of runs too, so that nothing that is left over stays.
            self.from_core.ready.eq(1),
            sent.eq(self.to_core.valid & self.to_core.ready),
            got.eq(self.from_core.valid & running),
            self.busy.eq(running),
        ]
        last_out = out_word == self.out_words - 1
        with m.If(narrow.valid & narrow.ready & frame_read):
            m.d.sync += frames_in.eq(frames_in - 1)
            with m.If(frames_in == 1):
                m.d.sync += feeding.eq(0)
        with m.If(got & last_out):
            m.d.sync += frames_out.eq(frames_out - 1)
            with m.If(frames_out == 1):
                m.d.sync += running.eq(0)
        self._count(m, running, sent, got, last_out & (frames_out == 1))
        with m.If(self.start):
            m.d.sync += [running.eq(1), feeding.eq(1), self.hung.eq(0), frames_in.eq(self.repeats),
                         frames_out.eq(self.repeats)]
        # Where a run ends, and where it is given up, the next begins with the first word.
        for word, moves, count in ((in_word, sent, self.in_words), (out_word, got, self.out_words)):
            with m.If(~running):
                m.d.sync += word.eq(0)
            with m.Elif(moves):
                m.d.sync += word.eq(Mux(word == count - 1, 0, word + 1))
        quiet = Signal(range(self.watchdog + 1))
        m.d.sync += quiet.eq(Mux(running & ~sent & ~got, quiet + 1, 0))
        with m.If(running & ((quiet == self.watchdog) | self.abort)):
            m.d.sync += [running.eq(0), feeding.eq(0), self.hung.eq(1)]
        word = Signal.like(self.read_lane)
        m.d.sync += word.eq(self.read_lane)
        with m.If(self.read_input):
            m.d.sync += self.read_byte.eq(in_data.word_select(word, 8))
        with m.Else():
            m.d.sync += self.read_byte.eq(out_data.word_select(word, 8))
        return m

    def _count(self, m: Module, running: Signal, sent: Signal, got: Signal, end: Any) -> None:
        """``started`` and ``answered``: the first word went in, came out."""
        started, answered, ended = Signal(), Signal(), Signal()
        now = Signal(32)  # cycles since the first input word
        m.d.comb += now.eq(Mux(started, self.cycles + 1, 0))
        with m.If(self.start):
            m.d.sync += [started.eq(0), answered.eq(0), ended.eq(0), self.cycles.eq(0),
                         self.stalls.eq(0), self.first.eq(0)]
        with m.Elif(running & ~ended):
            with m.If(sent):
                m.d.sync += started.eq(1)
            with m.If(started):
                m.d.sync += self.cycles.eq(now)
            with m.If(self.to_core.valid & ~self.to_core.ready):
                m.d.sync += self.stalls.eq(self.stalls + 1)
            with m.If(got & ~answered):
                m.d.sync += [answered.eq(1), self.first.eq(now)]
            with m.If(got & end):
                m.d.sync += ended.eq(1)

    def _input_memory(self, m: Module) -> tuple[Signal, Any, Any]:
        """Data that is read, the stream of it, and whether a frame ends with it."""
        m.submodules.input = memory = Memory(
            shape=8 * self.lanes, depth=self.in_room, init=[], attrs=_APART)
        port = memory.write_port(granularity=8)
        row, lane = Signal(range(self.in_room)), Signal(range(self.lanes))
        m.d.comb += [
            port.addr.eq(row), port.data.eq(self.write_byte.replicate(self.lanes)),
            port.en.eq(Mux(self.write, Const(1, self.lanes) << lane, 0)),
        ]
        with m.If(self.rewind):
            m.d.sync += [row.eq(0), lane.eq(0)]
        with m.Elif(self.write):
            m.d.sync += lane.eq(lane + 1)
            with m.If(lane == self.lanes - 1):
                m.d.sync += [lane.eq(0), row.eq(row + 1)]
        place, following = Signal(range(self.in_room)), Signal(range(self.in_room))
        narrow = stream.Signature(8 * self.lanes).create()
        read = memory.read_port(transparent_for=())
        frame_read = place == self.in_bytes * self.in_words // self.lanes - 1
        m.d.comb += [
            narrow.payload.eq(read.data), following.eq(place), read.en.eq(1),
            # The address is that of the coming cycle, so that the data is always that of the place.
            read.addr.eq(Mux(self.busy, following, Mux(self.read_input, self.read_word, 0))),
        ]
        with m.If(narrow.valid & narrow.ready):
            m.d.comb += following.eq(Mux(frame_read, 0, place + 1))
        m.d.sync += place.eq(Mux(self.busy, following, 0))
        return read.data, narrow, frame_read

    def _widen(self, m: Module, narrow: Any, running: Signal) -> None:
        """Words of the memory to words of the accelerator."""
        parts = self.in_bytes // self.lanes
        if parts == 1:
            m.d.comb += [self.to_core.payload.eq(narrow.payload),
                         self.to_core.valid.eq(narrow.valid),
                         narrow.ready.eq(self.to_core.ready)]
            return
        word, held = Signal(8 * self.in_bytes), Signal(range(parts + 1))
        full = held == parts
        m.d.comb += [self.to_core.payload.eq(word), self.to_core.valid.eq(full),
                     narrow.ready.eq(~full | self.to_core.ready)]
        with m.If(narrow.valid & narrow.ready):
            m.d.sync += [word.eq(Cat(word[8 * self.lanes:], narrow.payload)),
                         held.eq(Mux(full, 1, held + 1))]
        with m.Elif(full & self.to_core.ready):
            m.d.sync += held.eq(0)
        with m.If(~running):
            m.d.sync += held.eq(0)

    def _output_memory(self, m: Module) -> tuple[Signal, Signal]:
        """The word that comes from the accelerator, and the data that is read."""
        m.submodules.output = memory = Memory(
            shape=8 * self.out_bytes, depth=self.out_words, init=[], attrs=_APART)
        word = Signal(range(self.out_words), name="out_word")
        port, read = memory.write_port(), memory.read_port(transparent_for=())
        m.d.comb += [
            port.addr.eq(word), port.data.eq(self.from_core.payload),
            port.en.eq(self.from_core.valid & self.busy),
            read.en.eq(1), read.addr.eq(self.read_word),
        ]
        return word, read.data
