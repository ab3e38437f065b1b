"""Rewrites the carry chains of an ECP5 netlist so that nextpnr places and routes them."""

from __future__ import annotations

import json
from pathlib import Path

from bnnhw.families.ecp5.writer import tied_high
from bnnhw.json_types import Json

__all__ = ["EASED", "ease_carries", "ease_netlist"]

EASED = "carries eased, 1"
"""What a cache knows the result by: another number when it changes."""

CONSTANTS = ("0", "1")


def ease_netlist(path: Path) -> int:
    """``ease_carries`` for a netlist that Yosys wrote as JSON."""
    data = json.loads(path.read_bytes())
    eased = ease_carries(data)
    path.write_text(json.dumps(data))
    return eased


def ease_carries(netlist: Json) -> int:
    """Take away wires and cells of carry chains that nothing depends on; returns how many.

    Three habits of Yosys and nextpnr cost much room, in our chains and in those of plain additions:

    * A pin that reads 0 is wired to one cell for the whole chip. Here it reads 1, which is there
      without a wire, and the table is another one.
    * In front of every chain whose carry in is connected, be it to a constant, comes one more
      CCU2C. Here a constant carry becomes open where the first half gives its own carry for every
      input: it passes the carry in only while its table of four inputs says 1 (Lattice TN1265).
    * Behind every chain whose carry out is connected, be it to nothing, comes one more as well.

    Parameters
    ----------
    netlist : dict
        Yosys' JSON, changed in place. Open is a constant ``x``: nextpnr asks for the port.
    """
    return sum(_ease_module(module) for module in netlist["modules"].values())


def _ease_module(module: Json) -> int:
    cells = [cell for cell in module["cells"].values() if cell["type"] == "CCU2C"]
    if not cells:
        return 0
    read, eased = _read(module), 0
    for cell in cells:
        wires = cell["connections"]
        eased += _tie_high(cell, 0) + _tie_high(cell, 1)
        if isinstance(out := wires.get("COUT", ["x"])[0], int) and out not in read:
            wires["COUT"] = ["x"]
            eased += 1
        if wires.get("CIN", ["x"])[0] in CONSTANTS and _first_half_is_0(cell):
            wires["CIN"] = ["x"]
            eased += 1
    return eased


def _read(module: Json) -> set[int | str]:
    """Bits that an input of a cell or an output of the module reads."""
    read: set[int | str] = set()
    for cell in module["cells"].values():
        ways = cell["port_directions"]
        for port, bits in cell["connections"].items():
            if ways[port] != "output":
                read.update(bits)
    for port in module["ports"].values():
        read.update(port["bits"])
    return read


def _pins(cell: Json, half: int) -> list[int | str]:
    """What A to D read; an open pin reads 1."""
    return [(cell["connections"].get(f"{pin}{half}") or ["1"])[0] for pin in "ABCD"]


def _table(cell: Json, half: int) -> int:
    said = cell["parameters"][f"INIT{half}"]
    return said if isinstance(said, int) else int(said, 2)


def _tie_high(cell: Json, half: int) -> int:
    """Let pins that read 0 read 1; returns how many."""
    zeros = [k for k, bit in enumerate(_pins(cell, half)) if bit == "0"]
    if zeros:
        table = tied_high(_table(cell, half), sum(1 << k for k in zeros))
        cell["parameters"][f"INIT{half}"] = f"{table:016b}"
        for k in zeros:
            cell["connections"]["ABCD"[k] + str(half)] = ["1"]
    return len(zeros)


def _first_half_is_0(cell: Json) -> bool:
    """Whether the table of A0 to D0 is 0 for every value that these can have."""
    table, pins = _table(cell, 0), _pins(cell, 0)
    return not any(table >> row & 1 for row in range(16)
                   if all(bit not in CONSTANTS or int(bit) == row >> k & 1
                          for k, bit in enumerate(pins)))
