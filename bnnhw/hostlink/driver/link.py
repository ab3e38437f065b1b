"""Sends requests and receives replies over a line that may lose, corrupt and insert bytes.

Replies carry no sequence number: if the board misses a request, the following replies belong to
later requests. The replies to a series of requests therefore count only if every request was
answered. A lost request leaves the last one without a reply, and the entire series is sent again.
The only request that affects the replies to later ones is LOAD; a series that needs it starts with
it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from bnnhw.errors import LinkError
from bnnhw.hostlink.driver.port import PortError, SerialPort
from bnnhw.hostlink.driver.replies import Reply, ReplyReader
from bnnhw.hostlink.wire import (
    COUNTERS,
    OVERHEAD,
    REQUEST_SYNC,
    Command,
    Identity,
    Status,
    pack_frame,
)

__all__ = ["Link", "Request"]

CHUNK_BYTES = 512
"""Bytes that are written at a time, so that the replies never overflow the buffer of the port."""
BITS_PER_BYTE = 10
"""Bits of a byte on the line, including start and stop bit."""

NONCE_BYTES = 8
"""Random bytes of the echo that shows that the line is synchronised."""

TIME_MARGIN = 2.0
"""Factor on the calculated time of line and board until a reply counts as missing."""

QUIET_MARGIN = 1.25
"""Factor on the frame timeout of the board for the silence before a new start."""


@dataclass(frozen=True)
class Request:
    """A request, and the size of its reply.

    Attributes
    ----------
    command : Command
    payload : bytes
    answer : int
        Bytes of the reply after its status.
    cycles : int
        Largest number of clock cycles that the board needs, in addition to the transfer.
    """

    command: Command
    payload: bytes = b""
    answer: int = 0
    cycles: int = 0


class _LineFault(Exception):
    """A fault that another attempt may correct."""


class _Loading(_LineFault):
    """The board is still loading its weights."""


class Link:
    """A line to a board, with retries.

    Parameters
    ----------
    port : SerialPort
    clock_hz : int
        Clock frequency of the board.
    frame_timeout : int
        Clock cycles without a byte after which the board drops an incomplete request.
    window : int
        Bytes of further requests that the board buffers while it answers one.
    attempts : int
        Number of times that a series of requests is sent before it fails.
    patience : float
        Seconds to wait until a port that has disappeared is available again, and until a board has
        loaded its weights.

    Attributes
    ----------
    faults : list of str
        Faults that made another attempt necessary, in order.
    """

    def __init__(self, port: SerialPort, *, clock_hz: int, frame_timeout: int, window: int,
                 attempts: int = 3, patience: float = 2.0):
        self.port, self.window = port, window
        self.clock_hz, self.frame_timeout = clock_hz, frame_timeout
        self.attempts, self.patience = attempts, patience
        self.faults: list[str] = []
        self._synchronised = True
        self._reader = ReplyReader(1)

    def exchange(self, requests: Sequence[Request],
                 answered: Callable[[int], None] | None = None) -> list[bytes]:
        """Send a series of requests and return the payload of each reply.

        Parameters
        ----------
        requests : sequence of Request
        answered : callable or None
            Called with the number of requests after all of them were answered.

        Raises
        ------
        LinkError
            The port is gone, or the board did not answer in ``attempts`` attempts. The next
            call starts from a clean line.
        """
        faults: list[str] = []
        ready_by = time.monotonic() + self.patience * max(1.0, self.port.scale)
        while True:
            try:
                if not self.port.is_open:
                    self._open()
                if not self._synchronised:
                    self._resync()
                self._synchronised = False
                payloads = self._series(requests)
                self._synchronised = True
                if answered:
                    answered(len(requests))
                return payloads
            except _Loading as fault:
                if time.monotonic() > ready_by:
                    raise LinkError(str(fault), where=self.port.path,
                                    hint="write the weights with 'bnnhw flash'") from None
            except (_LineFault, PortError) as fault:
                faults.append(str(fault))
                self.faults.append(str(fault))
                if len(faults) >= self.attempts:
                    raise LinkError(
                        f"the board does not answer correctly; {len(faults)} attempts: "
                        + ", then ".join(faults), where=self.port.path,
                        hint="check that this is the port of the board, and that its "
                             "bitstream is loaded") from None

    def _open(self) -> None:
        """Open the port; after a fault, wait until it is available again."""
        give_up = time.monotonic() + self.patience
        while True:
            try:
                self.port.open()
                return
            except PortError as error:
                if time.monotonic() > give_up or not self.faults:
                    raise LinkError(error.message, where=error.where, hint=error.hint) from None
                time.sleep(0.1)

    def _seconds(self, size: int, cycles: int) -> float:
        """Return the longest time on the host for bytes on the line and cycles on the board."""
        board = size * BITS_PER_BYTE / self.port.baud + cycles / self.clock_hz
        return self.port.slack + TIME_MARGIN * self.port.scale * board

    def _resync(self) -> None:
        """Wait until the board has dropped incomplete requests and is silent; check an echo."""
        self.port.discard()
        silence = QUIET_MARGIN * self.frame_timeout / self.clock_hz * self.port.scale
        give_up = time.monotonic() + self._seconds(0x2000, 0) + 4 * silence
        since = time.monotonic()
        while time.monotonic() - since < silence:
            if self.port.read(wait=True):
                since = time.monotonic()
            if time.monotonic() > give_up:
                raise _LineFault("the line does not become silent")
        nonce = os.urandom(NONCE_BYTES)
        if self._series([Request(Command.ECHO, nonce, NONCE_BYTES)]) != [nonce]:
            raise _LineFault("an echo returned other bytes than were sent")

    def _series(self, requests: Sequence[Request]) -> list[bytes]:
        """Make one attempt: return the payloads of all replies, or raise a fault."""
        self._reader = ReplyReader(1 + max(
            [Identity.SIZE, COUNTERS.size, NONCE_BYTES, *(r.answer for r in requests)]))
        frames = [pack_frame(REQUEST_SYNC, r.command, r.payload) for r in requests]
        data, ends = b"".join(frames), list(itertools.accumulate(map(len, frames)))
        payloads: list[bytes] = []
        sent = 0
        deadline = 0.0
        while (answered := len(payloads)) < len(requests):
            # Send at most a window of bytes beyond the request that is answered next.
            chunk = data[sent:min(ends[answered] + self.window, sent + CHUNK_BYTES)]
            if chunk:
                self.port.write(chunk)
                sent += len(chunk)
            replies = self._read(wait=not chunk)
            for reply in replies:
                if len(payloads) == len(requests) or ends[len(payloads)] > sent:
                    raise _LineFault("more replies than requests")
                payloads.append(_payload(requests[len(payloads)], reply))
            if chunk or replies:
                begin = ends[answered - 1] if answered else 0
                reply_bytes = OVERHEAD + 1 + requests[answered].answer
                deadline = time.monotonic() + self._seconds(
                    sent - begin + reply_bytes, requests[answered].cycles)
            elif time.monotonic() > deadline:
                raise _LineFault(self._silence(requests[answered]))
        return payloads

    def _read(self, wait: bool) -> list[Reply]:
        before = self._reader.wrong_crc
        replies = self._reader.feed(self.port.read(wait))
        if self._reader.wrong_crc > before and not replies:
            raise _LineFault("a reply with a wrong CRC")
        return replies

    def _silence(self, request: Request) -> str:
        stray = self._reader.stray
        return f"no reply to {request.command.name}" + (
            f", but {stray} bytes that belong to none" if stray else "")


def _payload(request: Request, reply: Reply) -> bytes:
    """Return the payload of the reply to a request; raise a fault if it is not the expected one."""
    if reply.status != Status.OK:
        _raise_status(request, reply.status)
    if reply.command != request.command:
        raise _LineFault(f"a reply to command {reply.command:#04x} instead of "
                       f"{request.command.name}")
    if len(reply.payload) != request.answer:
        raise _LineFault(f"a reply to {request.command.name} of {len(reply.payload)} bytes instead "
                       f"of {request.answer}")
    return reply.payload


def _raise_status(request: Request, status: int) -> NoReturn:
    """Raise the error or fault for a status that is not OK."""
    if status == Status.LOADING:
        raise _Loading("the board is still loading its weights")
    if status == Status.BAD_WEIGHTS:
        raise LinkError("the weights in the flash of the board are not those of its design",
                        hint="write the weights of the design to the flash again")
    name = Status(status).name if status in set(Status) else f"status {status}"
    raise _LineFault(f"{name} to {request.command.name}")
