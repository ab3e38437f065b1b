"""Behavioural Verilog of the neutral cells, which standard-cell flows replace by library cells.

A design with latches, clock gates or adder cells instantiates these modules. Its Verilog ends with
their behavioural models under ``ifndef BNNHW_CELLS``, for simulators and for tools that infer such
cells. The standard-cell flow defines ``BNNHW_CELLS`` and adds modules that instantiate the cells of
the library.
"""

from __future__ import annotations

import re

__all__ = ["SHIMS", "shims_used"]

SHIMS = {
    "bnnhw_dlatch": """\
// Transparent while en is 1.
module bnnhw_dlatch #(parameter WIDTH = 1) (input en, input [WIDTH-1:0] d,
                                           output reg [WIDTH-1:0] q);
`ifdef VERILATOR
  // Here latches that a clock opens settle before registers take their inputs; so that what a
  // register takes at that edge is what was there before, the latch opens by an event.
  reg open;
  always @(posedge en, negedge en) open <= en;
  always @* if (open) q = d;
`else
  always @* if (en) q = d;
`endif
endmodule
""",
    "bnnhw_icg": """\
// Lets through the clock pulses at whose beginning en is 1.
module bnnhw_icg (input clk, input en, output gclk);
  reg held;
  always @* if (!clk) held = en;
  assign gclk = clk & held;
endmodule
""",
    "bnnhw_fa": """\
// Full adder: a + b + c = s + 2 * co.
module bnnhw_fa (input a, input b, input c, output s, output co);
  assign s = a ^ b ^ c;
  assign co = (a & b) | (c & (a ^ b));
endmodule
""",
    "bnnhw_ha": """\
// Half adder: a + b = s + 2 * co.
module bnnhw_ha (input a, input b, output s, output co);
  assign s = a ^ b;
  assign co = a & b;
endmodule
""",
}
"""Behavioural model of each cell, by module name."""


def shims_used(verilog: str) -> str:
    """Models of the cells that a design instantiates, to be appended to it; empty if none."""
    used = [name for name in SHIMS if re.search(rf"\b{name}\b", verilog)]
    if not used:
        return ""
    return "\n`ifndef BNNHW_CELLS\n" + "\n".join(SHIMS[name] for name in used) + "`endif\n"
