"""UART receiver and transmitter: 8 data bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import incremented
from bnnhw.rtl.shared import SharedComponent

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter"]

MIN_DIVISOR = 4
"""Smallest number of clock cycles per bit; with fewer, the sampling point is too near an edge."""


class UartReceiver(SharedComponent):
    """Receives bytes from a serial line.

    The line passes a two-stage synchroniser. Bits are sampled in their middle, counted from the
    start bit, and the byte is output in the middle of its stop bit. Senders may deviate by 4 % in
    speed.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Members
    -------
    line : In(1)
        Serial line.
    o : Out(8)
        Received byte.
    valid : Out(1)
        1 for one cycle per byte.
    error : Out(1)
        1 for one cycle if the stop bit is missing, for example while a cable is unplugged. The
        receiver then waits until the line is idle.
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor must be at least {MIN_DIVISOR}, but is {divisor!r}")
        self.divisor = divisor
        super().__init__({"line": In(1), "o": Out(8), "valid": Out(1), "error": Out(1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_uart_receiver_{self.divisor}"

    def body(self, platform: object) -> Module:
        m = Module()
        early, line = Signal(init=1, reset_less=True), Signal(init=1, reset_less=True)
        time = Signal(range(self.divisor), reset_less=True)  # since the beginning of a bit
        # The received bits, preceded by a 1, which reaches bit 0 together with the last of them.
        bits = Signal(9, reset_less=True)
        middle = Signal()
        m.d.comb += [middle.eq(time == self.divisor // 2 - 1), self.o.eq(bits[1:])]
        m.d.sync += [early.eq(self.line), line.eq(early), time.eq(incremented(time))]
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
                    with m.If(line):  # a spike, not a start bit
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
    """Sends bytes over a serial line; a byte takes ``10 * divisor`` cycles.

    A byte is loaded bit by bit, most significant bit first, while the transmitter is not busy.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Members
    -------
    shift, i : In(1)
        Load the bit ``i``.
    start : In(1)
        Send the byte; may be 1 together with its last bit.
    busy : Out(1)
        A byte is being sent.
    line : Out(1)
        Serial line.
    """

    def __init__(self, *, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor must be at least {MIN_DIVISOR}, but is {divisor!r}")
        self.divisor = divisor
        super().__init__({"shift": In(1), "i": In(1), "start": In(1), "busy": Out(1),
                          "line": Out(1, init=1)})

    @property
    def module_name(self) -> str:
        return f"bnnhw_uart_transmitter_{self.divisor}"

    def body(self, platform: object) -> Module:
        m = Module()
        time = Signal(range(self.divisor), reset_less=True)
        bit_number = Signal(4, name="place")  # from -10 (start bit) up to -1 (stop bit)
        byte = Signal(8, reset_less=True)
        edge = Signal()
        m.d.comb += [self.busy.eq(bit_number != 0), edge.eq(time == self.divisor - 1)]
        m.d.sync += time.eq(incremented(time))
        with m.If(edge | ~self.busy):
            m.d.sync += time.eq(0)
        with m.If(self.start):
            m.d.sync += [bit_number.eq(-10), self.line.eq(0)]
        with m.Elif(edge):
            m.d.sync += [bit_number.eq(incremented(bit_number)), self.line.eq(byte[0])]
        with m.If(self.shift | edge):
            # Ones follow the byte: they are the stop bit.
            m.d.sync += byte.eq(Mux(self.shift, Cat(self.i, byte[:-1]), Cat(byte[1:], Const(1))))
        return m
