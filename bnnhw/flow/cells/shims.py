"""The neutral cells of a design (``bnnhw.emit.shims``) as cells of a library."""

from __future__ import annotations

import re

from bnnhw.emit.shims import SHIMS
from bnnhw.flow.cells.roles import Gate, Roles

__all__ = ["GATE_MARK", "latch_map", "mapped_shims", "needed_shims"]

GATE_MARK = "bnnhw_icg_"
"""Names of the cells that make up a clock gate begin so, that a report can tell them."""


def needed_shims(verilog: str) -> list[str]:
    """Shims that a text instantiates; some only where ``SYNTHESIS`` is defined."""
    return [name for name in SHIMS if re.search(rf"^\s*{name}\b", verilog, re.MULTILINE)]


def mapped_shims(roles: Roles) -> tuple[dict[str, str], dict[str, str]]:
    """Verilog of each shim, and a sentence for each that the library has no cell for.

    ``bnnhw_dlatch`` and ``bnnhw_icg`` are missing where there is no latch.
    """
    texts: dict[str, str] = {}
    fallbacks: dict[str, str] = {}
    if roles.latch is not None:
        texts["bnnhw_dlatch"] = _latch(roles)
    if roles.gate is not None:
        texts["bnnhw_icg"] = _gate(roles.gate)
    elif roles.latch is not None:
        texts["bnnhw_icg"] = _gate_of_latch(roles)
        parts = [roles.latch, roles.inverter, roles.conjunction] if roles.latch.high else \
            [roles.latch, roles.conjunction]
        fallbacks["bnnhw_icg"] = "no clock gate in the library: each is " + \
            " + ".join(part.cell.name for part in parts)
    for name, adder, outputs in (("bnnhw_fa", roles.full, "abc"), ("bnnhw_ha", roles.half, "ab")):
        if adder is None:
            texts[name] = SHIMS[name]
            what = "full" if outputs == "abc" else "half"
            fallbacks[name] = f"no {what} adder in the library: each is mapped to gates"
        else:
            texts[name] = _adder(name, adder, outputs)
    return texts, fallbacks


def latch_map(roles: Roles) -> str:
    """Techmap rules of Yosys for latches that it infers, or nothing without a latch."""
    latch = roles.latch
    if latch is None:
        return ""
    text = ""
    for sign in "PN":
        plain = (sign == "P") == latch.high
        invert = "" if plain else \
            f"  wire n;\n  {roles.inverter.instance('invert', a='E', y='n')}\n"
        own = latch.instance("_TECHMAP_REPLACE_", en="E" if plain else "n", d="D", q="Q")
        text += f"module \\$_DLATCH_{sign}_ (input E, input D, output Q);\n" \
                f"{invert}  {own}\nendmodule\n"
    return text


def _latch(roles: Roles) -> str:
    latch = roles.latch
    assert latch is not None
    enable = "en" if latch.high else "opened"
    invert = "" if latch.high else \
        f"  wire opened;\n  {roles.inverter.instance('invert', a='en', y='opened')}\n"
    bit = latch.instance("latch", en=enable, d="d[k]", q="q[k]")
    return f"""module bnnhw_dlatch #(parameter WIDTH = 1) (input en, input [WIDTH-1:0] d,
                                           output [WIDTH-1:0] q);
{invert}  genvar k;
  generate for (k = 0; k < WIDTH; k = k + 1) begin : bits
    {bit}
  end endgenerate
endmodule
"""


def _gate(gate: Gate) -> str:
    # The test pin keeps the clock on, for scan; nothing scans here.
    test = {"test": "1'b0"} if "test" in gate.pins else {}
    own = gate.instance(GATE_MARK + "gate", clk="clk", en="en", gclk="gclk", **test)
    return f"module bnnhw_icg (input clk, input en, output gclk);\n  {own}\nendmodule\n"


def _gate_of_latch(roles: Roles) -> str:
    latch = roles.latch
    assert latch is not None
    low = "low" if latch.high else "clk"
    invert = roles.inverter.instance(GATE_MARK + "inverter", a="clk", y="low")
    lines = ["module bnnhw_icg (input clk, input en, output gclk);", "  wire low, held;",
             *([f"  {invert}"] if latch.high else []),
             "  " + latch.instance(GATE_MARK + "latch", en=low, d="en", q="held"),
             "  " + roles.conjunction.instance(GATE_MARK + "and", a="clk", b="held", y="gclk"),
             "endmodule", ""]
    return "\n".join(lines)


def _adder(name: str, adder: Gate, inputs: str) -> str:
    signals = {k: k for k in (*inputs, "s", "co")}
    ports = ", ".join(f"input {k}" for k in inputs)
    return f"module {name} ({ports}, output s, output co);\n" \
           f"  {adder.instance('adder', **signals)}\nendmodule\n"
