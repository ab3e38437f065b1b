"""Tests ``bnnhw flash``: the commands that it runs, and its errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bnnhw.cli.schema_check import problems
from bnnhw.platforms import get_board
from bnnhw.tools.programmers import find_tools
from tests.cli.inside import Called, caller
from tests.tools.boards import of_board

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")


def make(folder: Path, board: str, file: str) -> None:
    folder.mkdir(parents=True)
    (folder / "board.json").write_text(json.dumps({"board": board}))
    (folder / file).write_bytes(of_board(get_board(board)))


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    """Make build folders of three boards in an empty folder."""
    make(tmp_path / "build/net/icebreaker", "icebreaker", "board.bin")
    make(tmp_path / "build/net/ulx3s_85f", "ulx3s_85f", "board.bit")
    make(tmp_path / "build/net/orangecrab_85f", "orangecrab_85f", "board.bit")
    return tmp_path


def tree(folder: Path) -> list[tuple[Path, bytes]]:
    return [(p, p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()]


@pytest.fixture
def call(builds: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(builds, monkeypatch, capsys)


def test_dry_run_prints_the_command(builds: Path, call: Called) -> None:
    before = tree(builds)
    code, out, err = call("flash", "build/net/ulx3s_85f", "--dry-run")
    assert code == 0, err
    command = out.split()
    assert Path(command[0]).name == "openFPGALoader"
    assert command[1:] == ["-b", "ulx3s", "-m", "build/net/ulx3s_85f/board.bit"]
    document = json.loads(call("flash", "build/net/icebreaker", "--dry-run", "--persistent",
                           "--json")[1])
    assert document["schema"] == "bnnhw.flash/1"
    assert problems(document) == []
    assert document["board"] == "icebreaker"
    assert (document["persistent"], document["done"]) == (True, False)
    assert document["command"][-1] == "build/net/icebreaker/board.bin"
    code, _, err = call("flash", "build/net/orangecrab_85f", "--dry-run", "--persistent")
    assert code == 0
    assert "kept: the bootloader" in err
    code, _, err = call("flash", "build/net/icebreaker", "--dry-run", "--persistent")
    assert code == 0
    assert "--persistent" not in err  # the option was given, so it is not advised
    assert "use --persistent" in call("flash", "build/net/icebreaker", "--dry-run")[2]
    assert tree(builds) == before


def test_invalid_requests_are_rejected(call: Called) -> None:
    for arguments, text in (
        (["build/net/orangecrab_85f"], "persistently only, in its flash; use --persistent"),
        (["build/net/icebreaker", "--persistent"], "no terminal to ask on; say --yes"),
        (["build/net/icebreaker", "--board", "hx8k_evn"], "was built for 'icebreaker'"),
        (["build/net/icebreaker", "--usb", "1:4 -f"], "is not a USB device"),
        (["build/net/icebreaker", "--offset", "0"], "No such option"),
        (["build/net"], "is not a build folder"),
        (["build/net/no_such_folder"], "build/net/no_such_folder: does not exist"),
        (["build/net/ulx3s_85f/board.json", "--board", "ulx3s_85f"], "does not begin like an ECP5"),
    ):
        code, out, err = call("flash", *arguments)
        assert (code, out) == (2, "")
        assert text in err


def test_verification_that_fails(builds: Path, call: Called,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is 6 if iceprog, here a stand-in, reports that verification failed."""
    tool = builds / "bin/iceprog"
    tool.parent.mkdir()
    tool.write_text(r"""#!/bin/sh
printf 'init..\ncdone: high\nreset..\ncdone: low\nprogramming..\n' >&2
printf 'reading..\nFound difference between flash and file!\nABORT.\n' >&2
exit 3
""")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    code, out, err = call("flash", "build/net/icebreaker", "--persistent", "--yes")
    assert (code, out) == (6, "")
    assert "verification failed: the flash of 1BitSquared iCEBreaker" in err
    assert "did not start" not in err
    assert "--persistent" not in err


def test_a_board_that_is_not_connected(builds: Path, call: Called) -> None:
    """The real tool without a board: its message is shown, with the exit code for it."""
    before = tree(builds)
    for arguments in (["build/net/ulx3s_85f"], ["build/net/icebreaker", "--persistent", "--yes"]):
        code, out, err = call("flash", *arguments, "--json")
        if code == 0:
            pytest.skip("a board is plugged in")
        assert code in (6, 7)
        assert problems(json.loads(out)) == []
        assert json.loads(out)["exit_code"] == code
        message = err.strip()
        assert "\n" not in message
        if code == 7:
            assert "was not found" in message or "no permission to open" in message
            assert "bnnhw doctor" in message
        elif find_tools("openFPGALoader"):
            assert "needs the library" in message or "failed" in message
        else:
            assert "is not installed; " in message
    assert tree(builds) == before


def test_the_answer_no_runs_nothing(builds: Path) -> None:
    """On a terminal, flash asks before it writes, and runs nothing if the answer is no."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        result = subprocess.run(
            [sys.executable, "-m", "bnnhw", "flash", "build/net/icebreaker", "--persistent"],
            cwd=builds, stdin=theirs, capture_output=True, text=True, timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)
    assert result.returncode == 130
    assert "Overwrite the flash of 1BitSquared iCEBreaker? [y/N]" in result.stderr
    assert result.stderr.strip().endswith("error: interrupted")


def test_a_missing_tool_is_named(builds: Path) -> None:
    """Without any tool, the error names the one to install; a dry run ends without an error."""
    code = "import sys; sys.modules['openfpgaloader'] = None; from bnnhw.cli import main; main()"
    for arguments, expected in ((["--dry-run"], 0), ([], 6)):
        result = subprocess.run(
            [sys.executable, "-c", code, "flash", "build/net/icebreaker", *arguments], cwd=builds,
            env={**os.environ, "PATH": "/nowhere"}, stdin=subprocess.DEVNULL, capture_output=True,
            text=True)
        assert result.returncode == expected, result.stderr
        assert "iceprog is not installed" in result.stderr
    assert "fpga-icestorm" in result.stderr
