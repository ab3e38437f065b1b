"""Frames on the wire: sync, command, length, payload, CRC.

A request and its reply look alike::

    byte 0        sync: REQUEST_SYNC from the host, REPLY_SYNC from the board
    byte 1        command
    bytes 2, 3    length of the payload, low byte first
    ...           payload; that of a reply begins with a status
    last two      CRC-16 of command, length and payload, low byte first

The board answers every request that it could read to its end, in order. It answers a frame with a
wrong CRC, an unknown command or an impossible length with a status, and drops a frame whose next
byte does not come in time, so that the next sync byte begins a new one.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["COUNTERS", "MAX_PAYLOAD", "OVERHEAD", "REPLY_SYNC", "REQUEST_SYNC", "VERSION",
           "Command", "Counters", "Status", "crc16", "pack_frame"]

VERSION = 1
REQUEST_SYNC = 0x5A
REPLY_SYNC = 0xA5
OVERHEAD = 6
"""Bytes of a frame beside its payload."""
MAX_PAYLOAD = 0xFFFF
COUNTERS = struct.Struct("<III")


class Command(IntEnum):
    """What a host asks for; the payload of the request, and of the reply behind its status."""

    IDENTIFY = 0x01
    """Nothing; an ``Identity``."""
    LOAD = 0x02
    """The bytes of one input frame; nothing."""
    RUN = 0x03
    """Times to run the loaded frame, 4 bytes; ``Counters``. A break on the line, or a byte without
    a stop bit, ends it with CORE_TIMEOUT."""
    READ = 0x04
    """Nothing; the bytes of the last output frame."""
    INFER = 0x05
    """Load, run once and read: the input frame; ``Counters`` and the output frame."""
    ECHO = 0x06
    """Up to as many bytes as an input frame has, at least 16; the same bytes. What was loaded is
    forgotten."""
    RESET = 0x07
    """Nothing; nothing. The accelerator begins anew; what was loaded is forgotten."""


class Status(IntEnum):
    """The first byte of every reply."""

    OK = 0
    BAD_CRC = 1
    BAD_COMMAND = 2
    BAD_LENGTH = 3
    NOT_LOADED = 4
    CORE_TIMEOUT = 5
    """Neither stream of the accelerator moved for longer than any design needs, or the run was
    ended by a break; the accelerator was reset."""
    LOADING = 6
    """Weights are still being read from the flash."""
    BAD_WEIGHTS = 7
    """The weights in the flash have another checksum than the design's."""


@dataclass(frozen=True)
class Counters:
    """Clock cycles of a run, counted by the board.

    Attributes
    ----------
    cycles : int
        From the cycle of the first input word to that of the last output word: the latency of the
        plan where one frame runs, and a plan's ``ii`` more for each further frame. The link hands
        on a frame within ``ii`` cycles, which may delay single words where the plan's latency
        counts on all of them at once.
    stalls : int
        Cycles in which an input word waited for the accelerator.
    first : int
        From the cycle of the first input word to that of the first output word.
    """

    cycles: int
    stalls: int
    first: int

    @classmethod
    def unpack(cls, data: bytes) -> Counters:
        return cls(*COUNTERS.unpack(data))


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740: polynomial 0x1021, begun with 0xFFFF, not reflected."""
    return binascii.crc_hqx(data, 0xFFFF)


def pack_frame(sync: int, command: int, payload: bytes = b"") -> bytes:
    """A whole frame, with its CRC."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame holds {MAX_PAYLOAD} bytes, not {len(payload)}")
    body = struct.pack("<BH", command, len(payload)) + payload
    return bytes([sync]) + body + struct.pack("<H", crc16(body))
