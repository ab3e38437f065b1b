"""Frames of the link protocol: commands, statuses, counters, framing and checksum.

A request and its reply have the same format::

    byte 0        sync: REQUEST_SYNC from the host, REPLY_SYNC from the board
    byte 1        command
    bytes 2, 3    length of the payload, low byte first
    ...           payload; the payload of a reply begins with a status byte
    last two      CRC-16 of command, length and payload, low byte first

The board answers requests in the order in which they arrive. A request with a wrong CRC, an unknown
command or an invalid length is answered with a status. If the next byte of a request does not
arrive within the timeout, the board drops the request, and the next sync byte starts a new one.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["COUNTERS", "MAX_PAYLOAD", "MIN_ECHO", "OVERHEAD", "REPLY_SYNC", "REQUEST_SYNC",
           "VERSION", "Command", "Counters", "Status", "crc16", "pack_frame"]

VERSION = 1
"""Version of the protocol."""

REQUEST_SYNC = 0x5A
"""First byte of a request."""

REPLY_SYNC = 0xA5
"""First byte of a reply."""

OVERHEAD = 6
"""Bytes of a frame in addition to its payload."""

MAX_PAYLOAD = 0xFFFF
"""Largest payload in bytes."""

MIN_ECHO = 16
"""Bytes that every board can echo, even if its input frames are smaller."""

COUNTERS = struct.Struct("<III")
"""Layout of ``Counters`` in a reply."""


class Command(IntEnum):
    """Commands, each with the payload of its request and of its reply after the status."""

    IDENTIFY = 0x01
    """Request: empty. Reply: an ``Identity``."""
    LOAD = 0x02
    """Request: the bytes of one input frame. Reply: empty."""
    RUN = 0x03
    """Request: how often to run the loaded frame, 4 bytes. Reply: ``Counters``. A break on the
    line, or a byte without a stop bit, aborts the run with CORE_TIMEOUT."""
    READ = 0x04
    """Request: empty. Reply: the bytes of the last output frame."""
    INFER = 0x05
    """Load, run once and read. Request: the input frame. Reply: ``Counters``, then the output
    frame."""
    ECHO = 0x06
    """Request: at most as many bytes as an input frame has, or ``MIN_ECHO`` if it has fewer. Reply:
    the same bytes. The loaded frame is lost."""
    RESET = 0x07
    """Request: empty. Reply: empty. The accelerator is reset, and the loaded frame is lost."""


class Status(IntEnum):
    """The first byte of the payload of every reply."""

    OK = 0
    BAD_CRC = 1
    BAD_COMMAND = 2
    BAD_LENGTH = 3
    NOT_LOADED = 4
    CORE_TIMEOUT = 5
    """Neither stream of the accelerator moved for longer than the design may pause, or a break
    aborted the run. The accelerator was reset."""
    LOADING = 6
    """The board is still reading the weights from its flash."""
    BAD_WEIGHTS = 7
    """The checksum of the weights in the flash is not that of the design."""


@dataclass(frozen=True)
class Counters:
    """Clock cycles of a run, counted by the board.

    Attributes
    ----------
    cycles : int
        From the first input word to the last output word: the latency of the plan for a single
        frame, and the plan's ``ii`` more for each further frame. The link delivers each frame
        within ``ii`` cycles, but not all words at once, which may delay a run by some cycles.
    stalls : int
        Cycles in which an input word waited for the accelerator.
    first : int
        From the first input word to the first output word.
    """

    cycles: int
    stalls: int
    first: int

    @classmethod
    def unpack(cls, data: bytes) -> Counters:
        """Read the counters from the 12 bytes of a reply."""
        return cls(*COUNTERS.unpack(data))


def crc16(data: bytes) -> int:
    """Return the CRC-16/IBM-3740: polynomial 0x1021, initial value 0xFFFF, not reflected."""
    return binascii.crc_hqx(data, 0xFFFF)


def pack_frame(sync: int, command: int, payload: bytes = b"") -> bytes:
    """Return a complete frame with its CRC.

    Raises
    ------
    ValueError
        The payload is longer than ``MAX_PAYLOAD``.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload has {len(payload)} bytes, at most {MAX_PAYLOAD} fit in a frame")
    body = struct.pack("<BH", command, len(payload)) + payload
    return bytes([sync]) + body + struct.pack("<H", crc16(body))
