"""Small boards for tests, with a fast serial line and a short timeout within a request."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from bnnhw.emit.board import WAKE_SECONDS, BoardDesign, design_board
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.hostlink.wire import REQUEST_SYNC, Command, pack_frame
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.platforms import get_board
from bnnhw.sim.board import BoardModel
from tests.networks import random_graph

__all__ = ["ask", "awake", "board_of", "request", "small_design", "tiny_design", "write"]

SILENCE = 1e-3
"""Timeout in seconds after which an incomplete request is dropped."""


def small_design(seed: int = 2, ii: int = 12) -> Design:
    graph = random_graph([21, 10, 9, 6], seed=seed, pixels=True)
    return generate(Network(graph, {}, ()), "streaming", get_device("generic"),
                    Goal(target_cycles=ii))


def tiny_design() -> Design:
    """Generate a design whose words are bits in one byte."""
    graph = random_graph([8, 4, 3], seed=3, tail="label", name="tiny")
    return generate(Network(graph, {}, ()), "streaming", get_device("generic"),
                    Goal(target_cycles=8))


def board_of(design: Design, *, board: str = "icebreaker", mhz: float = 12.0,
             baud: int = 3_000_000, silence: float = SILENCE) -> BoardDesign:
    with patch("bnnhw.emit.board.SILENCE_SECONDS", silence):
        chosen = get_board(board)
        return design_board(design, chosen, chosen.make_clock(mhz), baud)


def write(built: BoardDesign, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in built.files().items():
        (folder / name).write_bytes(content)
    return folder


def awake(built: BoardDesign, **options: float) -> BoardModel:
    """Return the model of a board after its reset."""
    model = BoardModel(built.verilog, built.divisor, **options)
    model.run(int(WAKE_SECONDS * 4 * built.clock_hz))
    return model


def request(command: int, payload: bytes = b"") -> bytes:
    return pack_frame(REQUEST_SYNC, command, payload)


def ask(model: BoardModel, command: Command, payload: bytes = b"", answer: int = 0) -> bytes:
    """Send a request that must succeed, and return the payload of its reply after the status."""
    reply = model.exchange(request(command, payload), 7 + answer, 1_000_000)
    assert reply[1] == command, reply.hex()
    assert (reply[4], len(reply)) == (0, 7 + answer), reply.hex()
    return reply[5:-2]
