"""Tests ``bnnhw plan``: figures, parts, missing resources, and advice on what would fit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bnnhw.arch.streaming import SLOWEST
from bnnhw.board_planning import plan_for
from bnnhw.board_planning.planner import planner_of
from bnnhw.errors import FitError, PlanError, TimingError
from bnnhw.families import DEVICES, get_device
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal
from bnnhw.plan.goal_check import check_goal, settle
from bnnhw.plan.resources import fastest_fit, fits
from bnnhw.platforms import boards, get_board
from tests.cli.inside import Called, caller
from tests.cli.inside import run_inside as bnnhw

EXAMPLES = Path(__file__).parents[2] / "designs" / "examples"


def test_plan_on_a_part_is_as_fast_as_fits() -> None:
    result = bnnhw("plan", str(EXAMPLES / "segment.yaml"), "--device", "up5k", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout)
    found = plan["resources"]
    assert found["excess"] == {}
    assert found["total"]["lut"] <= 5280
    assert (found["available"]["spram"], found["available"]["spram_used"]) == (4, 0)
    slower = bnnhw("plan", str(EXAMPLES / "segment.yaml"), "--device", "up5k", "--json", "--ii",
                   str(2 * plan["cycles_per_frame"]))
    assert json.loads(slower.stdout)["resources"]["total"]["lut"] < found["total"]["lut"]


def test_plan_reports_missing_resources_and_what_would_fit() -> None:
    result = bnnhw("plan", str(EXAMPLES / "cnv.yaml"), "--device", "ecp5-25", "--ii", "40000")
    assert result.returncode == 3
    assert "block RAM" in result.stderr
    assert "too many" in result.stderr
    assert re.search(r"--device ecp5-(45|85) would do with --ii \d+", result.stderr)
    assert "Traceback" not in result.stderr
    assert "conv0_swu" in result.stdout


def test_plan_for_frames_per_second() -> None:
    result = bnnhw("plan", str(EXAMPLES / "keyword.yaml"), "--device", "hx8k", "--fps", "10000",
                   "--clock", "30")
    assert result.returncode == 0, result.stderr
    assert "reached" in result.stdout
    assert "+-" in result.stdout  # the error of the estimate
    wrong = bnnhw("plan", str(EXAMPLES / "keyword.yaml"), "--fps", "1000")
    assert wrong.returncode == 2
    assert "--clock" in wrong.stderr


@pytest.mark.parametrize("part", ["up5k", "hx8k", "ecp5-25", "ecp5-45", "ecp5-85"])
def test_fastest_plan_fits_and_a_faster_one_does_not(part: str) -> None:
    device = get_device(part)
    planner = planner_of(load_network(EXAMPLES / "residual.yaml"), "streaming", device)
    best = fastest_fit(planner, device, SLOWEST)
    assert fits(best, device)
    try:
        faster = planner(int(best.ii * 0.95) - 1)
    except PlanError as error:
        if "cannot take fewer" not in str(error):
            raise
        return
    assert not fits(faster, device) or faster.ii >= best.ii * 0.95


def test_a_network_that_never_fits_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text("name: huge\ninput: {shape: [4096], type: bits}\nweights: random\nlayers:\n"
                    "- {dense: 4096}\n- {dense: 4096}\n- {dense: 10, output: scores}\n")
    device = get_device("up5k")
    with pytest.raises(FitError, match=r"however it is folded: .*block RAM"):
        fastest_fit(planner_of(load_network(path), "streaming", device), device, SLOWEST)


def test_from_plan_to_measured_buffers(tmp_path: Path) -> None:
    """The figures of ``plan`` equal those of the generated design and of its simulation."""
    network = str(EXAMPLES / "segment.yaml")
    plan = json.loads(bnnhw("plan", network, "--device", "ecp5-25", "--ii", "6000",
                            "--json").stdout)
    out = tmp_path / "segment.v"
    made = bnnhw("generate", "--layers", network, "--device", "ecp5-25", "--ii", "6000", "-o",
                 str(out), "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["latency_cycles"] == plan["latency_cycles"]
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3), np.uint8)
    np.save(tmp_path / "x.npy", pixels)
    run = bnnhw("simulate", str(out.with_suffix(".json")), "--inputs", str(tmp_path / "x.npy"),
                "--buffers", "--json")
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert summary["mismatches"] == 0
    for key in ("cycles_per_frame", "latency_cycles"):
        assert summary[key] == plan[key]
    assert summary["buffers"]
    for buffer in summary["buffers"]:
        assert max(buffer["even"], buffer["rushed"]) <= buffer["depth"]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
           capsys: pytest.CaptureFixture[str]) -> Called:
    return caller(tmp_path, monkeypatch, capsys)


def test_frames_per_second_are_at_a_clock_that_the_part_reaches(inside: Called) -> None:
    network = str(EXAMPLES / "segment.yaml")
    code, out, err = inside("plan", network, "--device", "up5k", "--json")
    assert code == 0, err
    plan = json.loads(out)
    board = get_board("icebreaker")
    assert plan["clock"]["clock_mhz"] == board.clock_mhz == 18  # the default of ``build``
    assert plan["clock"]["frames_per_second"] == round(18e6 / plan["cycles_per_frame"], 2)
    assert "expected" in plan["clock"]["note"]
    assert "timed build" in plan["clock"]["note"]
    found = plan["resources"]
    assert found["host_link"]["lut"] > 400
    for key in ("lut", "ff", "block_ram"):
        left = found["available"][key] - found["total"][key] - found["host_link"][key]
        assert abs(found["remaining"][key] - left) <= 1
        assert found["remaining"][key] >= 0
    _, out, _ = inside("plan", network, "--device", "up5k", "--ii", "4000")
    assert "at 18 MHz (expected" in out
    assert "the host link of 'build' takes" in out
    _, out, _ = inside("plan", network, "--device", "up5k", "--ii", "4000", "--clock", "100")
    assert "more than expected" in out
    _, out, _ = inside("plan", network, "--ii", "4000")
    assert "no clock is known for generic" in out


def test_expected_clocks_come_from_builds() -> None:
    """The usual clock is 10 % below the slowest build, and a build reached the fastest clock."""
    for device in DEVICES.values():
        expected = device.clock
        if device.budget is not None:
            assert expected is not None, device.name
        if expected is None or expected.measured_on != device.name:
            continue
        assert expected.usual_mhz <= 0.9 * expected.measured_mhz[0]
        assert expected.usual_mhz < expected.fastest_mhz <= expected.measured_mhz[-1]
        assert str(int(expected.measured_mhz[0])) in expected.evidence
    for board in boards().values():
        assert 0 < board.clock_mhz <= board.fastest_mhz


def advised(text: str) -> list[list[str]]:
    """Return the commands that ``plan`` advises."""
    return [line.split(": bnnhw ")[1].split() for line in text.splitlines()
            if line.startswith("to ") and ": bnnhw " in line]


@pytest.mark.parametrize(("name", "device"), [
    ("keyword", "up5k"), ("segment", "ecp5-25"), ("keyword", "generic"),
])
def test_commands_that_are_advised_work(name: str, device: str, inside: Called) -> None:
    network = str(EXAMPLES / f"{name}.yaml")
    code, out, err = inside("plan", network, "--device", device)
    assert code == 0, err
    commands = advised(out)
    assert commands
    for command in commands:
        cycles = int(command[command.index("--ii") + 1]) if "--ii" in command else None
        if command[0] == "generate":
            code, out, err = inside(*command)
            assert code == 0, err
            assert "NOT reached" not in out
            code, _, err = inside("plan", network, "--device", device,
                                  *command[command.index("--device") + 2:-2])
            assert code == 0, err
        else:  # the plan that ``build`` makes before its tools run
            board = get_board(command[command.index("--board") + 1])
            plan = plan_for(board, load_network(EXAMPLES / f"{name}.yaml"),
                            Goal(target_cycles=cycles)).plan
            assert cycles is not None
            assert plan.ii <= cycles


@pytest.mark.parametrize(("name", "options", "code"), [
    ("keyword", ("--device", "up5k", "--ii", "384"), 3),
    ("segment", ("--device", "ecp5-85", "--ii", "512"), 4),
    ("keyword", ("--ii", "512"), 4),
    ("keyword", ("--ii", "3"), 2),
    ("segment", ("--device", "up5k", "--ii", "2"), 2),
    ("cnv", ("--device", "ecp5-25", "--ii", "40000"), 3),
])
def test_advice_of_errors_works_when_it_is_followed(name: str, options: tuple[str, ...], code: int,
                                                    inside: Called) -> None:
    network = str(EXAMPLES / f"{name}.yaml")
    found, out, err = inside("plan", network, *options)
    assert found == code
    assert not advised(out)  # no command that would end with an error is advised
    device = options[:options.index("--ii")]
    cycles = re.findall(r"(?:use|it fits with) --ii (\d+)", err)
    assert cycles or "no folding of" in err
    if cycles:
        assert inside("plan", network, *device, "--ii", cycles[0])[0] == 0
    if larger := re.search(r"(--device \S+) would do with (--ii \d+)", err):
        assert inside("plan", network, *larger[1].split(), *larger[2].split())[0] == 0


def test_a_goal_that_is_missed_ends_with_its_code(tmp_path: Path, inside: Called) -> None:
    """The files are written, since they are correct, only slower than the goal."""
    network = str(EXAMPLES / "keyword.yaml")
    code, out, err = inside("generate", "--layers", network, "--ii", "512", "-o", "k.v")
    assert code == 4
    assert "NOT reached" in out
    assert "instead of at most 512" in err
    assert (tmp_path / "k.v").exists()
    assert (tmp_path / "k.json").exists()
    code, _, err = inside("plan", network, "--fps", "35100", "--clock", "18")
    assert code == 4
    assert re.search(r"instead of 35,100 frames/s at 18 MHz", err)
    assert inside("generate", "--layers", network, "-o", "d.v")[0] == 0  # no goal


def test_a_goal_that_a_board_misses_is_reported_before_the_tools_run() -> None:
    network, board = load_network(EXAMPLES / "segment.yaml"), get_board("ulx3s_85f")
    with pytest.raises(TimingError, match="instead of at most 512"):
        plan_for(board, network, Goal(target_cycles=512), clock_mhz=50)


def test_settled_plans_are_reached_when_they_are_the_goal() -> None:
    planner = planner_of(load_network(EXAMPLES / "keyword.yaml"), "streaming",
                         get_device("generic"))
    for cycles in (1, 64, 384, 500, 1000):
        plan = settle(planner, cycles)
        assert plan is not None
        assert plan.ii <= plan.target_cycles
        assert planner(plan.target_cycles) == plan
        check_goal(plan, Goal(target_cycles=plan.target_cycles), planner)
    assert settle(planner, 384, lambda plan: False) is None
