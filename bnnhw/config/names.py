"""Checks names of networks and layers, which become Verilog identifiers."""

from __future__ import annotations

import keyword
import re

__all__ = ["MAX_NAME", "NAME_PATTERN", "PIXELS", "check_name", "is_reserved"]

MAX_NAME = 40
"""Maximum length of a name."""

NAME_PATTERN = rf"^[A-Za-z][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}$"

PIXELS = "pixels"
"""Name of the layer that binarises the input at the key ``input.threshold``."""

_VERILOG = """
always and assign automatic begin bit buf bufif0 bufif1 byte case casex casez cell cmos config
const deassign default defparam design disable do edge else end endcase endconfig endfunction
endgenerate endmodule endprimitive endspecify endtable endtask enum event export final for force
forever fork function generate genvar highz0 highz1 if ifnone import incdir include initial inout
input instance int integer interface join large liblist library localparam logic longint
macromodule medium modport module nand negedge nmos nor noshowcancelled not notif0 notif1 or
output package packed parameter pmos posedge primitive program property pull0 pull1 pulldown pullup
pulsestyle_ondetect pulsestyle_onevent rcmos real realtime ref reg release repeat rnmos rpmos
rtran rtranif0 rtranif1 scalared sequence shortint shortreal showcancelled signed small specify
specparam static string strong0 strong1 struct supply0 supply1 table task time tran tranif0
tranif1 tri tri0 tri1 triand trior trireg type typedef union unsigned use vectored virtual void
wait wand weak0 weak1 while wire wor xnor xor
"""

_DESIGN = {"clk", "rst", "frame_error", "s_axis", "m_axis", PIXELS}

_RESERVED_PATTERN = re.compile(r"^(bnnhw|[sm]_axis)_|_[io]_(valid|ready|payload)$")
"""Pattern of the names that a generated design gives to its modules and wires."""

_RESERVED = frozenset(_VERILOG.split()) | _DESIGN | frozenset(keyword.kwlist)


def is_reserved(name: str) -> bool:
    """Whether Verilog, Python or the generated design itself uses a name."""
    return name in _RESERVED or _RESERVED_PATTERN.search(name) is not None


def check_name(name: str) -> str:
    """Return ``name``; raise ``ValueError`` if it is reserved."""
    if is_reserved(name):
        raise ValueError(f"'{name}' is a keyword of Verilog or Python, or a name of the generated "
                         "design; choose another name")
    return name
