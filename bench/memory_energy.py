"""Measures the energy per cycle of latch and flip-flop memories; part of ``bench/cells.py``.

Both memories have one clock gate for each row. They are simulated at gate level with the delays of
their cells, at the same clock. All rows are written with random words and read back. Signal edges
are counted after that: with the clock alone (idle: no enable, constant address and data), or with
one random row written or read in every cycle.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.asic import (
    CellLibrary,
    Energy,
    Netlist,
    Stimulus,
    estimate_energy,
    map_verilog,
)
from bnnhw.asic.gate_simulation import default_period, run_program
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.testbench import INPUT_DELAY, delayed_netlist
from bnnhw.asic.vcd import count_toggles
from bnnhw.emit.verilog import convert
from bnnhw.rtl.scm import Scm

ROWS, WIDTH, CYCLES = 128, 12, 200
WIRE = 5e-15
MODES = {"idle": "we = re = 0, address and data constant, clock runs",
         "write": "a random word to a random row in every cycle, re = 0",
         "read": "a random row in every cycle, we = 0"}
FLOPS = """module gated_flops(input clk, input rst, input we, input [{top}:0] waddr,
  input [{high}:0] wdata, input re, input [{top}:0] raddr, output [{high}:0] rdata);
  wire [{high}:0] shown [0:{rows} - 1];
  reg [{top}:0] chosen;
  always @(posedge clk) if (re) chosen <= raddr;
  genvar k;
  generate for (k = 0; k < {rows}; k = k + 1) begin : rows
    wire row_clk;
    reg [{high}:0] word;
    bnnhw_icg gate (.clk(clk), .en(we & waddr == k), .gclk(row_clk));
    always @(posedge row_clk) word <= wdata;
    assign shown[k] = word;
  end endgenerate
  assign rdata = shown[chosen];
endmodule
"""
BENCH = """`timescale 1ns/1ps
module bench;
  integer seed = 1, k, differ = 0;
  reg clk = 0, rst = 0, we = 0, re = 0;
  reg [{top}:0] waddr = 0, raddr = 0;
  reg [{high}:0] wdata = 0, words [0:{rows} - 1];
  wire [{high}:0] rdata;
  {name} dut (.clk(clk), .rst(rst), .we(we), .waddr(waddr), .wdata(wdata), .re(re),
    .raddr(raddr), .rdata(rdata));
  always #({half}) clk = ~clk;
  // Inputs change after the edge, as if registers drove them.
  task step; begin @(posedge clk); #({hold}); end endtask
  initial begin
    step;
    for (k = 0; k < {rows}; k = k + 1) begin
      we = 1; waddr = k; wdata = $random(seed); words[k] = wdata;
      step;
    end
    we = 0; re = 1;
    for (k = 0; k < {rows}; k = k + 1) begin
      raddr = k;
      step;
      @(negedge clk) if (rdata !== words[k]) differ = differ + 1;
    end
    re = 0;
    step; step;
    if (differ) $fatal(1, "%0d rows differ", differ);
    $dumpfile("nets.vcd"); $dumpvars(1, dut);
    for (k = 0; k < {cycles}; k = k + 1) begin
      if ($test$plusargs("write")) begin
        we = 1; waddr = $random(seed); wdata = $random(seed);
      end
      if ($test$plusargs("read")) begin re = 1; raddr = $random(seed); end
      step;
    end
    $finish;
  end
endmodule
"""


@dataclass(frozen=True)
class Candidate:
    """A memory mapped to cells."""

    name: str
    mapped: Mapped
    netlist: Netlist

    @classmethod
    def of(cls, text: str, name: str, library: CellLibrary) -> Candidate:
        mapped = map_verilog(text, name, library, buffered=False)
        return cls(name, mapped, Netlist.of(mapped, WIRE))


def energies(memory: Candidate, period: float) -> dict[str, Energy]:
    """Energy of each mode over ``CYCLES`` cycles, at a period in seconds."""
    half = round(period * 1e12 / 2) / 1000
    found = {}
    with tempfile.TemporaryDirectory(prefix="bnnhw-bench-") as scratch:
        folder = Path(scratch)
        (folder / "netlist.v").write_text(delayed_netlist(memory.mapped.flat, memory.netlist))
        (folder / "bench.v").write_text(BENCH.format(
            name=memory.name, rows=ROWS, cycles=CYCLES, top=(ROWS - 1).bit_length() - 1,
            high=WIDTH - 1, half=half, hold=f"{2 * INPUT_DELAY * half:.3f}"))
        run_program("iverilog", ["-g2005-sv", "-o", "bench.vvp", "bench.v", "netlist.v"], folder)
        for mode, stimulus in MODES.items():
            run_program("vvp", ["-n", "bench.vvp", f"+{mode}"], folder)
            found[mode] = estimate_energy(
                memory.netlist, memory.mapped.roles, count_toggles(folder / "nets.vcd"), [],
                Stimulus(stimulus, CYCLES, 0, period))
    return found


def picojoules(energy: Energy) -> dict[str, float]:
    """Energy per cycle in pJ by kind; leakage, at the simulated clock, is not in ``dynamic``."""
    return {kind: round(joules / CYCLES * 1e12, 4) for kind, joules in (
        ("dynamic", energy.switching + energy.internal), ("switching", energy.switching),
        ("internal", energy.internal), ("leakage", energy.leakage)) if joules is not None}


def bench_energy(library: CellLibrary) -> list[dict[str, Any]]:
    """Latches with two levels of clock gates, compared with flip-flops with one gate per row."""
    scm = Scm(rows=ROWS, width=WIDTH, gating=2, storage="latch")
    flops = FLOPS.format(rows=ROWS, high=WIDTH - 1, top=(ROWS - 1).bit_length() - 1)
    ours, plain = (Candidate.of(*pair, library) for pair in (
        (convert(scm), scm.module_name), (flops, "gated_flops")))
    period = max(default_period(ours.netlist), default_period(plain.netlist))
    left, right = energies(ours, period), energies(plain, period)
    rows = []
    for mode in MODES:
        goals = {"goal": "<= 0.2", "stretch goal": "<= 0.12"} if mode == "idle" else \
            {"goal": "", "stretch goal": ""}
        conditions = {key: left[mode].conditions[key]
                      for key in ("library", "voltage", "temperature", "stimulus", "wire")}
        rows.append({
            "what": f"{mode} energy of {ROWS} x {WIDTH}, of gated flip-flops",
            "ours": round(left[mode].dynamic / right[mode].dynamic, 3), "plain": 1.0, **goals,
            "ours_pj_per_cycle": picojoules(left[mode]),
            "plain_pj_per_cycle": picojoules(right[mode]),
            "cycles": CYCLES, "period_ns": round(period * 1e9, 3), **conditions,
            "scope": "estimate, before layout: no clock tree, both without buffers"})
    return rows
