"""Output queue of a pipeline that never stalls: credits limit the words in flight."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent, prefix_ports

__all__ = ["CreditQueue", "attach_queue"]


class CreditQueue(SharedComponent):
    """Gives a pipeline without clock enables an output stream with ``valid`` and ``ready``.

    A pipeline reserves space (``reserve``, only while ``free``) when it starts to compute a word,
    and writes that word (``write``, ``word``) when it arrives. The number of reserved and stored
    words never exceeds ``depth``, so there is always space for a write.

    Latency: a word written in cycle t is valid in cycle t + 2; its space is free again in the
    cycle after the word was transferred.

    Parameters
    ----------
    width : int
        Bits per word.
    depth : int
        Words reserved or stored; at least 3, because the memory before the output register stores
        depth - 1 words, and one word may be in transit between them.

    Members
    -------
    free : Out(1)
        Space can be reserved in this cycle.
    reserve : In(1)
    write : In(1)
    word : In(width)
    o : Out(stream)
    used : Out
        Words reserved or stored.
    """

    LATENCY = 2
    """Cycles from ``write`` to ``o.valid``."""

    def __init__(self, *, width: int, depth: int) -> None:
        if depth < 3:
            raise ValueError(f"depth must be at least 3, not {depth!r}")
        self.width = width
        self.depth = depth
        super().__init__({
            "free": Out(1), "reserve": In(1), "write": In(1), "word": In(width),
            "o": Out(stream.Signature(width)), "used": Out(range(depth + 2)),
        })

    @property
    def slots(self) -> int:
        """Largest number of words that are reserved or stored at a time."""
        return self.depth

    @property
    def module_name(self) -> str:
        return f"bnnhw_queue_{self.width}x{self.depth}"

    def body(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=self.width, depth=self.depth)
        m.d.comb += [
            fifo.w_en.eq(self.write),
            fifo.w_data.eq(self.word),
            self.o.valid.eq(fifo.r_rdy),
            self.o.payload.eq(fifo.r_data),
            fifo.r_en.eq(self.o.ready),
        ]
        used = self.used
        taken = Signal()
        m.d.comb += [
            taken.eq(self.o.valid & self.o.ready),
            self.free.eq(used != self.slots),
        ]
        with m.If(self.reserve & ~taken):
            m.d.sync += used.eq(used + 1)
        with m.Elif(~self.reserve & taken):
            m.d.sync += used.eq(used - 1)
        return m


def attach_queue(m: Module, unit: SharedComponent, depth: int) -> CreditQueue:
    """Add a queue after a free-running pipeline; ``unit.o`` becomes the queue's stream."""
    queue = CreditQueue(width=len(unit.o.payload), depth=depth)
    prefix_ports(queue, "queue")
    m.submodules.queue = queue
    m.d.comb += [
        unit.o.valid.eq(queue.o.valid),
        unit.o.payload.eq(queue.o.payload),
        queue.o.ready.eq(unit.o.ready),
    ]
    return queue
