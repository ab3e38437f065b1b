"""Tests that the driver recovers from, or reports, faults of the line and of the board."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import serial

from bnnhw import golden
from bnnhw.emit.board import BoardDesign
from bnnhw.errors import LinkError
from bnnhw.hostlink.driver import Accelerator
from bnnhw.hostlink.driver.port import SimulatedPort
from bnnhw.hostlink.driver.replies import ReplyReader
from bnnhw.hostlink.wire import REPLY_SYNC, Command, Identity, Status, pack_frame
from bnnhw.sim.board import BoardModel
from bnnhw.sim.board_server import SimulatedBoard
from tests.hostlink.boards import request, write
from tests.networks import random_samples


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedPort, "slack", 0.3)


class BadLine(BoardModel):
    """A board with a line that corrupts some bytes.

    ``to_board`` and ``to_host`` give the fault of a byte by its number: ``flip``, ``drop`` or
    ``double``.
    """

    def __init__(self, built: BoardDesign) -> None:
        super().__init__(built.verilog, built.divisor)
        self.to_board: dict[int, str] = {}
        self.to_host: dict[int, str] = {}
        self.sent = self.got = 0

    @staticmethod
    def corrupt(data: bytes, first: int, faults: dict[int, str]) -> bytes:
        out = bytearray()
        for k, byte in enumerate(data, first):
            fault = faults.get(k)
            out += {"flip": bytes([byte ^ 0x10]), "drop": b"",
                    "double": bytes([byte, byte])}.get(fault or "", bytes([byte]))
        return bytes(out)

    def send(self, data: bytes) -> None:
        super().send(self.corrupt(data, self.sent, self.to_board))
        self.sent += len(data)

    def receive(self) -> bytes:
        data = super().receive()
        self.got += len(data)
        return self.corrupt(data, self.got - len(data), self.to_host)


@contextmanager
def connected(built: BoardDesign, model: BoardModel, folder: Path,
              **options: float) -> Iterator[tuple[SimulatedBoard, Accelerator]]:
    with (SimulatedBoard(model, built.clock_hz) as board,
          Accelerator(board, folder, **options) as host):
        yield board, host


def is_golden(host: Accelerator, x: np.ndarray) -> bool:
    expected = golden.run(host.build.graph, x)
    found = host.infer(x)
    return all((expected[k] == found[k]).all() for k in expected)


@pytest.mark.parametrize("fault", ["flip", "drop", "double"])
@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_corrupted_bytes(patient: BoardDesign, folder: Path, direction: str,
                         fault: str) -> None:
    """After a lost request, the following replies belong to other requests and must not be used."""
    with connected(patient, model := BadLine(patient), folder, attempts=8) as (_, host):
        x = random_samples(host.build.graph, 12)
        # Sync, command, length, payload and CRC of the second frame, and of a later one.
        for offset in (30, 31, 32, 33, 40, 58, 59, 95, 121):
            position = model.sent if direction == "to_board" else model.got
            getattr(model, direction)[position + offset] = fault
            assert is_golden(host, x), offset
        assert len(host.link.faults) >= 8


def test_an_incomplete_request_of_another_program(board: SimulatedBoard, folder: Path,
                                      patient: BoardDesign) -> None:
    infer = request(Command.INFER, bytes(patient.identity.input_bytes))
    for left in (infer[:9], infer * 4, b"\x5a" * 40, infer * 4 + infer[:-1]):
        with serial.Serial(board.path, 3_000_000) as before:
            before.write(left)
        with Accelerator(board, folder, attempts=8) as host:
            assert is_golden(host, random_samples(host.build.graph, 5))


def test_power_cycle(board: SimulatedBoard, folder: Path) -> None:
    with Accelerator(board, folder, attempts=8) as host:
        x = random_samples(host.build.graph, 1000)
        cycle = threading.Timer(0.05, board.power_cycle)
        cycle.start()
        while cycle.is_alive():
            assert is_golden(host, x)


def test_a_cable_is_unplugged_and_plugged_in(board: SimulatedBoard, folder: Path) -> None:
    with Accelerator(board, folder, attempts=8, patience=5.0) as host:
        x = random_samples(host.build.graph, 2000)
        threading.Timer(0.05, board.unplug, [5000]).start()
        back = threading.Timer(0.4, board.plug)
        back.start()
        while back.is_alive():
            assert is_golden(host, x)
        assert any("was lost" in fault for fault in host.link.faults)


def test_a_cable_remains_unplugged(board: SimulatedBoard, folder: Path) -> None:
    """The error is raised within the patience; the object works again with the cable."""
    with Accelerator(board, folder, patience=0.5) as host:
        x = random_samples(host.build.graph, 2000)
        threading.Timer(0.05, board.unplug, [0]).start()
        begin = time.monotonic()
        with pytest.raises(LinkError, match="cannot be opened: No such file") as caught:
            host.infer(np.resize(x, (20_000, *x.shape[1:])))
        assert caught.value.exit_code == 7
        assert time.monotonic() - begin < 10
        with pytest.raises(LinkError):
            host.echo()
        board.plug()
        assert is_golden(host, x[:20])


STATES = """
  reg [2:0] state = 0;  // each RESET selects the next state
  reg [31:0] age = 0;
  always @(posedge clock) begin
    age <= core_reset ? 0 : age + 1;
    if (core_reset && state != 4) state <= state + 1;
  end
  bnnhw_host_link link ("""
WIRES = {
    "\n  bnnhw_host_link link (": STATES,
    ".loading(1'b0)": ".loading(state == 1 || state == 2 && age < 600000)",
    ".bad_weights(1'b0)": ".bad_weights(state == 3)",
    ".from_core_valid(o_valid)": ".from_core_valid(o_valid && state != 4)",
}


def test_states_of_the_board(tiny: BoardDesign, tmp_path: Path) -> None:
    """Weights that are never loaded, loaded late, or wrong; an accelerator without outputs."""
    text = tiny.verilog
    for old, new in WIRES.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    model = BoardModel(text, tiny.divisor)
    with connected(tiny, model, write(tiny, tmp_path), patience=0.05) as (_, host):
        x = random_samples(host.build.graph, 3)
        assert is_golden(host, x)
        host.reset()
        with pytest.raises(LinkError, match="still loading its weights; write the weights"):
            host.infer(x)
        assert len(host.echo()) == 16
        host.reset()
        host.link.patience = 20.0
        assert is_golden(host, x)
        host.reset()
        with pytest.raises(LinkError, match="not those of its design") as caught:
            host.infer(x)
        assert caught.value.exit_code == 7
        host.reset()
        with pytest.raises(LinkError, match="CORE_TIMEOUT to INFER, then CORE_TIMEOUT to INFER"):
            host.infer(x)
        assert len(host.echo()) == 16


class Babbling(BoardModel):
    """A board whose replies are replaced by ``babble``."""

    def receive(self) -> bytes:
        return self.babble(super().receive())

    def babble(self, reply: bytes) -> bytes:
        return reply


def test_no_stream_of_replies_blocks_the_host(tiny: BoardDesign, tmp_path: Path,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SimulatedPort, "slack", 0.05)
    folder = write(tiny, tmp_path)
    random = np.random.default_rng(5)
    model = Babbling(tiny.verilog, tiny.divisor)
    replies = [pack_frame(REPLY_SYNC, command, bytes([status]) + random.bytes(length))
               for command in (0, Command.IDENTIFY, Command.INFER, 0xFF)
               for status in (Status.OK, Status.BAD_CRC, 0xEE)
               for length in (0, 8, Identity.SIZE - 1)]
    with connected(tiny, model, folder) as (_, host):
        x = random_samples(host.build.graph, 5)
        for babble in (
                lambda reply: b"",
                lambda reply: reply[:-1],
                lambda reply: random.bytes(200),
                lambda reply: reply + b"\xa5" * 3,
                lambda reply: bytes([REPLY_SYNC]) * 50,
                lambda reply: replies[random.integers(len(replies))],
                lambda reply: reply and replies[random.integers(len(replies))],
                lambda reply: bytes(b ^ 1 for b in reply)):
            model.babble = babble
            message = ""
            begin = time.monotonic()
            try:
                assert is_golden(host, x)
            except LinkError as error:
                message = str(error)
            assert not message or "3 attempts" in message
            assert time.monotonic() - begin < 10
            model.babble = bytes
            # The board answers correctly again, however slow this machine is.
            host.link.port.slack = 5.0
            assert is_golden(host, x)
            host.link.port.slack = 0.05


def test_replies_are_found_in_noise() -> None:
    random = np.random.default_rng(9)
    for _ in range(1000):
        payloads = [random.bytes(int(random.integers(0, 20))) for _ in range(3)]
        stream = b""
        for payload in payloads:
            noise = bytearray(random.bytes(int(random.integers(0, 30))))
            noise[::3] = bytes([REPLY_SYNC]) * len(noise[::3])
            stream += bytes(noise) + pack_frame(REPLY_SYNC, Command.ECHO, b"\0" + payload)
        stream += bytes(40)
        reader = ReplyReader(21)
        found = []
        while stream:
            size = int(random.integers(1, 40))
            found += [reply.payload for reply in reader.feed(stream[:size])]
            stream = stream[size:]
        assert found == payloads
        assert reader.stray <= 3 * 30 + 40
