"""Generates the bits of a reply, and the bits that a valid request must have."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from bnnhw.hostlink.gateware.shift_counter import wire_order
from bnnhw.hostlink.wire import COUNTERS, REPLY_SYNC, REQUEST_SYNC, Command
from bnnhw.rtl.shared import SharedComponent

__all__ = ["COMMAND_BITS", "BoardBits"]

COMMAND_BITS = 3
assert REPLY_SYNC == REQUEST_SYNC ^ 0xFF
assert max(Command) < 1 << COMMAND_BITS


class BoardBits(SharedComponent):
    """Outputs the bit for the current cycle.

    For a request, this is the expected bit: of the sync byte, of the length that its command
    requires, and of the CRC; for the payload it is 0. For a reply, it is the bit to send.

    Parameters
    ----------
    identity_bytes : int
        Bytes of the identity.
    in_bytes, out_bytes : int
        Bytes of an input and of an output frame.
    room : int
        Bytes of the longest payload of a request.

    Members
    -------
    sync, command, low, high, status, payload, crc, replying, bit : In
        State of the frame, from ``Sequencer``.
    asked : In(8)
        The command; its most significant bit is the next one.
    fine : In(1)
        The status of the request is OK.
    code : In(3)
        Status of the request.
    metered : In(1)
        The next byte of the payload belongs to the counters.
    crc_bit, echo_length, meters, echo, output : In(1)
        The next bit of the CRC, of the length of the reply to an echo, of the counters, of the
        input frame, and of the output frame or the identity.
    limit : Out(1)
        While a length passes: the bit of the largest valid length.
    o : Out(1)
        The bit.
    """

    def __init__(self, *, identity_bytes: int, in_bytes: int, out_bytes: int, room: int) -> None:
        self.identity_bytes, self.in_bytes, self.out_bytes = identity_bytes, in_bytes, out_bytes
        self.room = room
        super().__init__({
            **dict.fromkeys(("sync", "command", "low", "high", "status", "payload", "crc",
                             "replying", "fine", "metered", "crc_bit", "echo_length", "meters",
                             "echo", "output"), In(1)),
            "bit": In(3), "asked": In(8), "code": In(3),
            "limit": Out(1), "o": Out(1),
        })

    @property
    def module_name(self) -> str:
        return f"bnnhw_board_bits_{self.in_bytes}_{self.out_bytes}_{self.room}"

    def body(self, platform: object) -> Module:
        m = Module()
        command = self.asked[:COMMAND_BITS]
        code = Mux(self.bit[2], Cat(Const(0, 1), self.code[::-1]).bit_select(self.bit[:2], 1), 0)
        limit, constant = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += self.limit.eq(limit)
        m.d.sync += [limit.eq(self._number(self.room)), constant.eq(
            (self.sync & (_byte(REQUEST_SYNC).bit_select(self.bit, 1) ^ self.replying))
            | ((self.low | self.high) & self._length(m, command)) | (self.status & code))]
        data = Signal()
        with m.Switch(command):
            with m.Case(Command.ECHO):
                m.d.comb += data.eq(self.echo)
            with m.Default():
                m.d.comb += data.eq(Mux(self.metered, self.meters, self.output))
        echoes = Signal(reset_less=True)
        m.d.sync += echoes.eq((self.low | self.high) & self.replying & self.fine
                              & (command == Command.ECHO))
        m.d.comb += self.o.eq(
            constant | (self.command & self.asked[7]) | (echoes & self.echo_length)
            | (self.payload & self.replying & data) | (self.crc & self.crc_bit))
        return m

    def _number(self, number: int) -> Value:
        """Return the next bit of a constant of two bytes."""
        bits = sum((number >> bit & 1) << k for k, bit in enumerate(wire_order(16)))
        return Const(bits, 16).bit_select(Cat(self.bit, self.high), 1)

    def _length(self, m: Module, command: Value) -> Value:
        """Return the next bit of the length of the request or reply."""
        requested, replied = Signal(name="asked"), Signal(name="told")
        m.d.comb += [requested.eq(0), replied.eq(self._number(1))]
        with m.Switch(command):
            with m.Case(Command.LOAD, Command.INFER):
                m.d.comb += requested.eq(self._number(self.in_bytes))
            with m.Case(Command.RUN):
                m.d.comb += requested.eq(self._number(4))
        extra = {Command.IDENTIFY: self.identity_bytes, Command.RUN: COUNTERS.size,
                 Command.READ: self.out_bytes, Command.INFER: COUNTERS.size + self.out_bytes}
        with m.If(self.fine), m.Switch(command):
            for which, size in extra.items():
                with m.Case(which):
                    m.d.comb += replied.eq(self._number(1 + size))
            with m.Case(Command.ECHO):
                m.d.comb += replied.eq(0)
        return Mux(self.replying, replied, requested)


def _byte(value: int) -> Const:
    """Return a byte whose bit 0 is the most significant bit of ``value``."""
    return Const(int(f"{value:08b}"[::-1], 2), 8)
