"""Rewrites the carry chains of an ECP5 netlist so that nextpnr places and routes them."""

from __future__ import annotations

import json
from pathlib import Path

from bnnhw.families.ecp5.writer import tied_high
from bnnhw.families.yosys_json import Bit, Cell, Module, Netlist

__all__ = ["EASED", "ease_carries", "ease_netlist"]

EASED = "carries eased, 1"
"""Part of the cache key of a routed netlist; the number changes with this module's results."""

CONSTANTS = ("0", "1")


def ease_netlist(path: Path) -> int:
    """Apply ``ease_carries`` to a netlist file that Yosys wrote as JSON; return its result."""
    data = json.loads(path.read_bytes())
    eased = ease_carries(data)
    path.write_text(json.dumps(data))
    return eased


def ease_carries(netlist: Netlist) -> int:
    """Remove unneeded constant wires and carry cells; returns the number of changes.

    Yosys and nextpnr use more wires and cells than needed for carry chains, also for those of plain
    additions:

    * An input pin that reads 0 is wired to one constant driver of the entire chip. This function
      ties the pin to 1, which needs no wire, and adapts the truth table.
    * nextpnr inserts a CCU2C before every chain whose carry input is connected, even to a constant.
      This function leaves a constant carry input open if the first half ignores it: a half
      propagates its carry input only where its truth table is 1 (Lattice TN1265).
    * nextpnr also inserts a CCU2C after every chain whose carry output is connected, even to
      nothing. This function leaves an unread carry output open.

    Parameters
    ----------
    netlist : dict
        Yosys' JSON, changed in place. An open pin is the constant ``x``: nextpnr requires the port.
    """
    return sum(_ease_module(module) for module in netlist["modules"].values())


def _ease_module(module: Module) -> int:
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


def _read(module: Module) -> set[Bit]:
    """Nets that an input of a cell or an output of the module reads."""
    read: set[Bit] = set()
    for cell in module["cells"].values():
        directions = cell["port_directions"]
        for port, bits in cell["connections"].items():
            if directions[port] != "output":
                read.update(bits)
    for outer in module["ports"].values():
        read.update(outer["bits"])
    return read


def _pins(cell: Cell, half: int) -> list[Bit]:
    """The nets or constants of the inputs A to D; an open pin reads 1."""
    return [(cell["connections"].get(f"{pin}{half}") or ["1"])[0] for pin in "ABCD"]


def _truth_table(cell: Cell, half: int) -> int:
    init = cell["parameters"][f"INIT{half}"]
    return init if isinstance(init, int) else int(init, 2)


def _tie_high(cell: Cell, half: int) -> int:
    """Tie pins that read 0 to 1, and adapt the truth table; returns the number of pins."""
    zeros = [k for k, bit in enumerate(_pins(cell, half)) if bit == "0"]
    if zeros:
        table = tied_high(_truth_table(cell, half), sum(1 << k for k in zeros))
        cell["parameters"][f"INIT{half}"] = f"{table:016b}"
        for k in zeros:
            cell["connections"]["ABCD"[k] + str(half)] = ["1"]
    return len(zeros)


def _first_half_is_0(cell: Cell) -> bool:
    """Whether the truth table of A0 to D0 is 0 for all values that these inputs can have."""
    table, pins = _truth_table(cell, 0), _pins(cell, 0)
    return not any(table >> row & 1 for row in range(16)
                   if all(bit not in CONSTANTS or int(bit) == row >> k & 1
                          for k, bit in enumerate(pins)))
