"""The output register of stream units with a latency of one cycle."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, Value

from bnnhw.rtl.shared import SharedComponent

__all__ = ["output_register"]


def output_register(m: Module, unit: SharedComponent, take: Value, word: Value) -> Signal:
    """Show ``word`` on ``unit.o`` one cycle after ``take``, until it is transferred.

    Parameters
    ----------
    m : Module
    unit : component with a stream ``o``
    take : Value, 1 bit
        There is a word in this cycle; it is stored where the register has room.
    word : Value

    Returns
    -------
    Signal
        The register has room in this cycle.
    """
    room = Signal()
    m.d.comb += room.eq(~unit.o.valid | unit.o.ready)
    with m.If(room):
        m.d.sync += unit.o.valid.eq(take)
    with m.If(take & room):
        m.d.sync += unit.o.payload.eq(word)
    return room
