"""Simulates the netlist of a board, as placed and routed, through its serial line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bnnhw.emit.board import BOARD_TOP, load_board
from bnnhw.emit.board_weights import WEIGHTS_FILE
from bnnhw.errors import ConfigError
from bnnhw.platforms import get_board
from bnnhw.sim.board import BoardModel, board_with_flash
from bnnhw.sim.cell_models import cell_models
from bnnhw.sim.netlist.module import read_module, to_verilog

__all__ = ["LEVELS", "Netlist", "load_netlist", "netlist_board"]

LEVELS = {"routed": "routed.json", "synthesised": "synthesised.json"}
"""Files of a build folder with the netlist after place and route, and after synthesis."""


@dataclass(frozen=True)
class Netlist:
    """A board as a netlist of FPGA cells.

    Attributes
    ----------
    verilog : str
        Module ``BOARD_TOP`` with the cells, whose ports are the pins of the board, and the models
        of the cells.
    level : str
        ``routed`` or ``synthesised``.
    family : str
        Device family.
    cells : dict of str to int
        Number of cells by type.
    divisor : int
        Clock cycles per bit on the serial line.
    weights : tuple of (Path, int) or None
        File with the contents of the flash, and the address at which they start.
    """

    verilog: str
    level: str
    family: str
    cells: dict[str, int]
    divisor: int
    weights: tuple[Path, int] | None = None

    def board(self, bit_error: float = 0.0) -> BoardModel:
        """Compile the netlist and power the board on.

        Parameters
        ----------
        bit_error : float
            As in ``BoardModel``.
        """
        if self.weights is not None:
            return board_with_flash(self.verilog, self.divisor, *self.weights, netlist=True,
                                    bit_error=bit_error)
        return BoardModel(self.verilog, self.divisor, bit_error=bit_error)


def load_netlist(folder: Path, level: str | None = None) -> Netlist:
    """Read the netlist of a build folder.

    Parameters
    ----------
    folder : Path
        Build folder with ``board.json``, and ``routed.json`` or ``synthesised.json``.
    level : str or None
        Key of ``LEVELS``. By default, the routed netlist if the family supports that, else the
        synthesised one.

    Raises
    ------
    ConfigError
        A file is missing or damaged, the level is not supported for the family, or a cell cannot be
        simulated.
    ToolError
        A cell has no model.
    """
    built = load_board(folder)
    family = get_board(built.board).family
    models, name = family.need_simulation(), family.name
    level = level or ("routed" if models.routed else "synthesised")
    if level not in LEVELS:
        raise ConfigError(f"'{level}' is not a level of a netlist",
                          hint=f"use {' or '.join(LEVELS)}")
    if level == "routed" and not models.routed:
        raise ConfigError(f"routed netlists of {name} cannot be simulated",
                          hint="use level 'synthesised'")
    module = read_module(folder / LEVELS[level], (BOARD_TOP, "top"))
    if not {"clk", "uart_rx", "uart_tx"} <= module.ports.keys():
        raise ConfigError("is not the netlist of a board", where=str(folder / LEVELS[level]),
                          hint="build the design again")
    cells = Counter(cell.kind for cell in module.cells.values())
    models.prepare(module)
    text = to_verilog(module, BOARD_TOP, lambda cell, port: models.opened(cell.kind, port))
    cells_text = cell_models(models.libraries, {cell.kind for cell in module.cells.values()},
                             models.models)
    weights = None if built.weights is None else (folder / WEIGHTS_FILE,
                                                  built.weights.flash.weights)
    return Netlist(f"{text}\n{cells_text}", level, name, dict(cells), built.divisor, weights)


def netlist_board(folder: Path) -> BoardModel:
    """Compile the netlist of a build folder and power the board on; see ``load_netlist``."""
    return load_netlist(folder).board()
