"""Compares a bitstream with the routed netlist it was made from: switches, LUTs and memories."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bnnhw.emit.board import BOARD_TOP, load_board
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.families.cell_netlist import Bit, Module
from bnnhw.families.flow import Unpacker
from bnnhw.platforms import get_board
from bnnhw.sim.netlist.boards import LEVELS
from bnnhw.sim.netlist.module import read_module
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
    flow = fpga.need_flow()
    unpacker = flow.unpacker
    if unpacker is None:
        raise ConfigError(f"bitstreams for {fpga.name} cannot be unpacked")
    module = read_module(folder / LEVELS["routed"], (BOARD_TOP, "top"))
    source = folder / flow.packer.file
    with tempfile.TemporaryDirectory(prefix="bnnhw-bits-") as scratch:
        try:
            shutil.copyfile(source, Path(scratch) / "bits")
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(source),
                              hint="build the design again") from None
        Tools().run(unpacker.tool, unpacker.arguments, Path(scratch))
        text = (Path(scratch) / "text").read_text()
    _check_trees(module, unpacker)
    return Compared(*unpacker.compare(module, text))


def _check_trees(module: Module, unpacker: Unpacker) -> None:
    """Check that every net with a driver and a sink is a single tree of wires."""
    def in_clock_tree(wire: str) -> bool:
        return wire.split("/")[2].startswith(unpacker.clock_tree)

    driven: set[Bit] = set()
    used: set[Bit] = set()
    for cell in module.cells.values():
        for name, bits in cell.ports.items():
            (used if name in cell.inputs else driven).update(bits)
    for net, route in module.routes.items():
        if net not in driven or net not in used:
            continue
        roots = [wire for wire, switch in route.items() if not switch]
        others = [wire for wire in roots if not in_clock_tree(wire)]
        if len(others) != (1 if others == roots else 0):
            raise MismatchError(f"net {net} has {len(roots)} roots, expected one",
                                where="routed.json")
        for wire, switch in route.items():
            if switch:
                source, sink = _ends(unpacker, switch)
                if sink != wire or not (source in route or in_clock_tree(source)):
                    raise MismatchError(f"wire {wire} of net {net} is not connected to its "
                                        "driver", where="routed.json")


def _ends(unpacker: Unpacker, switch: str) -> tuple[str, str]:
    """Return the source and the sink of a switch."""
    ends = unpacker.switch_ends(switch)
    if ends is None:
        raise MismatchError(f"has a switch that cannot be read: {switch}", where="routed.json")
    return ends
