"""The input frame: stored as it comes, and fed to the accelerator as often as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import counted, shifted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["FrameInput", "InputShape", "place"]


def place(m: Module, rows: int, first: int, back: Any, on: Any,
          below: Any = 0) -> tuple[Signal, Any]:
    """A place in a memory that counts down to the last row, 0, and whether it is there.

    ``back`` leads to the row ``first``, ``on`` to the next one; that behind 0, which ``below``
    leads to, is the highest one.
    """
    row = Signal(range(rows), reset_less=True)
    following = Signal(len(row) + 1)
    m.d.comb += following.eq(row - 1)
    with m.If(back):
        m.d.sync += row.eq(first)
    with m.Elif(on | below):
        m.d.sync += row.eq(Mux(below, -1, following))
    return row, following[-1]


@dataclass(frozen=True)
class InputShape:
    """Rows that an input frame is stored in, see ``FrameInput``.

    Parameters
    ----------
    in_bytes, in_words : int
    wanted_lanes : int
        Bytes a row where there is a memory; without one, a row is the word.
    room : int
    """

    in_bytes: int
    in_words: int
    wanted_lanes: int
    room: int

    @property
    def memoryless(self) -> bool:
        return self.in_words == 1 and self.in_bytes >= self.room

    @property
    def lanes(self) -> int:
        return self.in_bytes if self.memoryless else self.wanted_lanes

    @property
    def rows(self) -> int:
        """Rows of a frame."""
        return self.in_bytes * self.in_words // self.lanes

    @property
    def depth(self) -> int:
        """Rows of the memory; 0 without one."""
        if self.memoryless:
            return 0
        if self.room <= self.rows * self.lanes:
            return self.rows
        # More rows than a frame has: they lie above, where the count goes on behind 0.
        return 1 << (-(-self.room // self.lanes) - 1).bit_length()


class FrameInput(SharedComponent):
    """Hold an input frame, and hand it to the accelerator.

    Bits of a frame are shifted into a row, and the row is stored when it is full. Rows are read
    one behind the other, one a cycle, and ``in_bytes / lanes`` of them make a word; the last of
    them comes straight from the memory. A frame of a single word needs no memory but the row.

    Parameters
    ----------
    shape : InputShape
        Bytes a word and words a frame; bytes a row, a divisor of those of a word; and the bytes
        that have to find place at least.

    Members
    -------
    rewind : In(1)
        The next row is the first.
    shift, i, o : In(1), In(1), Out(1)
        Bits of the row, in the order of the wire.
    store : In(1)
        The row goes to the memory, and the next one is awaited.
    load : In(1)
        The row comes from the memory; not within a cycle after ``rewind`` or another ``load``.
    running : In(1)
    feed : In(1)
        While running: rows may be read.
    fed : Out(1)
        The last row of a frame is read in this cycle.
    to_core : Out(stream)
    to_core_last : Out(1)
    """

    def __init__(self, shape: InputShape) -> None:
        if shape.in_bytes % shape.wanted_lanes:
            raise ValueError(f"lanes {shape.wanted_lanes!r} do not make words of "
                             f"{shape.in_bytes} bytes")
        self.shape, self.room, self.lanes = shape, shape.room, shape.lanes
        super().__init__({
            "rewind": In(1), "shift": In(1), "i": In(1), "o": Out(1), "store": In(1),
            "load": In(1), "running": In(1), "feed": In(1), "fed": Out(1),
            "to_core": Out(stream.Signature(8 * shape.in_bytes)), "to_core_last": Out(1),
        })

    @property
    def module_name(self) -> str:
        shape = self.shape
        return f"bnnhw_frame_input_{shape.in_words}x{shape.in_bytes}_{shape.lanes}_{shape.room}"

    def body(self, platform: Any) -> Module:
        m = Module()
        row = Signal(8 * self.lanes, reset_less=True)
        waits = Signal(reset_less=True)  # a row was read
        parts = self.shape.in_bytes // self.lanes
        held = Signal(range(max(2, parts)), reset_less=True)  # rows of the word before it
        taken, whole, fetch, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.o.eq(row[7]), whole.eq(held == parts - 1),
            taken.eq(waits & (self.to_core.ready | ~whole)),
            fetch.eq(self.feed & (taken | ~waits)), self.fed.eq(fetch & ends),
            self.to_core.valid.eq(waits & whole),
        ]
        with m.If(~self.running):
            m.d.sync += [waits.eq(0), held.eq(0)]
        with m.Else():
            m.d.sync += waits.eq(self.feed | (waits & ~taken))
            with m.If(taken):
                m.d.sync += held.eq(Mux(whole, 0, counted(held)))
        if self.shape.memoryless:
            m.d.comb += [ends.eq(1), self.to_core.payload.eq(row), self.to_core_last.eq(1)]
            with m.If(self.shift):
                m.d.sync += row.eq(shifted(row, self.i))
            return m
        read = self._memory(m, row, fetch, ends)
        # The rows of a word that were read before; the row itself is the last of them, so that it
        # takes no flip-flops of its own.
        before = row[:0]
        if parts > 1:
            earlier = Signal((parts - 2) * len(row), reset_less=True)
            before = Cat(earlier, row)
            with m.If(taken):
                m.d.sync += earlier.eq(before[len(row):])
        m.d.comb += self.to_core.payload.eq(Cat(before, read))
        with m.If(self.shift):
            m.d.sync += row.eq(shifted(row, self.i))
        with m.Elif(self.load | (taken & ~whole)):
            m.d.sync += row.eq(read)
        return m

    def _memory(self, m: Module, row: Signal, fetch: Signal, ends: Signal) -> Signal:
        """What was read last."""
        m.submodules.memory = memory = Memory(shape=len(row), depth=self.shape.depth, init=[],
                                              attrs={"no_rw_check": 1})
        writer, reader = memory.write_port(), memory.read_port(transparent_for=())
        at, last = place(m, self.shape.depth, self.shape.rows - 1, self.rewind | self.fed,
                         self.store | self.load | fetch)
        m.d.comb += [
            writer.addr.eq(at), writer.data.eq(row), writer.en.eq(self.store),
            reader.addr.eq(at), reader.en.eq(fetch | ~self.running), ends.eq(last),
        ]
        last_word = Signal(reset_less=True)
        m.d.comb += self.to_core_last.eq(last_word)
        with m.If(fetch):
            m.d.sync += last_word.eq(last)
        return reader.data
