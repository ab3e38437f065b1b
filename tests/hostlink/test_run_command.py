"""Tests the command ``bnnhw run``: outputs, JSON, labels and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.cli import main
from bnnhw.cli.schema_check import problems
from bnnhw.emit.board import BoardDesign
from bnnhw.emit.manifest import seal
from bnnhw.sim.board_server import SimulatedBoard
from tests.networks import random_samples

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``bnnhw run``; return exit code, standard output and standard error."""
    def command(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["bnnhw", "run", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err
    return command


@pytest.fixture
def data(patient: BoardDesign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    x = random_samples(patient.design.graph, 30)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "labels.npy", golden.run(patient.design.graph, x)["label"])
    return tmp_path


def test_on_a_simulated_board(folder: Path, data: Path, patient: BoardDesign,
                              run: Run) -> None:
    code, out, err = run("--on", f"sim:{folder}", "x.npy", "--labels", "labels.npy", "--json",
                         "--outputs", "y.npz")
    assert code == 0, err
    document = json.loads(out)
    assert problems(document) == []
    assert (document["frames"], document["mismatches"], document["accuracy"]) == (30, 0, 1.0)
    assert document["design"] == patient.identity.digest.hex()
    assert document["cycles_per_frame"] == patient.identity.ii
    assert document["planned_cycles_per_frame"] == patient.identity.ii
    parts = document["link_seconds"] + document["compute_seconds"]
    assert document["round_trip_seconds"] == pytest.approx(parts)
    with np.load(data / "y.npz") as found:
        assert (found["label"] == np.load(data / "labels.npy")).all()


def test_on_a_serial_port(board: SimulatedBoard, folder: Path, data: Path, run: Run) -> None:
    code, out, err = run("--on", f"uart:{board.path}", "--design", folder, "x.npy", "-n", "5",
                         "--labels", "labels.npy")
    assert code == 0, err
    assert out.startswith(f"5 frames on icebreaker (uart:{board.path}): 0 differ from "
                          "golden\naccuracy: 100.00 %\nround trip of one frame: ")
    assert "of the accelerator (12 cycles per frame, plan 12)" in out


def test_mismatch(board: SimulatedBoard, folder: Path, data: Path, run: Run) -> None:
    """Write a record of another network: its last layer has other coefficients than the board."""
    other = data / "other"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    core = json.loads((other / "core.json").read_text())
    next(n for n in core["network"]["layers"] if n["name"] == "fc2")["coefficients"] = [4]
    (other / "core.json").write_text(json.dumps(seal(core)))
    code, _, err = run("--on", f"uart:{board.path}", "--design", "other", "x.npy")
    assert code == 5
    assert "30 of 30 frames differ from the golden model; first at frame 0, output 'scores'[0]: " \
        "golden " in err
    assert err.endswith(" (layer 'fc2')\n")


def test_nothing_there(folder: Path, data: Path, run: Run) -> None:
    for arguments in (("--on", "uart:/dev/no-such-port", "--design", folder, "x.npy"),
                      ("--on", "sim:nowhere", "x.npy")):
        code, _, err = run(*arguments)
        assert code == 7, err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
    for arguments in (("--on", "uart:auto", "x.npy"), ("--on", f"sim:{folder}", "missing.npy"),
                      ("--on", f"sim:{folder}", "x.npy", "--labels", "x.npy"), ("x.npy",)):
        assert run(*arguments)[0] == 2, arguments


def test_a_missing_file_is_reported_before_the_board_search(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.uint8))
    for arguments in (["missing.npy"], [tmp_path / "x.npy", "--labels", "missing.npy"]):
        code, _, err = run(*arguments, "--on", "uart:/dev/no_such_port")
        assert code == 2
        assert "missing.npy: cannot be read" in err
