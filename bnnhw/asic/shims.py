"""The neutral cells of a design (``bnnhw.emit.shims``) as cells of a library."""

from __future__ import annotations

import re

from bnnhw.asic.roles import Gate, Keeper, Roles
from bnnhw.emit.shims import SHIMS

__all__ = ["GATE_MARK", "flop_map", "latch_map", "mapped_shims", "needed_shims"]

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
        texts["bnnhw_dlatch"] = _latch(roles, roles.latch)
    if roles.gate is not None:
        texts["bnnhw_icg"] = _gate(roles.gate)
    elif roles.latch is not None:
        parts, texts["bnnhw_icg"] = _gate_of_latch(roles, roles.latch)
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
    if roles.latch is None:
        return ""
    return "".join(_rule(f"\\$_DLATCH_{sign}_", "E", sign == "P", roles.latch, roles)
                   for sign in "PN")


def flop_map(roles: Roles) -> str:
    """Techmap rule of Yosys for flip-flops that ``dfflibmap`` cannot map, or nothing."""
    return "" if roles.flop is None else _rule("\\$_DFF_P_", "C", True, roles.flop, roles)


def _rule(kind: str, control: str, high: bool, keeper: Keeper, roles: Roles) -> str:
    """One cell of Yosys as a cell of the library, with the inverters that it needs."""
    lines = [f"module {kind} (input {control}, input D, output Q);"]
    own, output = control, "Q"
    if high != keeper.high:
        own = "n"
        lines += ["  wire n;", f"  {roles.inverter.instance('invert', a=control, y='n')}"]
    if keeper.inverts:
        output = "q"
        lines += ["  wire q;", f"  {roles.inverter.instance('complement', a='q', y='Q')}"]
    lines.append(f"  {keeper.instance('_TECHMAP_REPLACE_', en=own, d='D', q=output)}")
    return "\n".join([*lines, "endmodule", ""])


def _latch(roles: Roles, latch: Keeper) -> str:
    enable = "en" if latch.high else "opened"
    invert = "" if latch.high else \
        f"  wire opened;\n  {roles.inverter.instance('invert', a='en', y='opened')}\n"
    # Logic takes the complement where it can: no cell is needed for it.
    output, complement = ("q", "") if not latch.inverts else \
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


def _gate(gate: Gate) -> str:
    # The test pin keeps the clock on, for scan; nothing scans here.
    test = {"test": "1'b0"} if "test" in gate.pins else {}
    own = gate.instance(GATE_MARK + "gate", clk="clk", en="en", gclk="gclk", **test)
    return f"module bnnhw_icg (input clk, input en, output gclk);\n  {own}\nendmodule\n"


def _gate_of_latch(roles: Roles, latch: Keeper) -> tuple[list[Gate], str]:
    """A latch that is open while the clock is low, and an AND or what makes one."""
    parts: list[Gate] = [latch]
    wires = ["low", "held", *(["stored"] if latch.inverts else []),
             *(["gated"] if roles.conjunction is None else [])]
    lines = ["module bnnhw_icg (input clk, input en, output gclk);", f"  wire {', '.join(wires)};"]

    def add(gate: Gate, name: str, **signals: str) -> None:
        parts.append(gate)
        lines.append("  " + gate.instance(GATE_MARK + name, **signals))

    if latch.high:
        add(roles.inverter, "inverter", a="clk", y="low")
    lines.append("  " + latch.instance(GATE_MARK + "latch", en="low" if latch.high else "clk",
                                       d="en", q="stored" if latch.inverts else "held"))
    if latch.inverts:
        add(roles.inverter, "complement", a="stored", y="held")
    if roles.conjunction is not None:
        add(roles.conjunction, "and", a="clk", b="held", y="gclk")
    else:
        add(roles.nand, "nand", a="clk", b="held", y="gated")
        add(roles.inverter, "and", a="gated", y="gclk")
    return parts, "\n".join([*lines, "endmodule", ""])


def _adder(name: str, adder: Gate, inputs: str) -> str:
    signals = {k: k for k in (*inputs, "s", "co")}
    ports = ", ".join(f"input {k}" for k in inputs)
    return f"module {name} ({ports}, output s, output co);\n" \
           f"  {adder.instance('adder', **signals)}\nendmodule\n"
