"""The open flow of each family behind synthesis. A new family is one entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.flow.ecp5_carry import ease_netlist
from bnnhw.platforms.base import Board

__all__ = ["FAMILIES", "Family", "get_family"]


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
    ease: Callable[[Path], int] | None = None


# Router 2 of nextpnr goes on where router 1 moves the same wires to and fro; on an iCE40, that is
# with two thirds of its cells taken. On an ECP5 of our sizes router 1 ends too, with faster paths.
FAMILIES: dict[str, Family] = {
    "ice40": Family(
        "nextpnr-ice40", ("--pcf", "{constraints}"), ("--router", "router2", "--asc", "board.asc"),
        "icepack", lambda board: ["board.asc", "board.bin"], "board.bin",
        {"lut": ("ICESTORM_LC",), "ff": (), "block": ("ICESTORM_RAM",)}),
    "ecp5": Family(
        "nextpnr-ecp5", ("--lpf", "{constraints}"),
        ("--textcfg", "board.config"), "ecppack",
        lambda board: [*board.part.pack, "--input", "board.config", "--bit", "board.bit"],
        "board.bit", {"lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "block": ("DP16KD",)},
        ease_netlist),
    "gowin": Family(
        "nextpnr-himbaechel", ("--vopt", "cst={constraints}"),
        (), "gowin_pack",
        lambda board: [*board.part.pack, "-o", "board.fs", "routed.json"], "board.fs",
        {"lut": ("LUT?", "ALU"), "ff": ("DFF*",),
         "block": ("SP", "SDP", "DP", "SPX9", "SDPX9", "DPX9", "pROM*")}),
}


def get_family(board: Board) -> Family:
    """The flow of a board's part."""
    return FAMILIES[board.part.family]
