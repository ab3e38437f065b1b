"""Compares an ECP5 bitstream, as text of Project Trellis, with a routed netlist."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict

from bnnhw.errors import MismatchError
from bnnhw.families.cell_netlist import Cell, Module, difference

__all__ = ["compare", "switch_ends"]

# Connections without configuration bits: inside slices, block RAMs, PLLs and pads, and along carry
# chains and clock trees. Swapped inputs of a LUT are implemented by its contents.
FIXED = re.compile(
    r"\S*_(SLICE|EBR|PLL|PLLREFCS|PIO)<-\S+|\S+<-\S*_(SLICE|EBR|PLL|PLLREFCS|PIO)"
    r"|DI\d<-F\d|\S*HFIE\d+<-FCO|FCI<-HFIE\d+|\S*J[FQ]\d<-\S*JDI[A-D]|JPADD[OT][A-D]<-\S+"
    r"|\S*REFCLK\S*<-\S+|\S*JCLKFB\d<-\S+|\S+<-\S*JINCK|\S*JINCK<-\S+"
    r"|G_\S*[TBLR]DCC\S*<-\S+|\S+<-G_\S*[TBLR]DCC\S*")
# Switches that an empty bitstream closes, and a clock that reaches a PLL through several tiles.
ALWAYS = re.compile(r"G_DCS\dCLK\d<-G_\S+|\S*JECLK\d<-\S*SYNCECLK\d|\S+<-\S*CLKI_PLL\S*")
SWITCH = re.compile(r"X(\d+)/Y(\d+)/(-?\d+)_(-?\d+)_(.+?)->(-?\d+)_(-?\d+)_(.+)")
"""A switch of the routed netlist: its tile, then the relative position and name of both wires."""

PINS = "ABCD"
FULL = "1" * 16
"""Contents of a LUT that the bitstream does not mention."""


class _Bits:
    """An unpacked bitstream.

    Attributes
    ----------
    arcs : dict of str to set of str
        Closed switches by tile, as ``sink<-source``.
    words : dict of (str, str) to str
        Configuration words and settings by tile and name.
    memories : dict of int to list of int
        Contents of block RAMs in units of nine bits.
    """

    def __init__(self, text: str) -> None:
        self.arcs: dict[str, set[str]] = defaultdict(set)
        self.words: dict[tuple[str, str], str] = {}
        self.memories: dict[int, list[int]] = {}
        tile, memory = "", None
        for line in text.splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == ".bram_init":
                memory = self.memories.setdefault(int(words[1]), [])
            elif words[0].startswith("."):
                memory = None
                found = re.search(r"R\d+C\d+$", words[-1].partition(":")[0])
                tile = found[0] if found and words[0] == ".tile" else line
            elif memory is not None:
                memory += [int(word, 16) for word in words]
            elif words[0] == "arc:":
                self.arcs[tile].add(f"{words[1]}<-{words[2]}")
            elif words[0] in ("word:", "enum:"):
                self.words[tile, words[1]] = words[2]


def compare(module: Module, text: str) -> tuple[int, int, int]:
    """Compare a netlist with the output of ``ecpunpack``.

    Returns
    -------
    tuple of int
        Numbers of switches, LUTs and block RAMs.
    """
    bits = _Bits(text)
    luts = module.of_kind("TRELLIS_COMB")
    switches: dict[str, set[str]] = defaultdict(set)
    for switch in {s for route in module.routes.values() for s in route.values() if s}:
        tile, name = _local_name(switch)
        switches[tile].add(name)
    carries = {(_position(cell)[:3]) for cell in luts if cell.parameters.get("MODE") == "CCU2"}
    closed = 0
    for tile in sorted(switches.keys() | bits.arcs.keys()):
        missing = {name for name in switches[tile] - bits.arcs[tile] if not FIXED.fullmatch(name)}
        if missing:
            raise MismatchError(f"switch {min(missing)} in {tile} is not closed",
                                where="bitstream")
        other = {name for name in bits.arcs[tile] - switches[tile]
                 if not ALWAYS.fullmatch(name) and not _carry(carries, tile, name)}
        if other:
            raise MismatchError(f"switch {min(other)} in {tile} is closed, but no net uses it",
                                where="bitstream")
        closed += len(bits.arcs[tile] & switches[tile])
    used = {_compare_lut(module, cell, bits) for cell in luts}
    for tile, name in bits.words:
        if re.fullmatch(r"SLICE[A-D]\.K[01]\.INIT", name) and (tile, name) not in used:
            raise MismatchError(f"{name} in {tile} is not a cell of the netlist", where="bitstream")
    for cell in module.of_kind("TRELLIS_FF"):
        _compare_flip_flop(module, cell, bits)
    blocks = module.of_kind("DP16KD")
    for cell in blocks:
        _compare_block(module, cell, bits)
    return closed, len(luts), len(blocks)


def switch_ends(switch: str) -> tuple[str, str] | None:
    """The wires of a switch such as ``X1/Y2/-1_0_a->0_0_b``, whose positions are relative."""
    match = SWITCH.fullmatch(switch)
    if match is None:
        return None
    x, y = int(match[1]), int(match[2])
    return (f"X{x + int(match[3])}/Y{y + int(match[4])}/{match[5]}",
            f"X{x + int(match[6])}/Y{y + int(match[7])}/{match[8]}")


def _local_name(switch: str) -> tuple[str, str]:
    """Return the tile of a switch, and its name relative to that tile."""
    match = SWITCH.fullmatch(switch)
    assert match is not None
    ends = []
    for k in (3, 6):
        x, y, name = int(match[k]), int(match[k + 1]), match[k + 2]
        offset = (f"N{-y}" if y < 0 else f"S{y}" if y else "") + (
            f"W{-x}" if x < 0 else f"E{x}" if x else "")
        is_global = name.startswith(("G_", "L_", "R_"))
        ends.append(f"{offset}_{name}" if offset and not is_global else name)
    return f"R{match[2]}C{match[1]}", f"{ends[1]}<-{ends[0]}"


def _position(cell: Cell) -> tuple[str, str, str, int, str]:
    """Return column, row, slice, number in the tile, and tile of a cell in a slice."""
    match = re.fullmatch(r"X(\d+)/Y(\d+)/SLICE([A-D])\.(?:K|FF)(\d)",
                         cell.attributes["NEXTPNR_BEL"])
    assert match is not None
    x, y, slice_ = match[1], match[2], match[3]
    return x, y, slice_, 2 * PINS.index(slice_) + int(match[4]), f"R{y}C{x}"


def _carry(carries: set[tuple[str, str, str]], tile: str, name: str) -> bool:
    """Return whether a switch is part of the configuration of a carry cell."""
    match = re.fullmatch(r"F\d<-F(?:5|X)([A-D])_SLICE", name)
    position = re.fullmatch(r"R(\d+)C(\d+)", tile)
    return bool(match and position and (position[2], position[1], match[1]) in carries)


def _switch_at(module: Module, cell: Cell, port: str, wire: str) -> str | None:
    """Return the switch that drives the wire at a port; None for an unconnected port."""
    net = (cell.ports.get(port) or [""])[0]
    if not isinstance(net, int) or net not in module.routes:
        return None
    route = module.routes[net]
    here = cell.attributes["NEXTPNR_BEL"].rpartition("/")[0]
    if f"{here}/{wire}" not in route:
        raise difference(cell, f"port {port}")
    return route[f"{here}/{wire}"]


def _compare_lut(module: Module, cell: Cell, bits: _Bits) -> tuple[str, str]:
    """Compare the contents of a LUT, taking into account which wire reaches which input."""
    _, _, slice_, z, tile = _position(cell)
    key = tile, f"SLICE{slice_}.K{z % 2}.INIT"
    mode = cell.parameters.get("MODE", "LOGIC")
    wired = {"CCU2": "CCU2", "DPRAM": "DPRAM", "RAMW_BLOCK": "RAMW", "LOGIC": None}[mode]
    if bits.words.get((tile, f"SLICE{slice_}.MODE")) != wired:
        raise difference(cell, "mode")
    inject = bits.words.get((tile, f"SLICE{slice_}.CCU2.INJECT1_{z % 2}"), "YES")
    if mode == "CCU2" and cell.parameters.get("CCU2_INJECT1", "YES") != inject:
        raise difference(cell, "carry")
    pins: dict[int, int] = {}  # physical input of each logical input
    for k, pin in enumerate(PINS):
        switch = _switch_at(module, cell, pin, f"{pin}{z}_SLICE")
        if switch is not None:
            found = re.search(r"_([A-D])\d->", switch)
            if found is None:
                raise difference(cell, f"input {pin}")
            pins[k] = PINS.index(found[1])
    _switch_at(module, cell, "F", f"F{z}_SLICE")
    expected, found_bits = cell.parameters["INITVAL"][::-1], bits.words.get(key, FULL)[::-1]
    if mode == "RAMW_BLOCK":
        return key
    for values in itertools.product((0, 1), repeat=len(pins)):
        at = dict(zip(pins, values, strict=True))
        chip = {pins[k]: value for k, value in at.items()}
        # Unconnected inputs read 1.
        if expected[sum(at.get(k, 1) << k for k in range(4))] != (
                found_bits[sum(chip.get(k, 1) << k for k in range(4))]):
            raise difference(cell, "LUT contents")
    return key


def _compare_flip_flop(module: Module, cell: Cell, bits: _Bits) -> None:
    """Compare the configuration of a flip-flop: input, value after reset, and clock enable."""
    _, _, slice_, z, tile = _position(cell)
    direct = cell.parameters["SD"].strip()
    enable = {"CE": "CE", "INV": "INV"}.get(cell.parameters.get("CEMUX", "1"), "1")
    for name, default, value in ((f"REG{z % 2}.SD", "1", direct),
                                 (f"REG{z % 2}.REGSET", "SET", cell.parameters["REGSET"]),
                                 ("CEMUX", "CE", enable)):
        if bits.words.get((tile, f"SLICE{slice_}.{name}"), default) != value:
            raise difference(cell, name)
    pins = {"Q": f"Q{z}", "CE": f"CE{z // 2}", "CLK": f"CLK{z // 2}", "LSR": f"LSR{z // 2}",
            **({"DI": f"DI{z}"} if direct == "1" else {"M": f"M{z}"})}
    for port, wire in pins.items():
        _switch_at(module, cell, port, f"{wire}_SLICE")


def _compare_block(module: Module, cell: Cell, bits: _Bits) -> None:
    """Compare the initial contents of a block RAM, and the wires at its ports."""
    expected = []
    for k in range(64):
        value = int(cell.parameters.get(f"INITVAL_{k:02X}", "0").replace("x", "0"), 2)
        expected += [value >> 20 * (j // 2) + 9 * (j % 2) & 511 for j in range(32)]
    if bits.memories.get(int(cell.attributes["WID"], 2)) != expected:
        raise difference(cell, "contents")
    for port in cell.ports:
        _switch_at(module, cell, port, f"J{port}_EBR")
