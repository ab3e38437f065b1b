"""A serial line: 8 bits, no parity, one stop bit, the lowest bit first."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from bnnhw.rtl.shared import SharedComponent

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter"]

MIN_DIVISOR = 4
"""Cycles of a bit from which on its middle is well away from its edges."""


class UartReceiver(SharedComponent):
    """Take bytes off a line.

    The line passes two flip-flops. A byte counts from the middle of its start bit; it comes out in
    the middle of its stop bit, so that senders up to 4 % too fast or too slow are understood.

    Parameters
    ----------
    divisor : int
        Cycles of a bit, at least 4.

    Members
    -------
    line : In(1)
    o : Out(8)
    valid : Out(1)
        For one cycle a byte.
    error : Out(1)
        For one cycle, where the stop bit was missing: the byte is no byte. The line is then awaited
        idle, as it is not while a cable is unplugged.
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {divisor!r}")
        self.divisor = divisor
        super().__init__({"line": In(1), "o": Out(8), "valid": Out(1), "error": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_uart_receiver_{self.divisor}"

    def body(self, platform: Any) -> Module:
        m = Module()
        early, line = Signal(init=1), Signal(init=1)
        time = Signal(range(self.divisor))
        bits = Signal(range(10))
        m.d.sync += [early.eq(self.line), line.eq(early), self.valid.eq(0), self.error.eq(0)]
        with m.FSM(name="receiver"):
            with m.State("BROKEN"), m.If(line):
                m.next = "IDLE"
            with m.State("IDLE"), m.If(~line):
                m.d.sync += [time.eq(self.divisor // 2 - 1), bits.eq(0)]
                m.next = "BITS"
            with m.State("BITS"):
                m.d.sync += time.eq(Mux(time == 0, self.divisor - 1, time - 1))
                with m.If(time == 0):
                    m.d.sync += bits.eq(bits + 1)
                    with m.If(bits == 0), m.If(line):  # a spike, no start bit
                        m.next = "IDLE"
                    with m.Elif(bits == 9):
                        m.d.sync += [self.valid.eq(line), self.error.eq(~line)]
                        with m.If(line):
                            m.next = "IDLE"
                        with m.Else():
                            m.next = "BROKEN"
                    with m.Else():
                        m.d.sync += self.o.eq(Cat(self.o[1:], line))
        return m


class UartTransmitter(SharedComponent):
    """Put bytes on a line. A byte takes ``10 * divisor`` cycles.

    Parameters
    ----------
    divisor : int
        Cycles of a bit.

    Members
    -------
    i : In(stream of 8 bits)
    line : Out(1)
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {divisor!r}")
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "line": Out(1, init=1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_uart_transmitter_{self.divisor}"

    def body(self, platform: Any) -> Module:
        m = Module()
        time = Signal(range(self.divisor))
        bits = Signal(range(11))
        shift = Signal(9, init=0x1FF)
        m.d.comb += [self.i.ready.eq(bits == 0), self.line.eq(shift[0])]
        with m.If(bits != 0):
            with m.If(time == 0):
                m.d.sync += [time.eq(self.divisor - 1), bits.eq(bits - 1),
                             shift.eq(Cat(shift[1:], Const(1)))]
            with m.Else():
                m.d.sync += time.eq(time - 1)
        with m.Elif(self.i.valid):
            m.d.sync += [shift.eq(Cat(Const(0, 1), self.i.payload)), bits.eq(10),
                         time.eq(self.divisor - 1)]
        return m
