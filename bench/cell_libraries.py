"""Compares the installed standard-cell libraries; part of ``bench/cells.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from buffered_core import core_of
from networks import write_network

from bnnhw.asic import (
    CellLibrary,
    Mapped,
    Netlist,
    analyse_timing,
    estimate_run,
    load_library,
    make_report,
    map_design,
    map_verilog,
    simulate_gates,
    sta_installed,
)
from bnnhw.asic.library import NAMED
from bnnhw.emit.generate import generate
from bnnhw.emit.verilog import convert
from bnnhw.families import get_device, get_target
from bnnhw.importers.network import load_network
from bnnhw.logic.popcount import popcount_verilog
from bnnhw.plan import Goal
from bnnhw.rtl.scm import Scm

__all__ = ["bench_libraries"]

CORE = "ni=2,no=2,kernel=3,depth=32,bank=16"
"""Parameters of a small core with a 3 x 3 kernel that is mapped within seconds."""


def bench_libraries(_: CellLibrary) -> list[dict[str, Any]]:
    """Area, speed and energy of small things in each library that is installed."""
    rows = []
    for name, named in NAMED.items():
        if named.liberty.exists() and named.lef.exists():
            rows += _library(load_library(name), name)
    return rows


def _library(library: CellLibrary, name: str) -> list[dict[str, Any]]:
    text = popcount_verilog("ours", 128, get_target("cells"), 0, False)
    popcount = map_verilog(text, "ours", library, buffered=False)
    scm = Scm(rows=128, width=12, gating=2)
    memory = map_verilog(convert(scm), scm.module_name, library, buffered=False)
    core = core_of(4, 2, 2, 3, CORE)
    mapped = map_design(core, library)
    rows = [("supply, V", library.voltage),
            ("XNOR and popcount of 128, GE per bit", round(popcount.gate_equivalents / 128, 2)),
            ("latch memory of 128 x 12, GE per bit", round(memory.gate_equivalents / 128 / 12, 2)),
            ("small core, kGE", round(make_report(core, mapped).kilo_gates, 2))]
    rows += [(f"small core, {what}", value) for what, value in _timing(mapped)]
    rows += _dense(library)
    return [{"what": f"{name}: {what}", "ours": value, "plain": "", "goal": "", "stretch goal": ""}
            for what, value in rows]


def _timing(mapped: Mapped) -> list[tuple[str, float]]:
    if not sta_installed():
        return []
    timing = analyse_timing(mapped, Netlist.of(mapped))
    hold = [] if timing.hold is None else [("hold slack, ns", round(timing.hold * 1e9, 3))]
    return [("MHz", round(1e-6 / timing.period)), *hold]


def _dense(library: CellLibrary) -> list[tuple[str, float]]:
    """Clock and energy of an unrolled network in gates, for random samples at a slow clock."""
    path = write_network("dense", "{shape: [64], type: bits}",
                         ["{dense: 16}", "{dense: 4, output: scores}"])
    design = generate(load_network(path), "unrolled", get_device("cells"), Goal())
    mapped = map_design(design, library)
    netlist = Netlist.of(mapped)
    x = np.random.default_rng(1).integers(0, 2, (20, 64))
    run = simulate_gates(design, mapped, netlist, x, toggles=True)
    assert run.mismatches == 0
    energy = estimate_run(design, mapped, netlist, run, "random samples")
    found = [(what, value) for what, value in _timing(mapped) if what == "MHz"]
    return [*((f"64-16-4 unrolled, {what}", value) for what, value in found),
            ("64-16-4 unrolled, fJ/Op", round(energy.operation * 1e15)),
            ("64-16-4 unrolled, E_FO4 per operation", round(energy.operation / energy.fo4, 2))]
