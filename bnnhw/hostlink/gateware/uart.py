"""A serial line: 8 bits, no parity, one stop bit, the lowest bit first."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import counted
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
        early, line = Signal(init=1, reset_less=True), Signal(init=1, reset_less=True)
        time = Signal(range(self.divisor), reset_less=True)  # since the begin of a bit
        # The bits of a byte behind a one, which has come to the end with the last of them.
        bits = Signal(9, reset_less=True)
        middle = Signal()
        m.d.comb += [middle.eq(time == self.divisor // 2 - 1), self.o.eq(bits[1:])]
        m.d.sync += [early.eq(self.line), line.eq(early), time.eq(counted(time))]
        with m.If(time == self.divisor - 1):
            m.d.sync += time.eq(0)
        with m.FSM(name="receiver"):
            with m.State("BROKEN"), m.If(line):
                m.next = "IDLE"
            with m.State("IDLE"):
                m.d.sync += time.eq(0)
                with m.If(~line):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += bits.eq(1 << 8)
                with m.If(middle):
                    m.next = "BITS"
                    with m.If(line):  # a spike, no start bit
                        m.next = "IDLE"
            with m.State("BITS"), m.If(middle):
                m.d.sync += bits.eq(Cat(bits[1:], line))
                with m.If(bits[0]):
                    m.d.comb += [self.valid.eq(line), self.error.eq(~line)]
                    m.next = "BROKEN"
                    with m.If(line):
                        m.next = "IDLE"
        return m


class UartTransmitter(SharedComponent):
    """Put bytes on a line. A byte takes ``10 * divisor`` cycles.

    A byte comes bit by bit, the high one first, while the transmitter is not busy.

    Parameters
    ----------
    divisor : int
        Cycles of a bit.

    Members
    -------
    shift, i : In(1)
        The next bit.
    start : In(1)
        Send the byte; may come together with its last bit.
    busy : Out(1)
    line : Out(1)
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {divisor!r}")
        self.divisor = divisor
        super().__init__({"shift": In(1), "i": In(1), "start": In(1), "busy": Out(1),
                          "line": Out(1, init=1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_uart_transmitter_{self.divisor}"

    def body(self, platform: Any) -> Module:
        m = Module()
        time = Signal(range(self.divisor), reset_less=True)
        place = Signal(4)  # of a bit; from the start bit on up to the last one, the stop bit
        byte = Signal(8, reset_less=True)
        edge = Signal()
        m.d.comb += [self.busy.eq(place != 0), edge.eq(time == self.divisor - 1)]
        m.d.sync += time.eq(counted(time))
        with m.If(edge | ~self.busy):
            m.d.sync += time.eq(0)
        with m.If(self.start):
            m.d.sync += [place.eq(-10), self.line.eq(0)]
        with m.Elif(edge):
            m.d.sync += [place.eq(counted(place)), self.line.eq(byte[0])]
        with m.If(self.shift | edge):
            # Behind the byte come ones: the stop bit.
            m.d.sync += byte.eq(Mux(self.shift, Cat(self.i, byte[:-1]), Cat(byte[1:], Const(1))))
        return m
