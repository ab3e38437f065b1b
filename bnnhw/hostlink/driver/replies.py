"""Replies out of a stream of bytes that may hold anything else, too."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bnnhw.hostlink.wire import OVERHEAD, REPLY_SYNC, crc16

__all__ = ["Reply", "ReplyReader"]

HEAD = 4
CRC = 2


@dataclass(frozen=True)
class Reply:
    """A reply whose CRC was right."""

    command: int
    status: int
    payload: bytes
    """What came behind the status."""


class ReplyReader:
    """Find replies. A byte that begins none is passed over and counted.

    Parameters
    ----------
    longest : int
        Bytes of the longest payload, its status among them. What claims to be longer is no reply,
        so that a broken length is not waited for.

    Attributes
    ----------
    strange : int
        Bytes that belonged to no reply, since ``forget``.
    wrong_crc : int
        Bytes that looked like the begin of a reply, but had no right CRC in their place.
    """

    def __init__(self, longest: int):
        self.longest = longest
        self.forget()

    def forget(self) -> None:
        """Drop what was half read, and count anew."""
        self._held = bytearray()
        self.strange = 0
        self.wrong_crc = 0

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes as they come, and return the replies that they complete."""
        held = self._held
        held += data
        found: list[Reply] = []
        at = 0
        while len(held) - at >= OVERHEAD:
            length = struct.unpack_from("<H", held, at + 2)[0]
            if held[at] != REPLY_SYNC or not 1 <= length <= self.longest:
                self.strange += 1
                at += 1
                continue
            end = at + HEAD + length
            if len(held) < end + CRC:
                break
            if struct.unpack_from("<H", held, end)[0] != crc16(bytes(held[at + 1:end])):
                self.wrong_crc += 1
                self.strange += 1
                at += 1
                continue
            found.append(Reply(held[at + 1], held[at + HEAD],
                               bytes(held[at + HEAD + 1:end])))
            at = end + CRC
        del held[:at]
        return found
