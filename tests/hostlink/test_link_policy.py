"""Tests retries, timeouts and limits of the driver, on a line scripted byte by byte.

Time is simulated: each read without a byte advances the clock, so that no test waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bnnhw.errors import LinkError
from bnnhw.hostlink.driver.link import Link, Request
from bnnhw.hostlink.driver.port import SerialPort
from bnnhw.hostlink.gateware.link_params import HostLinkParams, input_shape
from bnnhw.hostlink.wire import MIN_ECHO, REPLY_SYNC, Command, Status, pack_frame

BAUD, CLOCK_HZ, POLL = 1_000_000, 10_000_000, 1e-5
Board = Callable[[bytes], bytes]


class ScriptedPort(SerialPort):
    """A port whose board is a function from written bytes to the bytes of its answer."""

    slack = 0.0

    def __init__(self, board: Board) -> None:
        super().__init__("scripted", BAUD)
        self.board = board
        self.clock = 0.0
        self.writes: list[tuple[float, bytes]] = []
        self.waiting = b""
        self.opened = False

    @property
    def is_open(self) -> bool:
        return self.opened

    def open(self) -> None:
        self.opened = True

    def close(self) -> None:
        self.opened = False

    def discard(self) -> None:
        self.waiting = b""

    def write(self, data: bytes) -> None:
        self.writes.append((self.clock, data))
        self.waiting += self.board(data)

    def read(self, wait: bool) -> bytes:
        if wait and not self.waiting:
            self.clock += POLL
        data, self.waiting = self.waiting, b""
        return data


def reply(command: Command, payload: bytes = b"", status: int = Status.OK) -> bytes:
    return pack_frame(REPLY_SYNC, command, bytes([status]) + payload)


def answer(data: bytes) -> bytes:
    """A correct board: answers one request that arrives in one piece."""
    command = Command(data[1])
    return reply(command, data[4:-2] if command == Command.ECHO else b"")


def link(monkeypatch: pytest.MonkeyPatch, board: Board, window: int = 256) -> Link:
    port = ScriptedPort(board)
    monkeypatch.setattr(time, "monotonic", lambda: port.clock)
    return Link(port, clock_hz=CLOCK_HZ, frame_timeout=10_000, window=window)


def writes(made: Link) -> list[tuple[float, bytes]]:
    port = made.port
    assert isinstance(port, ScriptedPort)
    return port.writes


def test_three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request once; then an echo in each attempt, as the board may be out of step."""
    made = link(monkeypatch, lambda data: b"")
    with pytest.raises(LinkError, match="3 attempts"):
        made.exchange([Request(Command.RESET)])
    assert [data[1] for _, data in writes(made)] == [Command.RESET, Command.ECHO, Command.ECHO]
    assert len(made.faults) == 3


def test_a_corrupted_reply_is_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    corrupt = iter([True])

    def board(data: bytes) -> bytes:
        good = answer(data)
        return good[:-1] + bytes([good[-1] ^ 1]) if next(corrupt, False) else good

    made = link(monkeypatch, board)
    assert made.exchange([Request(Command.RESET)]) == [b""]
    assert made.faults == ["a reply with a wrong CRC"]
    assert [data[1] for _, data in writes(made)] == [Command.RESET, Command.ECHO, Command.RESET]


def test_a_reply_may_take_twice_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """6 bytes of the request, 7 of the reply, and 0.1 s of computation, twice; not much more."""
    made = link(monkeypatch, lambda data: b"")
    with pytest.raises(LinkError):
        made.exchange([Request(Command.RESET, cycles=CLOCK_HZ // 10)])
    calculated = (6 + 7) * 10 / BAUD + 0.1
    silence = 1.25 * 10_000 / CLOCK_HZ
    first, second = (when for when, _ in writes(made)[:2])
    assert 2 * calculated <= second - first - silence <= 2 * calculated + 4 * POLL


def test_the_line_is_silent_before_a_new_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than the timeout of the board, so that it has dropped an incomplete request."""
    made = link(monkeypatch, lambda data: b"" if data[1] == Command.RESET else answer(data))
    with pytest.raises(LinkError):
        made.exchange([Request(Command.RESET)])
    resets = [when for when, data in writes(made) if data[1] == Command.RESET]
    echoes = [when for when, data in writes(made) if data[1] == Command.ECHO]
    timeout = 10_000 / CLOCK_HZ
    for sent, restarted in zip(resets, echoes, strict=False):
        assert restarted - sent > timeout + 2 * (6 + 7) * 10 / BAUD


@pytest.mark.parametrize("window", [10, 64])
def test_no_more_than_a_window_is_sent_ahead(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    size = len(pack_frame(0, Command.RESET))
    sent = answered = 0

    def board(data: bytes) -> bytes:
        nonlocal sent, answered
        sent += len(data)
        assert sent <= (answered + 1) * size + window
        replies = b""
        # Answers only the first request that it has read completely.
        if sent >= (answered + 1) * size:
            answered += 1
            replies = reply(Command.RESET)
        return replies

    class Late(ScriptedPort):
        """Answers the remaining requests when the host waits."""

        def read(self, wait: bool) -> bytes:
            nonlocal answered
            if wait and not self.waiting and sent >= (answered + 1) * size:
                answered += 1
                self.waiting = reply(Command.RESET)
            return super().read(wait)

    port = Late(board)
    monkeypatch.setattr(time, "monotonic", lambda: port.clock)
    made = Link(port, clock_hz=CLOCK_HZ, frame_timeout=10_000, window=window)
    assert made.exchange([Request(Command.RESET)] * 20) == [b""] * 20
    assert not made.faults


def test_every_board_can_echo_16_bytes() -> None:
    assert MIN_ECHO == 16
    for in_bytes, in_words in ((1, 1), (2, 3), (16, 1), (32, 2)):
        shape = input_shape(in_bytes, in_words, 1)
        assert shape.room == max(16, in_bytes * in_words)
        assert shape.memoryless or shape.depth * shape.lanes >= shape.room


def test_the_timeout_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        HostLinkParams(divisor=4, identity=b"", in_bytes=1, in_words=1, out_bytes=1, out_words=1,
                       lanes=1, timeout=1000, watchdog=10, in_flight=1)
