"""Input memory: stores an input frame and feeds it to the accelerator, once or repeatedly."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import incremented, shifted
from bnnhw.rtl.shared import SharedComponent

__all__ = ["FrameInput", "InputShape", "row_address"]


def row_address(m: Module, rows: int, first: int, back: Value, on: Value,
                below: ValueLike = 0) -> tuple[Signal, Value]:
    """Add an address counter for a memory, which counts down to the last row, 0.

    Parameters
    ----------
    m : Module
    rows : int
        Depth of the memory.
    first : int
        First row of a frame.
    back, on, below : Value
        Go to row ``first``, to the next row, or to the highest row, which follows row 0.

    Returns
    -------
    Signal
        The address.
    Value
        Whether it is 0, the last row.
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
    """Shape of the memory of an input frame; see ``FrameInput``.

    Parameters
    ----------
    in_bytes, in_words : int
        Bytes per word and words per frame.
    memory_lanes : int
        Bytes per row of the memory, a divisor of ``in_bytes``. Without a memory, the row is the
        word.
    room : int
        Bytes that have to fit at least.
    """

    in_bytes: int
    in_words: int
    memory_lanes: int
    room: int

    @property
    def memoryless(self) -> bool:
        """Whether the frame is a single word, which the row register stores."""
        return self.in_words == 1 and self.in_bytes >= self.room

    @property
    def lanes(self) -> int:
        """Bytes per row."""
        return self.in_bytes if self.memoryless else self.memory_lanes

    @property
    def rows(self) -> int:
        """Rows per frame."""
        return self.in_bytes * self.in_words // self.lanes

    @property
    def depth(self) -> int:
        """Rows of the memory; 0 without one."""
        if self.memoryless:
            return 0
        if self.room <= self.rows * self.lanes:
            return self.rows
        # Rows beyond those of a frame have higher addresses, where the address continues after 0.
        return 1 << (-(-self.room // self.lanes) - 1).bit_length()


class FrameInput(SharedComponent):
    """Stores an input frame and sends it to the accelerator.

    Bits of a frame are shifted into the row register, which is written to the memory when it is
    full. For the accelerator, one row is read per cycle, and ``in_bytes / lanes`` rows make up a
    word; the last of them comes directly from the memory. A frame of a single word is stored in
    the row register alone.

    Parameters
    ----------
    shape : InputShape

    Members
    -------
    rewind : In(1)
        Continue with the first row.
    shift, i, o : In(1), In(1), Out(1)
        Shift the row register; its next bits in and out, in the order of the wire.
    store : In(1)
        Write the row register to the memory and continue with the next row.
    load : In(1)
        Read the row register from the memory; not in the cycle after ``rewind`` or ``load``.
    running : In(1)
        A run is in progress.
    feed : In(1)
        During a run: rows may be read.
    fed : Out(1)
        The last row of a frame is read in this cycle.
    to_core : Out(stream)
        Words of the frame.
    to_core_last : Out(1)
        The word is the last one of the frame.
    """

    def __init__(self, shape: InputShape) -> None:
        if shape.in_bytes % shape.memory_lanes:
            raise ValueError(f"{shape.memory_lanes!r} lanes do not divide words of "
                             f"{shape.in_bytes} bytes")
        self.shape = shape
        super().__init__({
            "rewind": In(1), "shift": In(1), "i": In(1), "o": Out(1), "store": In(1),
            "load": In(1), "running": In(1), "feed": In(1), "fed": Out(1),
            "to_core": Out(stream.Signature(8 * shape.in_bytes)), "to_core_last": Out(1),
        })

    @property
    def module_name(self) -> str:
        shape = self.shape
        return f"bnnhw_frame_input_{shape.in_words}x{shape.in_bytes}_{shape.lanes}_{shape.room}"

    def body(self, platform: object) -> Module:
        m = Module()
        row = Signal(8 * self.shape.lanes, reset_less=True)
        waits = Signal(reset_less=True)  # the memory output is a row
        parts = self.shape.in_bytes // self.shape.lanes
        held = Signal(range(max(2, parts)), reset_less=True)  # earlier rows of the same word
        taken, complete, fetch, ends = Signal(), Signal(name="whole"), Signal(), Signal()
        m.d.comb += [
            self.o.eq(row[7]), complete.eq(held == parts - 1),
            taken.eq(waits & (self.to_core.ready | ~complete)),
            fetch.eq(self.feed & (taken | ~waits)), self.fed.eq(fetch & ends),
            self.to_core.valid.eq(waits & complete),
        ]
        with m.If(~self.running):
            m.d.sync += [waits.eq(0), held.eq(0)]
        with m.Else():
            m.d.sync += waits.eq(self.feed | (waits & ~taken))
            with m.If(taken):
                m.d.sync += held.eq(Mux(complete, 0, incremented(held)))
        if self.shape.memoryless:
            m.d.comb += [ends.eq(1), self.to_core.payload.eq(row), self.to_core_last.eq(1)]
            with m.If(self.shift):
                m.d.sync += row.eq(shifted(row, self.i))
            return m
        read = self._memory(m, row, fetch, ends)
        # Rows of a word that were read earlier. The latest of them is in the row register, which
        # therefore needs no separate flip-flops.
        before = row[:0]
        if parts > 1:
            earlier = Signal((parts - 2) * len(row), reset_less=True)
            before = Cat(earlier, row)
            with m.If(taken):
                m.d.sync += earlier.eq(before[len(row):])
        m.d.comb += self.to_core.payload.eq(Cat(before, read))
        with m.If(self.shift):
            m.d.sync += row.eq(shifted(row, self.i))
        with m.Elif(self.load | (taken & ~complete)):
            m.d.sync += row.eq(read)
        return m

    def _memory(self, m: Module, row: Signal, fetch: Signal, ends: Signal) -> Signal:
        """Add the memory, and return the row that was read last."""
        m.submodules.memory = memory = Memory(shape=len(row), depth=self.shape.depth, init=[],
                                              attrs={"no_rw_check": 1})
        writer, reader = memory.write_port(), memory.read_port(transparent_for=())
        at, last = row_address(m, self.shape.depth, self.shape.rows - 1, self.rewind | self.fed,
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
