"""Identity record of a board: which design it runs, its clock and its frame sizes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["DIGEST_BYTES", "Identity"]

DIGEST_BYTES = 16
"""Bytes of the digest that identifies a design."""

_LAYOUT = struct.Struct(f"<B{DIGEST_BYTES}sIIIIIH")


@dataclass(frozen=True)
class Identity:
    """The payload of the reply to IDENTIFY, after its status.

    Attributes
    ----------
    version : int
        Version of the link protocol.
    digest : bytes
        ``DIGEST_BYTES`` that identify the design: network, plan, board, clock and link.
    clock_hz : int
        Clock of the accelerator.
    input_bytes, output_bytes : int
        Bytes of an input and of an output frame on the link: whole words of the accelerator's
        streams.
    ii, latency : int
        Planned cycles per frame, and planned cycles from the first input word to the last output
        word.
    window : int
        Bytes of requests that the host may send while an earlier request is being answered.
    """

    version: int
    digest: bytes
    clock_hz: int
    input_bytes: int
    output_bytes: int
    ii: int
    latency: int
    window: int

    SIZE = _LAYOUT.size

    def pack(self) -> bytes:
        """Return the record as it is sent, ``SIZE`` bytes."""
        return _LAYOUT.pack(self.version, self.digest, self.clock_hz, self.input_bytes,
                            self.output_bytes, self.ii, self.latency, self.window)

    @classmethod
    def unpack(cls, data: bytes) -> Identity:
        """Read a record of ``SIZE`` bytes.

        Raises
        ------
        struct.error
            ``data`` has another length.
        """
        return cls(*_LAYOUT.unpack(data))
