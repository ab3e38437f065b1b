"""Bytes that wait to be read."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["ByteQueue"]


class ByteQueue(SharedComponent):
    """A queue in a block RAM, whose output register holds the byte that is read.

    Parameters
    ----------
    depth : int
        Words; a power of two. One more is in the output register.
    width : int

    Members
    -------
    i : In(width)
    write : In(1)
        Take ``i``; dropped where the queue is full.
    o : Out(width)
    valid : Out(1)
        ``o`` is a word; it stays until ``taken``.
    taken : In(1)
    """

    def __init__(self, *, depth: int, width: int) -> None:
        self.depth, self.width = depth, width
        super().__init__({"i": In(width), "write": In(1), "o": Out(width), "valid": Out(1),
                          "taken": In(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_byte_queue_{self.depth}x{self.width}"

    def body(self, platform: Any) -> Module:
        m = Module()
        # Nothing is read where it is written: then the queue is empty or full.
        m.submodules.memory = memory = Memory(shape=self.width, depth=self.depth, init=[],
                                              attrs={"no_rw_check": 1})
        writer, reader = memory.write_port(), memory.read_port(transparent_for=())
        first, end = Signal(range(self.depth)), Signal(range(self.depth))
        meet = Signal()
        full = Signal()  # what it means where both places are the same
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
