"""The open flow of each family behind synthesis. A new family is one entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.device import Budget
from bnnhw.platforms.base import Board
from bnnhw.tools.ecp5_carry import ease_netlist

__all__ = ["FAMILIES", "Family", "Share", "get_family"]

Share = tuple[float, float]
"""Parts of the lookup tables (and flip-flops) and of the block RAM of a device."""

MOST_LUTS = 33_000
"""Lookup tables up to which nextpnr may end: of 28,900 it was seen to, after 45 minutes."""

LARGE = 15_000
"""Cells from which on a family takes its ways for large netlists: the usual ones take hours then,
or find no end."""


@dataclass(frozen=True)
class Family:
    """Commands of a family.

    Parameters
    ----------
    place : str
        Program that places and routes.
    pins, placed : tuple of str
        Its arguments for constraints and for what it makes; ``{constraints}`` is the file.
    pack : str
        Program that makes the bitstream.
    pack_arguments : callable
        Its arguments for a board.
    bitstream : str
        File that results.
    cells : dict of str to str
        Patterns of cell types of a placed netlist, by ``lut``, ``ff`` and ``block``.
    full : Share
        What ``--fit`` takes at most: the estimate of lookup tables errs, and wires need room.
        Of lookup tables not more than ``MOST_LUTS`` either.
    usual, large : tuple of str
        Placer and router for usual and for large netlists.
    large_logic : tuple of str
        Besides, for large netlists of logic alone: of an ECP5, TFC unrolled is at 160 MHz by that.
    ease : callable or None
        Changes the synthesised netlist so that it is easier to place and route.
    """

    place: str
    pins: tuple[str, ...]
    placed: tuple[str, ...]
    pack: str
    pack_arguments: Callable[[Board], list[str]]
    bitstream: str
    cells: dict[str, tuple[str, ...]]
    full: Share
    usual: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    large_logic: tuple[str, ...] = ()
    ease: Callable[[Path], int] | None = None

    def ways(self, netlist: Path, logic: bool = False) -> tuple[str, ...]:
        """Placer and router for a netlist, which may be ``logic`` alone, as arguments."""
        modules = json.loads(netlist.read_bytes())["modules"].values()
        cells = sum(not cell["type"].startswith("$")
                    for module in modules for cell in module["cells"].values())
        if cells <= LARGE:
            return self.usual
        return self.large + (self.large_logic if logic else ())

    def share(self, budget: Budget) -> Share:
        """What ``--fit`` takes of a part at most."""
        return min(self.full[0], MOST_LUTS / budget.luts), self.full[1]


# Router 2 of nextpnr goes on where router 1 moves the same wires to and fro; on an iCE40, that is
# with two thirds of its cells taken; it routes one with 97 % and 30 of 32 block RAMs. On an ECP5
# router 1 finds faster paths. With 12,000 tables and 149 block RAMs of an ECP5-85, wires of the
# static placer are a third shorter than those of the usual one, and router 1 ends behind it alone;
# router 2 was stopped at 14,900 wires taken twice.
_ROUTER2 = ("--router", "router2")

FAMILIES: dict[str, Family] = {
    "ice40": Family(
        "nextpnr-ice40", ("--pcf", "{constraints}"), ("--asc", "board.asc"),
        "icepack", lambda board: ["board.asc", "board.bin"], "board.bin",
        {"lut": ("ICESTORM_LC",), "ff": (), "block": ("ICESTORM_RAM",)}, (0.85, 0.95),
        usual=_ROUTER2, large=_ROUTER2),
    "ecp5": Family(
        "nextpnr-ecp5", ("--lpf", "{constraints}"),
        ("--textcfg", "board.config"), "ecppack",
        lambda board: [*board.part.pack, "--input", "board.config", "--bit", "board.bit"],
        "board.bit", {"lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "block": ("DP16KD",)},
        (0.85, 0.95), large=("--placer", "static"),
        large_logic=(*_ROUTER2, "--tmg-ripup"), ease=ease_netlist),
    "gowin": Family(
        "nextpnr-himbaechel", ("--vopt", "cst={constraints}"),
        (), "gowin_pack",
        lambda board: [*board.part.pack, "-o", "board.fs", "routed.json"], "board.fs",
        {"lut": ("LUT?", "ALU"), "ff": ("DFF*",),
         "block": ("SP", "SDP", "DP", "SPX9", "SDPX9", "DPX9", "pROM*")},
        (0.7, 0.95)),
}


def get_family(board: Board) -> Family:
    """The flow of a board's part."""
    return FAMILIES[board.part.family]
