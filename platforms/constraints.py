"""Pins and clocks of a board as the place-and-route tools read them."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.errors import PlanError
from bnnhw.platforms.base import Board, Pin

__all__ = ["constraints", "ports"]


def ports(board: Board, flash: bool = False) -> dict[str, Pin]:
    """Ports of the module ``bnnhw_board``, with the pins that they are on; ``flash``: it reads
    weights."""
    found = {"clk": board.clock, "uart_rx": board.rx, "uart_tx": board.tx,
             **dict(board.held_high)}
    if flash:
        assert board.flash is not None
        found |= {"flash_cs": board.flash.cs, "flash_clk": board.flash.clk,
                  "flash_mosi": board.flash.mosi, "flash_miso": board.flash.miso,
                  **dict(board.flash.held_high)}
    return found


def _pcf(board: Board, flash: bool) -> str:
    lines = []
    for name, pin in ports(board, flash).items():
        pull = "-pullup yes " if pin.attributes.get("PULLUP") == "1" else ""
        lines.append(f"set_io {pull}{name} {pin.site}")
    lines.append(f"set_frequency clk {board.oscillator_hz / 1e6:g}")
    return "\n".join(lines) + "\n"


def _lpf(board: Board, flash: bool) -> str:
    lines = ["BLOCK ASYNCPATHS;", "BLOCK RESETPATHS;"]
    for name, pin in ports(board, flash).items():
        lines.append(f'LOCATE COMP "{name}" SITE "{pin.site}";')
        settings = "".join(f" {key}={value}" for key, value in pin.attributes.items())
        if settings:
            lines.append(f'IOBUF PORT "{name}"{settings};')
    lines.append(f'FREQUENCY PORT "clk" {board.oscillator_hz / 1e6:g} MHZ;')
    return "\n".join(lines) + "\n"


def _cst(board: Board, flash: bool) -> str:
    lines = []
    for name, pin in ports(board, flash).items():
        lines.append(f'IO_LOC "{name}" {pin.site};')
        settings = "".join(f" {key}={value}" for key, value in pin.attributes.items())
        if settings:
            lines.append(f'IO_PORT "{name}"{settings};')
    return "\n".join(lines) + "\n"


_WRITERS: dict[str, tuple[str, Callable[[Board, bool], str]]] = {
    "ice40": ("board.pcf", _pcf), "ecp5": ("board.lpf", _lpf), "gowin": ("board.cst", _cst),
}


def constraints(board: Board, flash: bool = False) -> tuple[str, str]:
    """Name and text of the constraint file of a board; ``flash``: it reads weights."""
    if board.part.family not in _WRITERS:
        raise PlanError(f"board '{board.name}' is of an unknown family '{board.part.family}'")
    name, write = _WRITERS[board.part.family]
    return name, write(board, flash)
