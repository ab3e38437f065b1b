"""Tests the limits of device families against fixed values: fit, and options of tools."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median
from types import ModuleType

import pytest

from bnnhw.board_planning.device_share import ALL, usual_share
from bnnhw.dataflow.params import Memory
from bnnhw.families import get_device, get_family
from bnnhw.families.costs import RAM_LUTS, estimate
from bnnhw.families.flow import PlaceAndRoute

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.parametrize(("name", "luts", "blocks"), [
    ("up5k", 4488, 28.5), ("hx8k", 6528, 30.4), ("ecp5-25", 20644.8, 53.2),
    # nextpnr is not expected to finish above 33,000 LUTs.
    ("ecp5-45", 33_000, 102.6), ("ecp5-85", 33_000, 197.6),
    ("gw1nr9", 6048, 24.7), ("gw2ar18", 14515.2, 43.7)])
def test_the_usual_share_of_each_part(name: str, luts: float, blocks: float) -> None:
    device = get_device(name)
    assert device.budget is not None
    share = usual_share(device)
    assert device.budget.luts * share[0] == pytest.approx(luts)
    assert device.budget.blocks * share[1] == pytest.approx(blocks)


def test_a_family_without_a_flow_or_a_size_has_no_share() -> None:
    assert usual_share(get_device("ecp5")) == ALL
    assert usual_share(get_device("xc7")) == ALL


def netlist(path: Path, cells: int, hidden: int = 0) -> Path:
    """A netlist with a number of cells, and others that are not hardware."""
    module = {"cells": {**{f"c{k}": {"type": "LUT4"} for k in range(cells)},
                        **{f"s{k}": {"type": "$scopeinfo"} for k in range(hidden)}}}
    path.write_text(json.dumps({"modules": {"top": module}}))
    return path


def pnr(family: str) -> PlaceAndRoute:
    return get_family(family).need_flow().place_and_route


def test_large_netlists_use_other_placers_and_routers(tmp_path: Path) -> None:
    small, large = netlist(tmp_path / "s", 15_000, 5000), netlist(tmp_path / "l", 15_001)
    assert pnr("ecp5").options_for(small) == ()
    assert pnr("ecp5").options_for(small, core=True) == ()
    assert pnr("ecp5").options_for(large) == ("--placer", "static")
    assert pnr("ecp5").options_for(large, core=True) == (
        "--placer", "static", "--router", "router2", "--tmg-ripup")
    for path in (small, large):
        assert pnr("ice40").options_for(path) == ("--router", "router2")
        assert pnr("gowin").options_for(path) == ()


def test_a_lut_memory_costs_as_many_luts_as_its_cell() -> None:
    assert get_family("ecp5").need_synthesis().luts["TRELLIS_DPR16X4"] == RAM_LUTS


class Counted:
    """A unit whose logic is counted, with one written memory that LUTs store."""

    name, kind = "fc0", "logic"

    def counted(self) -> tuple[int, int]:
        return 100, 50

    def features(self) -> dict[str, float]:
        return {}

    def memories(self) -> tuple[Memory, ...]:
        return (Memory("queue", 17, 9, "auto", True),)


def test_a_counted_unit_adds_its_queue_where_luts_are_memories() -> None:
    """17 words of 9 bits are 2 x 3 LUT memories of 16 words of 4 bits on ECP5."""
    cost = estimate(Counted(), get_device("ecp5"))
    assert (cost.lut, cost.ff, cost.block) == (100 + 6 * 6, 50, 0)
    cost = estimate(Counted(), get_device("ice40"))  # its queue goes to block RAM
    assert (cost.lut, cost.ff, cost.block) == (100, 50, 1)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = spec_from_file_location("unit_costs", BENCH / "unit_costs.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_estimates_are_not_biased(family: str, bench: ModuleType) -> None:
    """Over 25 units that were synthesised, errors cancel: a wrong factor would not."""
    estimated, measured = [], []
    for row in json.loads((BENCH / "unit_costs.json").read_text())[family].values():
        params, _ = bench.KINDS[row["kind"]](family, *row["size"])
        estimated.append(params.cost(get_device(family)).lut)
        measured.append(row["lut"])
    assert len(measured) >= 25
    assert sum(estimated) == pytest.approx(sum(measured), rel=0.08)
    assert median(e / m for e, m in zip(estimated, measured, strict=True) if m) == \
        pytest.approx(1, abs=0.05)
