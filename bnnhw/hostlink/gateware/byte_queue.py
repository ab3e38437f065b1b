"""Receive queue: a FIFO in one block RAM."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["ByteQueue"]


class ByteQueue(SharedComponent):
    """A FIFO in a block RAM; the output register of the RAM stores the next word.

    Parameters
    ----------
    depth : int
        Words in the RAM, a power of two; the output register stores one more.
    width : int
        Bits per word.

    Members
    -------
    i : In(width)
        Word to store.
    write : In(1)
        Store ``i``; the word is dropped if the FIFO is full.
    o : Out(width)
        The next word.
    valid : Out(1)
        ``o`` is valid; it remains so until ``taken``.
    taken : In(1)
        Remove ``o``.
    """

    def __init__(self, *, depth: int, width: int) -> None:
        self.depth, self.width = depth, width
        super().__init__({"i": In(width), "write": In(1), "o": Out(width), "valid": Out(1),
                          "taken": In(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_byte_queue_{self.depth}x{self.width}"

    def body(self, platform: object) -> Module:
        m = Module()
        # No address is read and written in the same cycle: then the FIFO would be empty or full.
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[],
                                              attrs={"no_rw_check": 1})
        writer, reader = memory.write_port(), memory.read_port(transparent_for=())
        first, end = Signal(range(self.depth)), Signal(range(self.depth))
        meet = Signal()
        full = Signal()  # whether equal addresses mean full or empty
        m.d.comb += [
            meet.eq(first == end),
            writer.addr.eq(end), writer.data.eq(self.i), writer.en.eq(self.write & ~(meet & full)),
            reader.addr.eq(first), reader.en.eq(~self.valid & (~meet | full)),
            self.o.eq(reader.data),
        ]
        with m.If(writer.en):
            m.d.sync += [end.eq(end + 1), full.eq(1)]
        with m.If(reader.en):
            m.d.sync += [first.eq(first + 1), self.valid.eq(1), full.eq(0)]
        with m.Elif(self.taken):
            m.d.sync += self.valid.eq(0)
        return m
