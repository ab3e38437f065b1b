"""Implements the neutral cells of a design (``bnnhw.emit.shims``) with cells of a library.

A generated design instantiates modules such as ``bnnhw_dlatch`` and ``bnnhw_icg`` without naming a
library. Here each of them becomes a Verilog wrapper around library cells.
"""

from __future__ import annotations

import re

from bnnhw.asic.roles import RoleCell, Roles, StorageCell
from bnnhw.emit.shims import SHIMS

__all__ = ["GATE_MARK", "flop_map", "latch_map", "mapped_shims", "needed_shims"]

GATE_MARK = "bnnhw_icg_"
"""Prefix of the instances that make up a clock gate, by which the area report recognises them."""


def needed_shims(verilog: str) -> list[str]:
    """Return the names of the neutral cells that a Verilog text instantiates."""
    return [name for name in SHIMS if re.search(rf"^\s*{name}\b", verilog, re.MULTILINE)]


def mapped_shims(roles: Roles) -> tuple[dict[str, str], dict[str, str]]:
    """Return the Verilog of each neutral cell, and a note for each that has a substitute.

    A note states which cells stand for a cell that the library does not have. Without a latch,
    ``bnnhw_dlatch`` and ``bnnhw_icg`` are missing from the result.
    """
    texts: dict[str, str] = {}
    fallbacks: dict[str, str] = {}
    if roles.latch is not None:
        texts["bnnhw_dlatch"] = _latch(roles, roles.latch)
    if roles.clock_gate is not None:
        texts["bnnhw_icg"] = _clock_gate(roles.clock_gate)
    elif roles.latch is not None:
        parts, texts["bnnhw_icg"] = _clock_gate_of_latch(roles, roles.latch)
        fallbacks["bnnhw_icg"] = "no clock gate in the library: each is " + \
            " + ".join(part.cell.name for part in parts)
    for name, what, adder, inputs in (("bnnhw_fa", "full", roles.full_adder, "abc"),
                                      ("bnnhw_ha", "half", roles.half_adder, "ab")):
        if adder is None:
            texts[name] = SHIMS[name]
            fallbacks[name] = f"no {what} adder in the library: each is mapped to gates"
        else:
            texts[name] = _adder(name, adder, inputs)
    return texts, fallbacks


def latch_map(roles: Roles) -> str:
    """Return Yosys techmap rules for inferred latches; empty if the library has no latch."""
    if roles.latch is None:
        return ""
    return "".join(_techmap_rule(f"\\$_DLATCH_{sign}_", "E", sign == "P", roles.latch, roles)
                   for sign in "PN")


def flop_map(roles: Roles) -> str:
    """Return the Yosys techmap rule for flip-flops that ``dfflibmap`` cannot map, or nothing."""
    return "" if roles.flop is None else _techmap_rule("\\$_DFF_P_", "C", True, roles.flop, roles)


def _techmap_rule(cell_type: str, control: str, active_high: bool, storage: StorageCell,
                  roles: Roles) -> str:
    """Return a state cell of Yosys as a library cell, with the inverters that it needs."""
    lines = [f"module {cell_type} (input {control}, input D, output Q);"]
    enable, output = control, "Q"
    if active_high != storage.active_high:
        enable = "n"
        lines += ["  wire n;", f"  {roles.inverter.instance('invert', a=control, y='n')}"]
    if storage.output_inverted:
        output = "q"
        lines += ["  wire q;", f"  {roles.inverter.instance('complement', a='q', y='Q')}"]
    lines.append(f"  {storage.instance('_TECHMAP_REPLACE_', en=enable, d='D', q=output)}")
    return "\n".join([*lines, "endmodule", ""])


def _latch(roles: Roles, latch: StorageCell) -> str:
    enable = "en" if latch.active_high else "opened"
    invert = "" if latch.active_high else \
        f"  wire opened;\n  {roles.inverter.instance('invert', a='en', y='opened')}\n"
    # Synthesis merges this complement into the logic that reads it, mostly without an inverter.
    output, complement = ("q", "") if not latch.output_inverted else \
        ("held", "  wire [WIDTH-1:0] held;\n  assign q = ~held;\n")
    bit = latch.instance("latch", en=enable, d="d[k]", q=f"{output}[k]")
    return f"""module bnnhw_dlatch #(parameter WIDTH = 1) (input en, input [WIDTH-1:0] d,
                                           output [WIDTH-1:0] q);
{invert}{complement}  genvar k;
  generate for (k = 0; k < WIDTH; k = k + 1) begin : bits
    {bit}
  end endgenerate
endmodule
"""


def _clock_gate(clock_gate: RoleCell) -> str:
    # The test pin forces the clock on during scan; the designs have no scan chains.
    test = {"test": "1'b0"} if "test" in clock_gate.pins else {}
    cell = clock_gate.instance(GATE_MARK + "gate", clk="clk", en="en", gclk="gclk", **test)
    return f"module bnnhw_icg (input clk, input en, output gclk);\n  {cell}\nendmodule\n"


def _clock_gate_of_latch(roles: Roles, latch: StorageCell) -> tuple[list[RoleCell], str]:
    """Build a clock gate from a latch, transparent while the clock is 0, and an AND.

    Returns
    -------
    list of RoleCell
        The cells that it consists of.
    str
        Its Verilog.
    """
    parts: list[RoleCell] = [latch]
    wires = ["low", "held", *(["stored"] if latch.output_inverted else []),
             *(["gated"] if roles.and2 is None else [])]
    lines = ["module bnnhw_icg (input clk, input en, output gclk);", f"  wire {', '.join(wires)};"]

    def add(part: RoleCell, name: str, **signals: str) -> None:
        parts.append(part)
        lines.append("  " + part.instance(GATE_MARK + name, **signals))

    if latch.active_high:
        add(roles.inverter, "inverter", a="clk", y="low")
    lines.append("  " + latch.instance(GATE_MARK + "latch",
                                       en="low" if latch.active_high else "clk", d="en",
                                       q="stored" if latch.output_inverted else "held"))
    if latch.output_inverted:
        add(roles.inverter, "complement", a="stored", y="held")
    if roles.and2 is not None:
        add(roles.and2, "and", a="clk", b="held", y="gclk")
    else:
        add(roles.nand2, "nand", a="clk", b="held", y="gated")
        add(roles.inverter, "and", a="gated", y="gclk")
    return parts, "\n".join([*lines, "endmodule", ""])


def _adder(name: str, adder: RoleCell, inputs: str) -> str:
    signals = {k: k for k in (*inputs, "s", "co")}
    ports = ", ".join(f"input {k}" for k in inputs)
    return f"module {name} ({ports}, output s, output co);\n" \
           f"  {adder.instance('adder', **signals)}\nendmodule\n"
