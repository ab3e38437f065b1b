"""Requests off a stream of bytes: sync, command, length, payload, CRC."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.crc import catalog
from amaranth.lib.wiring import In, Out

from bnnhw.link import REQUEST_SYNC, Status
from bnnhw.rtl.shared import SharedComponent

__all__ = ["FrameReader"]


class FrameReader(SharedComponent):
    """Read a frame, check it, and wait until it was answered.

    Payload bytes come out as they pass, before the CRC is known: whoever stores them must not
    believe them until ``done`` with status OK.

    Parameters
    ----------
    max_payload : int
        Longest payload that any request has; a longer one is answered at once.
    timeout : int
        Cycles without a byte after which a frame that has begun is dropped.

    Members
    -------
    i : In(stream of 9 bits)
        A byte, and above it whether it is none: its stop bit was missing.
    command : Out(8)
    length : Out(16)
    byte : Out(8)
    byte_valid : Out(1)
    begin : Out(1)
        For one cycle, before the first byte of a payload.
    done : Out(1)
        A frame ended; ``status`` says how. Held until ``resume``.
    status : Out(8)
        OK, BAD_CRC or BAD_LENGTH.
    resume : In(1)
    """

    def __init__(self, *, max_payload: int, timeout: int) -> None:
        self.max_payload, self.timeout = max_payload, timeout
        super().__init__({
            "i": In(stream.Signature(9)), "command": Out(8), "length": Out(16), "byte": Out(8),
            "byte_valid": Out(1), "begin": Out(1), "done": Out(1), "status": Out(8),
            "resume": In(1),
        })

    @property
    def module_name(self) -> str:
        return f"bnnhw_frame_reader_{self.max_payload}_{self.timeout}"

    def body(self, platform: Any) -> Module:
        m = Module()
        m.submodules.crc = crc = catalog.CRC16_IBM_3740(data_width=8).create()
        byte, broken = self.i.payload[:8], self.i.payload[8]
        taken = Signal()
        left = Signal(16)
        crc_low = Signal(8)
        silence = Signal(range(self.timeout + 1))
        m.d.comb += [self.byte.eq(byte), crc.data.eq(byte), taken.eq(self.i.valid & self.i.ready)]
        m.d.sync += silence.eq(silence + 1)
        with m.If(taken):
            m.d.sync += silence.eq(0)

        def end(status: Status) -> None:
            m.d.sync += self.status.eq(status)
            m.next = "DONE"

        with m.FSM(name="reader"):
            with m.State("HUNT"):
                m.d.comb += [self.i.ready.eq(1), crc.start.eq(1)]
                with m.If(taken & ~broken & (byte == REQUEST_SYNC)):
                    m.next = "COMMAND"
            for name, following in (("COMMAND", "LOW"), ("LOW", "HIGH"), ("HIGH", "JUDGE"),
                                    ("PAYLOAD", "PAYLOAD"), ("CRC_LOW", "CRC_HIGH"),
                                    ("CRC_HIGH", "DONE")):
                with m.State(name):
                    m.d.comb += self.i.ready.eq(1)
                    with m.If(taken & broken):
                        end(Status.BAD_CRC)
                    with m.Elif(taken):
                        m.d.comb += crc.valid.eq(name not in ("CRC_LOW", "CRC_HIGH"))
                        m.next = following
                        match name:
                            case "COMMAND":
                                m.d.sync += self.command.eq(byte)
                            case "LOW" | "HIGH":
                                m.d.sync += self.length.eq(Cat(self.length[8:], byte))
                            case "PAYLOAD":
                                m.d.comb += self.byte_valid.eq(1)
                                m.d.sync += left.eq(left - 1)
                                with m.If(left == 1):
                                    m.next = "CRC_LOW"
                            case "CRC_LOW":
                                m.d.sync += crc_low.eq(byte)
                            case "CRC_HIGH":
                                m.d.sync += self.status.eq(Status.BAD_CRC)
                                with m.If(Cat(crc_low, byte) == crc.crc):
                                    m.d.sync += self.status.eq(Status.OK)
                    with m.Elif(silence == self.timeout):
                        m.next = "HUNT"
            with m.State("JUDGE"):
                m.d.comb += self.begin.eq(1)
                m.d.sync += left.eq(self.length)
                with m.If(self.length > self.max_payload):
                    end(Status.BAD_LENGTH)
                with m.Elif(self.length == 0):
                    m.next = "CRC_LOW"
                with m.Else():
                    m.next = "PAYLOAD"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                with m.If(self.resume):
                    m.next = "HUNT"
        return m
