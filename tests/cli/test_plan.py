"""The plan verb: figures, parts, what is short and what would fit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bnnhw.cli.plan import SLOWEST, planner_of
from bnnhw.device import get_device
from bnnhw.device.costs import block_count, estimate, model_error
from bnnhw.errors import FitError, PlanError
from bnnhw.frontend.network import load_network
from bnnhw.plan import Wish
from bnnhw.plan.resources import fastest_fit, fits, resources
from tests.cli.test_cli import run as bnnhw

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


def test_plan_says_what_is_short_and_what_would_fit() -> None:
    result = bnnhw("plan", str(EXAMPLES / "cnv.yaml"), "--device", "ecp5-25", "--ii", "40000")
    assert result.returncode == 3
    assert "block RAM" in result.stderr
    assert "too many" in result.stderr
    assert re.search(r"ecp5-(45|85) would do", result.stderr)
    assert "Traceback" not in result.stderr
    assert "conv0_swu" in result.stdout


def test_plan_for_frames_a_second() -> None:
    result = bnnhw("plan", str(EXAMPLES / "keyword.yaml"), "--device", "hx8k", "--fps", "10000",
                   "--clock", "30")
    assert result.returncode == 0, result.stderr
    assert "reached" in result.stdout
    assert "+-" in result.stdout  # the error of the estimate stands beside it
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


def test_what_never_fits_says_so(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    path.write_text("name: huge\ninput: {shape: [4096], type: bits}\nweights: random\nlayers:\n"
                    "- {dense: 4096}\n- {dense: 4096}\n- {dense: 10, output: scores}\n")
    device = get_device("up5k")
    with pytest.raises(FitError, match=r"however it is folded: .*block RAM"):
        fastest_fit(planner_of(load_network(path), "streaming", device), device, SLOWEST)


def test_estimates_have_an_error_and_grow() -> None:
    network = load_network(EXAMPLES / "mobilenet.yaml")
    for name in ("ecp5-85", "hx8k"):
        device = get_device(name)
        error = model_error(device)
        assert error is not None
        assert 0 < error < 0.5
        planner = planner_of(network, "streaming", device)
        fast, slow = planner(Wish(ii=3000)), planner(Wish(ii=60000))
        totals = [resources(p, device) for p in (fast, slow)]
        assert totals[0] is not None
        assert totals[1] is not None
        assert totals[0].total.lut > totals[1].total.lut
        for unit in fast.units:
            cost = estimate(unit, device)
            assert cost is not None
            assert cost.block == block_count(unit, device)
    assert resources(fast, get_device("generic")) is None


def test_from_plan_to_measured_buffers(tmp_path: Path) -> None:
    """What plan promises, generate builds and simulate measures."""
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
