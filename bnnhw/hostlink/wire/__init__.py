"""Link protocol between host and board: one definition for gateware, driver and simulator."""

from bnnhw.hostlink.wire.identity import Identity
from bnnhw.hostlink.wire.protocol import (
    COUNTERS,
    MAX_PAYLOAD,
    MIN_ECHO,
    OVERHEAD,
    REPLY_SYNC,
    REQUEST_SYNC,
    VERSION,
    Command,
    Counters,
    Status,
    crc16,
    pack_frame,
)

__all__ = ["COUNTERS", "MAX_PAYLOAD", "MIN_ECHO", "OVERHEAD", "REPLY_SYNC", "REQUEST_SYNC",
           "VERSION", "Command", "Counters", "Identity", "Status", "crc16", "pack_frame"]
