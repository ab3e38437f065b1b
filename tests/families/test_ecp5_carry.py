"""Tests that rewriting the carry chains of an ECP5 netlist keeps their function."""

import copy
import itertools
import json

import numpy as np
import pytest

from bnnhw.families.ecp5.carry import ease_carries, ease_netlist
from bnnhw.families.ecp5.writer import tied_high
from bnnhw.tools.tools import Tools


def half(table: int, pins: tuple[int, ...], carry: int) -> tuple[int, int]:
    """Sum and carry of a half of CCU2C (Yosys' ``ccu2c_sim.vh``)."""
    four = table >> (pins[0] + 2 * pins[1] + 4 * pins[2] + 8 * pins[3]) & 1
    two = table >> (pins[0] + 2 * pins[1]) & 1
    return four ^ carry, carry if four else two


@pytest.mark.parametrize("zeros", range(16))
def test_pins_may_read_1_in_place_of_0(zeros):
    rng = np.random.default_rng(zeros)
    for table in (0, 0xFFFF, *map(int, rng.integers(0, 1 << 16, 60))):
        other = tied_high(table, zeros)
        for values in itertools.product((0, 1), repeat=5):
            low = tuple(0 if zeros >> k & 1 else v for k, v in enumerate(values[:4]))
            high = tuple(1 if zeros >> k & 1 else v for k, v in enumerate(values[:4]))
            assert half(table, low, values[4]) == half(other, high, values[4])


def netlist(**first):
    """Two CCU2C, the first one with its pins and tables as given."""
    def cell(wires, **parameters):
        pins = {f"{pin}{k}": ["1"] for pin in "ABCD" for k in (0, 1)} | wires
        directions = {port: "output" if port in ("S0", "S1", "COUT") else "input" for port in pins}
        return {"type": "CCU2C", "port_directions": directions, "connections": pins,
                "parameters": {"INIT0": f"{0x9696:016b}", "INIT1": f"{0x9696:016b}"} | parameters}
    tables = {name: f"{first.pop(name):016b}" for name in ("INIT0", "INIT1") if name in first}
    cells = {"a": cell({"A0": [2], "CIN": ["0"], "COUT": [10], "S0": [11]} | first, **tables),
             "b": cell({"A0": [3], "CIN": [10], "COUT": [12], "S0": [13]})}
    ports = {"x": {"direction": "input", "bits": [2, 3]}, "y": {"direction": "output",
                                                               "bits": [11, 13]}}
    return {"modules": {"top": {"ports": ports, "cells": cells}}}


def pins_of(data, cell):
    return data["modules"]["top"]["cells"][cell]["connections"]


def test_a_carry_that_nothing_reads_becomes_open():
    data = netlist()
    assert ease_carries(data) == 1
    assert pins_of(data, "b")["COUT"] == ["x"]
    assert pins_of(data, "a")["COUT"] == [10] == pins_of(data, "b")["CIN"]


@pytest.mark.parametrize(("table", "opens"), [(0, True), (0x000F, True), (0x8000, False),
                                          (0x0100, True), (0x4000, False), (0x9696, False)])
def test_a_constant_carry_in_becomes_open_only_where_it_is_not_passed_on(table, opens):
    data = netlist(INIT0=table)  # A is a wire, the others read 1: rows 14 and 15
    ease_carries(data)
    assert pins_of(data, "a")["CIN"] == (["x"] if opens else ["0"])


def test_a_carry_from_another_cell_is_kept():
    data = netlist(INIT0=0, CIN=[3])
    ease_carries(data)
    assert pins_of(data, "a")["CIN"] == [3]


def test_a_second_time_finds_nothing():
    data = netlist(INIT0=0, B0=["0"], D1=["0"])
    assert ease_carries(data) == 4
    again = copy.deepcopy(data)
    assert ease_carries(again) == 0
    assert again == data


def test_additions_that_yosys_maps_keep_their_function(tmp_path):
    """Sums, differences and comparisons, proven equal after easing."""
    verilog = """module top(input [6:0] a, b, input [2:0] c, output [8:0] s, output [7:0] d,
                  output l); assign s = a + b + c; assign d = a - b; assign l = a < {c, b[3:0]};
                  endmodule"""
    (tmp_path / "top.v").write_text(verilog)
    tools = Tools()
    tools.run("yosys", ["-q", "-p", "read_verilog top.v; synth_ecp5 -noiopad -nowidelut -top top "
                        "-json top.json"], tmp_path)
    before = json.loads((tmp_path / "top.json").read_text())
    assert ease_netlist(tmp_path / "top.json") > 10
    after = json.loads((tmp_path / "top.json").read_text())
    assert before != after
    assert "0" not in {bit for cell in after["modules"]["top"]["cells"].values()
                       if cell["type"] == "CCU2C" for pin in ("A0", "B0", "C0", "D0", "A1", "B1",
                                                               "C1", "D1")
                       for bit in cell["connections"][pin]}
    # An open carry in is x, which no output may depend on; Yosys wants a wire for one that is out.
    for k, cell in enumerate(after["modules"]["top"]["cells"].values()):
        if cell["connections"].get("COUT") == ["x"]:
            cell["connections"]["COUT"] = [1_000_000 + k]
    (tmp_path / "top.json").write_text(json.dumps({"modules": {"top": after["modules"]["top"]}}))
    tools.run("yosys", ["-q", "-p", (
        "read_verilog top.v; hierarchy -top top; proc; opt; design -stash gold; "
        "read_json top.json; read_verilog +/ecp5/common_sim.vh "
        "+/ecp5/ccu2c_sim.vh; hierarchy -top top; proc; flatten; opt_clean; "
        "design -stash gate; design -copy-from gold -as gold top; "
        "design -copy-from gate -as gate top; miter -equiv -flatten gold gate both; "
        "hierarchy -top both; sat -verify -enable_undef -prove trigger 0 -set-def-inputs both")],
        tmp_path)
