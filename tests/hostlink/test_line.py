"""Tests the Verilog of a board under valid, invalid and random bytes on its serial line."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.emit.board import BoardDesign
from bnnhw.hostlink.wire import COUNTERS, MAX_PAYLOAD, Command, Counters, Identity, Status
from bnnhw.plan.frames import decode_frames, encode_frames
from bnnhw.sim.board import NEVER, BoardModel
from tests.hostlink.boards import ask, awake, request
from tests.networks import random_samples

PATIENCE = 100_000


def identify(model: BoardModel) -> Identity:
    return Identity.unpack(ask(model, Command.IDENTIFY, answer=Identity.SIZE))


def status_of(model: BoardModel, sent: bytes) -> tuple[int, int]:
    """Send bytes; return command and status of the only reply."""
    reply = model.exchange(sent, 7, PATIENCE)
    assert len(reply) == 7, reply.hex()
    return reply[1], reply[4]


def frames_of(small: BoardDesign, count: int) -> tuple[np.ndarray, list[bytes]]:
    x = random_samples(small.design.graph, count)
    words = encode_frames(small.design.plan, small.design.graph, x)
    return x, [frame.tobytes() for frame in words.reshape(count, -1)]


def infer(small: BoardDesign, model: BoardModel, frames: list[bytes]) -> dict[str, np.ndarray]:
    size = small.identity.output_bytes
    replies = [ask(model, Command.INFER, frame, COUNTERS.size + size) for frame in frames]
    words = np.frombuffer(b"".join(r[COUNTERS.size:] for r in replies), dtype=np.uint8)
    return decode_frames(small.design.plan, small.design.graph,
                         words.reshape(-1, small.design.plan.o.bytes))


def test_identity(small: BoardDesign, model: BoardModel) -> None:
    assert identify(model) == small.identity


def test_baud_error(small: BoardDesign) -> None:
    x, frames = frames_of(small, 20)
    expected = golden.run(small.design.graph, x)
    for error in (-1.5, 1.5):
        with awake(small, bit_error=error) as model:
            found = infer(small, model, frames)
            assert all((expected[k] == found[k]).all() for k in expected), error
            assert model.framing_errors == 0


def test_loaded_frame_runs_and_is_read(small: BoardDesign, model: BoardModel) -> None:
    _, (frame, other) = frames_of(small, 2)
    size = small.identity.output_bytes
    expected = ask(model, Command.INFER, frame, COUNTERS.size + size)
    ask(model, Command.INFER, other, COUNTERS.size + size)
    ask(model, Command.LOAD, frame)
    counted = ask(model, Command.RUN, struct.pack("<I", 1), COUNTERS.size)
    assert counted + ask(model, Command.READ, answer=size) == expected


def test_counters_agree_with_the_plan(small: BoardDesign, model: BoardModel) -> None:
    plan = small.design.plan
    ask(model, Command.LOAD, bytes(small.identity.input_bytes))
    one, many, *_ = (Counters.unpack(ask(model, Command.RUN, struct.pack("<I", n), COUNTERS.size))
                     for n in (1, 1000))
    assert many.cycles - one.cycles == 999 * plan.ii
    # The input memory may be narrower than a word, which then takes several cycles.
    assert plan.latency <= one.cycles <= plan.latency + small.identity.input_bytes
    assert one.stalls == 0
    assert one.first < one.cycles


def test_latency_is_that_of_the_plan(tiny: BoardDesign) -> None:
    """It is exact if the input memory is as wide as a word, from the first run on."""
    with awake(tiny) as model:
        ask(model, Command.LOAD, bytes(tiny.identity.input_bytes))
        for repeats in (1, 1, 7):
            counted = Counters.unpack(ask(model, Command.RUN, struct.pack("<I", repeats),
                                          COUNTERS.size))
            assert counted.cycles == tiny.identity.latency + (repeats - 1) * tiny.identity.ii


def test_a_break_aborts_a_run(tiny: BoardDesign) -> None:
    """The run would take hours; requests after the break are answered."""
    with awake(tiny) as model:
        ask(model, Command.LOAD, bytes(tiny.identity.input_bytes))
        model.send(request(Command.RUN, struct.pack("<I", (1 << 32) - 1)))
        model.run(200_000)
        assert model.waiting == 0
        model.hold(0, 40 * tiny.divisor)
        model.hold(1, 2 * tiny.frame_timeout)
        model.run(400_000)
        reply = model.receive()
        assert reply[4] == Status.CORE_TIMEOUT, reply.hex()
        counted = Counters.unpack(ask(model, Command.RUN, struct.pack("<I", 2), COUNTERS.size))
        assert counted.cycles == tiny.identity.latency + tiny.identity.ii


@pytest.mark.parametrize(("sent", "status"), [
    (request(Command.IDENTIFY)[:-1] + b"\x00", Status.BAD_CRC),
    (request(Command.ECHO, b"\x00" * 8 + b"\x01")[:-3] + b"\x02\x00\x00", Status.BAD_CRC),
    (request(0x00), Status.BAD_COMMAND),
    (request(0x7F), Status.BAD_COMMAND),
    (request(0xFF, b"1234"), Status.BAD_COMMAND),
    (request(Command.IDENTIFY, b"1"), Status.BAD_LENGTH),
    (request(Command.RESET, b"12"), Status.BAD_LENGTH),
    (request(Command.READ, b"123"), Status.BAD_LENGTH),
    (request(Command.LOAD), Status.BAD_LENGTH),
    (request(Command.LOAD, b"123"), Status.BAD_LENGTH),
    (request(Command.INFER, bytes(23)), Status.BAD_LENGTH),
    (request(Command.RUN, b"\x01\x00\x00"), Status.BAD_LENGTH),
    (request(Command.RUN, bytes(4)), Status.BAD_LENGTH),
    (request(Command.RUN, b"\x01\x00\x00\x00"), Status.NOT_LOADED),
])
def test_statuses(small: BoardDesign, model: BoardModel, sent: bytes, status: Status) -> None:
    assert status_of(model, sent) == (sent[1], status)
    assert identify(model) == small.identity


def test_oversize_length(small: BoardDesign, model: BoardModel) -> None:
    """The error reply is immediate, and the following bytes are not read as a payload."""
    head = struct.pack("<BBH", request(0)[0], Command.INFER, MAX_PAYLOAD)
    assert status_of(model, head) == (Command.INFER, Status.BAD_LENGTH)
    assert identify(model) == small.identity
    assert status_of(model, request(Command.ECHO, bytes(25))) == (Command.ECHO, Status.BAD_LENGTH)
    model.run(NEVER, quiet=PATIENCE)
    model.receive()
    assert identify(model) == small.identity


def test_echo_sizes(small: BoardDesign, model: BoardModel) -> None:
    longest = max(16, small.identity.input_bytes)
    for size in (0, 1, 15, 16, longest):
        data = bytes(range(100, 100 + size))
        assert ask(model, Command.ECHO, data, size) == data
    assert ask(model, Command.ECHO, bytes([0x5A]) * longest, longest) == bytes([0x5A]) * longest


def test_requests_after_which_no_frame_is_loaded(small: BoardDesign, model: BoardModel) -> None:
    run = request(Command.RUN, struct.pack("<I", 1))
    for forget in (request(Command.ECHO, b"1"), request(Command.RESET),
                   request(Command.LOAD, bytes(3))):
        ask(model, Command.LOAD, bytes(small.identity.input_bytes))
        model.exchange(forget, 100, 2000)
        assert status_of(model, run) == (Command.RUN, Status.NOT_LOADED)


def test_truncated_frames_are_dropped(small: BoardDesign, model: BoardModel) -> None:
    frame = request(Command.INFER, bytes(small.identity.input_bytes))
    for length in (1, 2, 3, 4, 5, len(frame) - 2, len(frame) - 1):
        assert model.exchange(frame[:length], 1, small.frame_timeout + 1000) == b""
        assert identify(model) == small.identity, length


def test_slow_bytes_are_not_dropped(small: BoardDesign, model: BoardModel) -> None:
    sent = request(Command.ECHO, b"slow")
    for k in range(len(sent)):
        model.send(sent[k:k + 1])
        model.hold(1, small.frame_timeout // 2 - 20 * small.divisor)
    model.run(NEVER, received=11, quiet=PATIENCE)
    assert model.receive()[5:-2] == b"slow"


def test_garbage_between_frames(small: BoardDesign, model: BoardModel) -> None:
    assert model.exchange(b"\x00\xff\xa5garbage", 1, 2000) == b""
    assert identify(model) == small.identity
    # After a false sync byte the next request is lost; after a timeout the board answers again.
    model.exchange(b"\x5a" + request(Command.IDENTIFY), NEVER, small.frame_timeout + 1000)
    assert identify(model) == small.identity


def test_an_unplugged_cable(small: BoardDesign, model: BoardModel) -> None:
    """The line becomes 0 within a byte of a frame, and idle much later."""
    sent = request(Command.INFER, bytes(small.identity.input_bytes))
    for byte in (0, 1, 3, 4, 20, len(sent) - 1):
        for low in (0, small.divisor, 10 * small.divisor, 5 * small.frame_timeout):
            model.send(sent)
            model.run(small.divisor * (10 * byte + 5))
            model.cut(low)
            model.run(NEVER, quiet=small.frame_timeout + 1000)
            model.receive()
            assert identify(model) == small.identity, (byte, low)


def test_byte_without_stop_bit(small: BoardDesign, model: BoardModel) -> None:
    sent = request(Command.ECHO, b"12345678")
    for broken in range(1, len(sent)):
        model.send(sent[:broken])
        model.send_broken(sent[broken:broken + 1])
        model.run(NEVER, received=7, quiet=small.frame_timeout + 1000)
        assert model.receive()[4] == Status.BAD_CRC
        assert identify(model) == small.identity, broken


def test_flood(small: BoardDesign, model: BoardModel) -> None:
    """Requests that do not fit in the queue are lost, and the board continues."""
    model.send(request(Command.IDENTIFY) * 500)
    model.run(NEVER, quiet=small.frame_timeout + 1000)
    assert len(model.receive()) > 10 * (7 + Identity.SIZE)
    assert identify(model) == small.identity
    assert model.framing_errors == 0


def fuzzed(random: np.random.Generator, small: BoardDesign) -> list[tuple[str, bytes]]:
    """Draw random pieces of a stream: how each is sent, and its bytes."""
    parts = []
    for _ in range(random.integers(1, 5)):
        payload = random.bytes(int(random.integers(0, 40)))
        command = int(random.integers(0, 9))
        if command == Command.RUN:
            payload = struct.pack("<I", random.integers(0, 20))
        if command in (Command.LOAD, Command.INFER) and random.random() < 0.5:
            payload = random.bytes(small.identity.input_bytes)
        frame = bytearray(request(command, payload))
        match random.integers(0, 8):
            case 0:
                frame = bytearray(random.bytes(int(random.integers(1, 60))))
            case 1:
                frame = frame[:random.integers(1, len(frame))]
            case 2:
                frame[random.integers(0, len(frame))] ^= 1 << int(random.integers(0, 8))
            case 3:
                frame[2:4] = random.bytes(2)
            case 4:
                frame = frame * int(random.integers(2, 20))
            case 5:
                parts.append((str(random.choice(["broken", "cut"])), bytes(frame)))
                continue
        parts.append(("bytes", bytes(frame)))
    return parts


def test_fuzzed_streams(small: BoardDesign, model: BoardModel) -> None:
    random = np.random.default_rng(11)
    for stream in range(1000):
        for kind, data in fuzzed(random, small):
            if kind == "broken":
                model.send(data[:-1])
                model.send_broken(data[-1:])
            else:
                model.send(data)
            if kind == "cut":
                model.run(int(random.integers(1, 10 * small.divisor * len(data))))
                model.cut(int(random.integers(0, 100 * small.divisor)))
        passed = model.run(10_000_000, quiet=small.frame_timeout + 1000)
        assert passed < 10_000_000, stream
        model.receive()
        assert identify(model) == small.identity, stream
    assert model.framing_errors == 0
