"""Cells that a design names and a library provides, and what they do, as plain Verilog.

A design with latches, clock gates or adders of cells instantiates these modules. Its text ends with
their behaviour under ``ifndef BNNHW_CELLS``, for simulators and for flows that infer such cells;
the flow of standard cells defines ``BNNHW_CELLS`` and brings modules that hold the library's own.
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
"""Behaviour of each cell, by module name."""


def shims_used(verilog: str) -> str:
    """Behaviour of the cells that a text instantiates, to be appended to it; or nothing."""
    used = [name for name in SHIMS if re.search(rf"\b{name}\b", verilog)]
    if not used:
        return ""
    return "\n`ifndef BNNHW_CELLS\n" + "\n".join(SHIMS[name] for name in used) + "`endif\n"
