"""Finds the replies of a board in a stream that may contain unrelated bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bnnhw.hostlink.wire import OVERHEAD, REPLY_SYNC, crc16

__all__ = ["Reply", "ReplyReader"]

HEADER_BYTES = 4
"""Bytes before the payload: sync, command and length."""

CRC_BYTES = 2


@dataclass(frozen=True)
class Reply:
    """A reply with a correct CRC."""

    command: int
    status: int
    payload: bytes
    """Bytes after the status."""


class ReplyReader:
    """Collects bytes and extracts replies from them.

    Parameters
    ----------
    max_payload : int
        Bytes of the longest payload, including its status. A longer length field is taken for a
        transmission error, so that the reader does not wait for more bytes.

    Attributes
    ----------
    stray : int
        Bytes that belong to no reply.
    wrong_crc : int
        Apparent replies whose CRC is wrong.
    """

    def __init__(self, max_payload: int):
        self.max_payload = max_payload
        self._buffer = bytearray()
        self.stray = 0
        self.wrong_crc = 0

    def feed(self, data: bytes) -> list[Reply]:
        """Add received bytes, and return the replies that they complete."""
        buffer = self._buffer
        buffer += data
        found: list[Reply] = []
        at = 0
        while len(buffer) - at >= OVERHEAD:
            length = struct.unpack_from("<H", buffer, at + 2)[0]
            if buffer[at] != REPLY_SYNC or not 1 <= length <= self.max_payload:
                self.stray += 1
                at += 1
                continue
            end = at + HEADER_BYTES + length
            if len(buffer) < end + CRC_BYTES:
                break
            if struct.unpack_from("<H", buffer, end)[0] != crc16(bytes(buffer[at + 1:end])):
                self.wrong_crc += 1
                self.stray += 1
                at += 1
                continue
            found.append(Reply(buffer[at + 1], buffer[at + HEADER_BYTES],
                               bytes(buffer[at + HEADER_BYTES + 1:end])))
            at = end + CRC_BYTES
        del buffer[:at]
        return found
