"""Requests and their replies over a line that may lose, garble and invent bytes.

Replies carry no number, so that a request which the board never saw shifts all that follow. What
a series of requests gave is therefore believed only when each of them was answered: a lost one
leaves the last without an answer, and the whole series is sent again. No request changes what a
later one gives but LOAD, and a series that needs it begins with it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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

PIECE = 512
"""Bytes written at a time, so that what comes back never fills what the port can hold."""
BITS_A_BYTE = 10
NONCE_BYTES = 8
MARGIN = 2.0
"""By how many times the line and the board may be slower than reckoned."""
QUIET_MARGIN = 1.25


@dataclass(frozen=True)
class Request:
    """What is asked, and how long the answer is.

    Attributes
    ----------
    command : Command
    payload : bytes
    answer : int
        Bytes of the reply behind its status.
    cycles : int
        Clock cycles that the board works on it at most, beside the line.
    """

    command: Command
    payload: bytes = b""
    answer: int = 0
    cycles: int = 0


class _Trouble(Exception):
    """Something that another attempt may mend."""


class _Loading(_Trouble):
    """The board is not ready yet."""


class Link:
    """A line to a board.

    Parameters
    ----------
    port : SerialPort
    clock_hz : int
        Clock of the board.
    frame_timeout : int
        Clock cycles without a byte after which the board drops a request that it has half of.
    window : int
        Bytes that the board takes behind a request that it is answering.
    attempts : int
        Times that a series of requests is sent before it is given up.
    patience : float
        Seconds to wait for a port that is gone to come back, and for a board that still reads
        its weights.

    Attributes
    ----------
    troubles : list of str
        Everything that had to be mended, in order.
    """

    def __init__(self, port: SerialPort, *, clock_hz: int, frame_timeout: int, window: int,
                 attempts: int = 3, patience: float = 2.0):
        self.port, self.window = port, window
        self.clock_hz, self.frame_timeout = clock_hz, frame_timeout
        self.attempts, self.patience = attempts, patience
        self.troubles: list[str] = []
        self._in_step = True  # until something goes wrong
        self._reader = ReplyReader(1)

    def exchange(self, requests: Sequence[Request],
                 answered: Callable[[int], None] | None = None) -> list[bytes]:
        """Send requests one behind the other and return what each of them gave.

        Parameters
        ----------
        requests : sequence of Request
        answered : callable or None
            Called with the number of requests when all of them are answered.

        Raises
        ------
        LinkError
            The port is gone, or the board did not answer in ``attempts`` attempts. The next
            call starts from a clean line.
        """
        seen: list[str] = []
        ready_by = time.monotonic() + self.patience * max(1.0, self.port.scale)
        while True:
            try:
                if not self.port.is_open:
                    self._open()
                if not self._in_step:
                    self._resync()
                self._in_step = False
                payloads = self._series(requests)
                self._in_step = True
                if answered:
                    answered(len(requests))
                return payloads
            except _Loading as trouble:
                if time.monotonic() > ready_by:
                    raise LinkError(str(trouble), where=self.port.path,
                                    hint="its flash may hold none") from None
            except (_Trouble, PortError) as trouble:
                seen.append(str(trouble))
                self.troubles.append(str(trouble))
                if len(seen) >= self.attempts:
                    raise LinkError(
                        f"the board does not answer as it must; {len(seen)} attempts: "
                        + ", then ".join(seen), where=self.port.path,
                        hint="is this the board's port, and is the board configured?") from None

    def _open(self) -> None:
        """Open the port, and wait for one that is gone to come back."""
        give_up = time.monotonic() + self.patience
        while True:
            try:
                self.port.open()
                return
            except PortError as error:
                if time.monotonic() > give_up or not self.troubles:
                    raise LinkError(error.message, where=error.where, hint=error.hint) from None
                time.sleep(0.1)

    def _seconds(self, size: int, cycles: int) -> float:
        """Longest time here for bytes on the line and cycles on the board."""
        board = size * BITS_A_BYTE / self.port.baud + cycles / self.clock_hz
        return self.port.slack + MARGIN * self.port.scale * board

    def _resync(self) -> None:
        """Let the board drop what it has half of, drop what it still sends, and see it answer."""
        self.port.discard()
        silence = QUIET_MARGIN * self.frame_timeout / self.clock_hz * self.port.scale
        give_up = time.monotonic() + self._seconds(0x2000, 0) + 4 * silence
        since = time.monotonic()
        while time.monotonic() - since < silence:
            if self.port.read(wait=True):
                since = time.monotonic()
            if time.monotonic() > give_up:
                raise _Trouble("the line does not fall silent")
        nonce = os.urandom(NONCE_BYTES)
        if self._series([Request(Command.ECHO, nonce, NONCE_BYTES)]) != [nonce]:
            raise _Trouble("an echo of other bytes than were sent")

    def _series(self, requests: Sequence[Request]) -> list[bytes]:
        """One attempt: all payloads, or a trouble."""
        self._reader = ReplyReader(1 + max(
            [Identity.SIZE, COUNTERS.size, NONCE_BYTES, *(r.answer for r in requests)]))
        frames = [pack_frame(REQUEST_SYNC, r.command, r.payload) for r in requests]
        data, ends = b"".join(frames), list(itertools.accumulate(map(len, frames)))
        payloads: list[bytes] = []
        sent = 0
        deadline = 0.0
        while (done := len(payloads)) < len(requests):
            # The request that is answered next, and a window of those behind it.
            piece = data[sent:min(ends[done] + self.window, sent + PIECE)]
            if piece:
                self.port.write(piece)
                sent += len(piece)
            replies = self._read(wait=not piece)
            for reply in replies:
                if len(payloads) == len(requests) or ends[len(payloads)] > sent:
                    raise _Trouble("more replies than requests")
                payloads.append(_payload(requests[len(payloads)], reply))
            if piece or replies:
                deadline = time.monotonic() + self._seconds(
                    sent + OVERHEAD + 1 + requests[done].answer - (ends[done - 1] if done else 0),
                    requests[done].cycles)
            elif time.monotonic() > deadline:
                raise _Trouble(self._silence(requests[done]))
        return payloads

    def _read(self, wait: bool) -> list[Reply]:
        wrong = self._reader.wrong_crc
        replies = self._reader.feed(self.port.read(wait))
        if self._reader.wrong_crc > wrong and not replies:
            raise _Trouble("a reply with a wrong CRC")
        return replies

    def _silence(self, request: Request) -> str:
        strange = self._reader.strange
        return f"no reply to {request.command.name}" + (
            f", but {strange} bytes that are none" if strange else "")


def _payload(request: Request, reply: Reply) -> bytes:
    """What a reply gives, if it is that of a request and says OK."""
    if reply.status != Status.OK:
        return _refused(request, reply.status)
    if reply.command != request.command:
        raise _Trouble(f"a reply to command {reply.command:#04x} instead of "
                       f"{request.command.name}")
    if len(reply.payload) != request.answer:
        raise _Trouble(f"a reply to {request.command.name} of {len(reply.payload)} bytes instead "
                       f"of {request.answer}")
    return reply.payload


def _refused(request: Request, status: int) -> bytes:
    if status == Status.LOADING:
        raise _Loading("the board is still loading its weights")
    if status == Status.BAD_WEIGHTS:
        raise LinkError("the weights in the board's flash are not those of its design",
                        hint="write the design's weights to the flash again")
    known = status in set(Status)
    said = Status(status).name if known else f"status {status}"
    raise _Trouble(f"{said} to {request.command.name}")
