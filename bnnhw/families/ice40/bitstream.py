"""Compares an iCE40 bitstream with a routed netlist, by means of nextpnr's chip database."""

from __future__ import annotations

import itertools
import re

from bnnhw.errors import MismatchError
from bnnhw.families.cell_netlist import Cell, Module, difference

__all__ = ["compare", "switch_ends"]

# A logic cell has 20 bits in two rows of ten: positions of the LUT contents, lowest first, and
# flags.
LUT_BITS = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
FLAGS = {"CARRY_ENABLE": 8, "DFF_ENABLE": 9, "SET_NORESET": 18, "ASYNC_SR": 19}
CARRY_IN_SET = 1, 50
"""Row and column of the bit that sets the carry input of a tile."""

FIRST_COLUMN = 36
"""Column of the first bit of a logic cell."""


class _Bits:
    """An unpacked bitstream.

    Attributes
    ----------
    device : str
    tiles, logic : dict of (int, int) to list of str
        Rows of bits of all tiles, and of the tiles with logic cells.
    memories : dict of (int, int) to str
        Contents of block RAMs, lowest bit first.
    """

    def __init__(self, text: str) -> None:
        self.device = ""
        self.tiles: dict[tuple[int, int], list[str]] = {}
        self.logic: dict[tuple[int, int], list[str]] = {}
        self.memories: dict[tuple[int, int], str] = {}
        for block in re.split(r"^\.", text, flags=re.MULTILINE):
            head, *rows = block.split("\n")
            kind, *words = head.split() or [""]
            rows = [row for row in rows if row]
            if kind == "device":
                self.device = words[0]
            elif kind == "ram_data":
                self.memories[int(words[0]), int(words[1])] = "".join(
                    f"{int(row, 16):0256b}"[::-1] for row in rows)
            elif kind.endswith("_tile"):
                self.tiles[int(words[0]), int(words[1])] = rows
                if kind == "logic_tile":
                    self.logic[int(words[0]), int(words[1])] = rows


def compare(module: Module, text: str) -> tuple[int, int, int]:
    """Compare a netlist with the output of ``iceunpack``.

    Returns
    -------
    tuple of int
        Numbers of switches, LUTs and block RAMs.
    """
    # The database needs numpy, which nothing else of the family does: listing boards stays quick.
    from bnnhw.families.ice40.chip_database import Chip

    bits = _Bits(text)
    closed = Chip(bits.device).closed(bits.tiles)
    switches = {switch for route in module.routes.values() for switch in route.values() if switch}
    # LUTs also implement swapped inputs, and pass a signal through to their output.
    pass_throughs = {switch for switch in switches if re.search(r"_lut\.->.*:out$", switch)}
    in_luts = pass_throughs | {switch for switch in switches if switch.endswith("_lut")}
    for what, some in (("are not closed", switches - in_luts - closed),
                       ("are closed, but no net uses them", closed - switches)):
        if some:
            raise MismatchError(f"{len(some)} switches {what}, such as {min(some)}",
                                where="bitstream")
    cells = module.of_kind("ICESTORM_LC")
    used = {_compare_logic_cell(module, cell, bits.logic) for cell in cells}
    used |= {_check_pass_through(switch, switches, bits.logic) for switch in pass_throughs}
    for (x, y), rows in bits.logic.items():
        for z in range(8):
            if (x, y, z) not in used and "1" in _cell_bits(rows, z):
                raise MismatchError(f"X{x}/Y{y}/lc{z} is not a cell of the netlist",
                                    where="bitstream")
    blocks = module.of_kind("ICESTORM_RAM")
    for cell in blocks:
        _compare_block(module, cell, bits.memories)
    return len(closed), len(cells), len(blocks)


def switch_ends(switch: str) -> tuple[str, str] | None:
    """The wires of a switch such as ``X1/Y2/3.4.a.->.5.6.b``."""
    match = re.fullmatch(r"X\d+/Y\d+/(\d+)\.(\d+)\.(.+)\.->\.(\d+)\.(\d+)\.(.+)", switch)
    return match and (f"X{match[1]}/Y{match[2]}/{match[3]}", f"X{match[4]}/Y{match[5]}/{match[6]}")


def _cell_bits(rows: list[str], z: int) -> str:
    return "".join(rows[2 * z + k][FIRST_COLUMN:FIRST_COLUMN + 10] for k in range(2))


def _route(module: Module, cell: Cell, port: str) -> dict[str, str] | None:
    """Return the wires of the net at a port, each with its switch; None for an unconnected port."""
    bits = cell.ports.get(port)
    return module.routes.get(bits[0], {}) if bits and isinstance(bits[0], int) else None


def _compare_logic_cell(module: Module, cell: Cell,
                        tiles: dict[tuple[int, int], list[str]]) -> tuple[int, int, int]:
    """Compare the LUT contents and settings of a logic cell.

    The comparison takes into account which wire reaches which input of the LUT.
    """
    match = re.fullmatch(r"X(\d+)/Y(\d+)/lc(\d)", cell.attributes["NEXTPNR_BEL"])
    assert match is not None
    x, y, z = (int(group) for group in match.groups())
    here, rows = f"X{x}/Y{y}/", tiles[x, y]
    bits = _cell_bits(rows, z)
    pins: dict[int, int] = {}  # physical input of each logical input
    for k in range(4):
        route = _route(module, cell, f"I{k}")
        if route is None:
            continue
        switch = route.get(f"{here}lutff_{z}:in_{k}_lut")
        found = re.search(r"in_(\d)\.->", switch or "")
        if found is None:
            raise difference(cell, f"input {k}")
        pins[k] = int(found[1])
    contents = cell.parameters["LUT_INIT"][::-1]
    for values in itertools.product((0, 1), repeat=len(pins)):
        at = dict(zip(pins, values, strict=True))
        expected = contents[sum(value << k for k, value in at.items())]
        found_bit = bits[LUT_BITS[sum(value << pins[k] for k, value in at.items())]]
        if expected != found_bit:
            raise difference(cell, "LUT contents")
    if any(cell.parameters[name] != bits[position] for name, position in FLAGS.items()):
        raise difference(cell, "setting")
    if z == 0 and (cell.parameters["CIN_CONST"] == "1") and (
            rows[CARRY_IN_SET[0]][CARRY_IN_SET[1]] != cell.parameters["CIN_SET"]):
        raise difference(cell, "carry")
    wires = {"O": {f"lutff_{z}:out"}, "COUT": {f"lutff_{z}:cout"}, "LO": {f"lutff_{z}:lout"},
             "CLK": {"lutff_global:clk"}, "CEN": {"lutff_global:cen"}, "SR": {"lutff_global:s_r"},
             "CIN": {f"lutff_{z - 1}:cout"} if z else {"carry_in", "carry_in_mux"}}
    for port, names in wires.items():
        route = _route(module, cell, port)
        if route and not {here + name for name in names} & route.keys():
            raise difference(cell, f"port {port}")
    return x, y, z


def _check_pass_through(switch: str, switches: set[str],
                        tiles: dict[tuple[int, int], list[str]]) -> tuple[int, int, int]:
    """Check a LUT that passes one of its inputs through."""
    match = re.fullmatch(r"X(\d+)/Y(\d+)/(.*lutff_(\d):)in_(\d)_lut\.->.*:out", switch)
    assert match is not None
    x, y, z = int(match[1]), int(match[2]), int(match[4])
    begin, end = f"X{x}/Y{y}/{match[3]}in_", f".->.{match[3]}in_{match[5]}_lut"
    pins = [k for k in range(4) if f"{begin}{k}{end}" in switches]
    bits = _cell_bits(tiles[x, y], z)
    # The other inputs are unconnected, and read 0.
    if len(pins) != 1 or bits[LUT_BITS[0]] + bits[LUT_BITS[1 << pins[0]]] != "01" or (
            bits[FLAGS["DFF_ENABLE"]] != "0"):
        raise MismatchError(f"X{x}/Y{y}/lc{z} does not pass through the input of the netlist",
                            where="bitstream")
    return x, y, z


def _compare_block(module: Module, cell: Cell, memories: dict[tuple[int, int], str]) -> None:
    match = re.fullmatch(r"X(\d+)/Y(\d+)/ram", cell.attributes["NEXTPNR_BEL"])
    assert match is not None
    x, y = int(match[1]), int(match[2])
    expected = "".join(cell.parameters.get(f"INIT_{k:X}", "0")[::-1].ljust(256, "0")
                   for k in range(16))
    if expected.replace("x", "0") != memories.get((x, y), "0" * 4096):
        raise difference(cell, "contents")
    for port in cell.ports:
        route = _route(module, cell, port)
        if route and not {f"X{x}/Y{y + k}/ram:{port}" for k in range(2)} & route.keys():
            raise difference(cell, f"port {port}")
