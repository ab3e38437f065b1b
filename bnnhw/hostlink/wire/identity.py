"""What a board says of itself."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["DIGEST_BYTES", "Identity"]

_LAYOUT = struct.Struct("<B16sIIIIIH")
DIGEST_BYTES = 16


@dataclass(frozen=True)
class Identity:
    """The reply to IDENTIFY, behind its status.

    Attributes
    ----------
    version : int
        Of the protocol.
    digest : bytes
        16 bytes that name the design: network, plan, board, clock and link.
    clock_hz : int
        Clock of the accelerator.
    input_bytes, output_bytes : int
        Of a frame, as it crosses the link: whole words of the accelerator's streams.
    ii, latency : int
        Cycles a frame, and from first word in to last word out, as planned.
    window : int
        Bytes of requests that may be under way behind the one that is being answered.
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
        return _LAYOUT.pack(self.version, self.digest, self.clock_hz, self.input_bytes,
                            self.output_bytes, self.ii, self.latency, self.window)

    @classmethod
    def unpack(cls, data: bytes) -> Identity:
        """Raises ``struct.error`` where ``data`` has another length."""
        return cls(*_LAYOUT.unpack(data))
