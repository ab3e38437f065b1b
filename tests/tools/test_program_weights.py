"""Tests that the weights of the same build are written to the flash first."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from bnnhw.errors import BnnhwError, ConfigError, ToolError
from bnnhw.hostlink.wire.weights import LoadedMemory, WeightImage
from bnnhw.platforms import get_board
from bnnhw.tools.program import judge
from bnnhw.tools.program_weights import plan_weights
from tests.cli.inside import Called, caller
from tests.tools.boards import of_board

ICE = get_board("icebreaker")
OFFSET = 1 << 20


@pytest.fixture
def bnnhw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
          capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(tmp_path, monkeypatch, capsys)


def folder_with(tmp_path: Path, *, weights: bool = True) -> Path:
    image = WeightImage.of([(LoadedMemory("fc0", 4, 20), [1, 2, 3, 1 << 19])])
    folder = tmp_path / "net" / "icebreaker"
    folder.mkdir(parents=True)
    (folder / "board.bin").write_bytes(of_board(ICE))
    record: dict[str, object] = {"board": "icebreaker"}
    if weights:
        (folder / "weights.bin").write_bytes(image.flash(b"12345678"))
        record["weights"] = {"file": "weights.bin", "offset": OFFSET,
                             "crc32": f"{image.flash_crc(b'12345678'):08x}"}
    (folder / "board.json").write_text(json.dumps(record))
    return folder


def test_both_commands(tmp_path: Path, bnnhw: Called) -> None:
    folder = folder_with(tmp_path)
    step = plan_weights(ICE, folder / "board.bin")
    assert step is not None
    assert (step.persistent, step.offset) == (True, OFFSET)
    assert step.commands[0][-3:] == ("-o", "1048576", str(folder / "weights.bin"))
    code, out, err = bnnhw("flash", str(folder), "--dry-run")
    assert code == 0, err
    first, second = out.splitlines()
    assert first.endswith(f"-o 1048576 {folder / 'weights.bin'}")
    assert not {"-S", "-m"} & set(first.split())
    assert second.endswith("board.bin")
    assert "-o" not in second.split()
    document = json.loads(bnnhw("flash", str(folder), "--dry-run", "--json")[1])
    assert document["weights"]["offset"] == OFFSET
    assert len(bnnhw("flash", str(folder), "--dry-run", "--no-weights")[1].splitlines()) == 1


def test_it_asks(tmp_path: Path, bnnhw: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, err = bnnhw("flash", str(folder_with(tmp_path)))
    assert code == 2
    assert "weights.bin overwrites the board's flash" in err
    assert "--yes" in err


def test_builds_without_weights_are_as_before(tmp_path: Path, bnnhw: Called) -> None:
    folder = folder_with(tmp_path, weights=False)
    assert plan_weights(ICE, folder / "board.bin") is None
    assert len(bnnhw("flash", str(folder), "--dry-run")[1].splitlines()) == 1
    assert plan_weights(ICE, tmp_path / "some.bin") is None


@pytest.mark.parametrize(("change", "message"), [
    (lambda content: content[:-1], "but its header announces"),
    (lambda content: b"", "too short"),
    (lambda content: b"X" + content[1:], "is not a weights file"),
    (lambda content: content[:20] + b"\x7f" + content[21:], "checksum is wrong"),
    (lambda content: WeightImage.of([(LoadedMemory("fc0", 2, 1), [0, 1])]).flash(b"12345678"),
     "another build"),
])
def test_wrong_files_are_refused(tmp_path: Path, change: object, message: str) -> None:
    folder = folder_with(tmp_path)
    path = folder / "weights.bin"
    path.write_bytes(change(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ConfigError, match=message):
        plan_weights(ICE, folder / "board.bin")


def test_a_lost_file_and_a_damaged_record(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "weights.bin").unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        plan_weights(ICE, folder / "board.bin")
    (folder / "board.json").write_text('{"board": "icebreaker", "weights": 3}')
    with pytest.raises(BnnhwError, match="damaged"):
        plan_weights(ICE, folder / "board.bin")


def test_a_board_without_a_bitstream_does_not_start(tmp_path: Path) -> None:
    """After weights are written, that is no failure; an error of the tool still is one."""
    step = plan_weights(ICE, folder_with(tmp_path) / "board.bin")
    assert step is not None
    outputs = ("VERIFY OK\ncdone: low\nBye.", "Writing: [====] 100%\nDone\nWait for CDONE FAIL")
    for message in outputs:
        judge(step, 0, message)
    with pytest.raises(ToolError):
        judge(step, 1, "Error: no flash")
