"""The netlist of a board, as placed and routed, in simulation: driven through its serial line."""

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
from bnnhw.sim.netlist_cells import PREPARE
from bnnhw.sim.netlist_text import read_module, to_verilog

__all__ = ["LEVELS", "Netlist", "netlist_board", "netlist_of"]

LEVELS = {"routed": "routed.json", "synthesised": "synthesised.json"}
"""Files of a build folder: what nextpnr placed and routed, and what Yosys synthesised."""


@dataclass(frozen=True)
class Netlist:
    """A board as cells of its FPGA.

    Attributes
    ----------
    verilog : str
        Instances of the cells, and models of them.
    top : str
        Top module; its ports are the pins of the board.
    level : str
        ``routed`` or ``synthesised``.
    family : str
    cells : dict of str to int
        Cells by type.
    divisor : int
        Clock cycles of a bit on the serial line.
    weights : tuple of (Path, int) or None
        What the board loads from its flash, and from where.
    """

    verilog: str
    top: str
    level: str
    family: str
    cells: dict[str, int]
    divisor: int
    weights: tuple[Path, int] | None = None

    def board(self, bit_error: float = 0.0) -> BoardModel:
        """Compile it, and power it on.

        Parameters
        ----------
        bit_error : float
            As of ``BoardModel``.
        """
        if self.weights is not None:
            return board_with_flash(self.verilog, self.divisor, *self.weights, netlist=True,
                                    bit_error=bit_error)
        return BoardModel(self.verilog, self.divisor, top=self.top, bit_error=bit_error)


def netlist_of(folder: Path, level: str | None = None) -> Netlist:
    """Read the netlist of a build folder.

    Parameters
    ----------
    folder : Path
        With ``board.json``, and ``routed.json`` or ``synthesised.json``.
    level : str or None
        Key of ``LEVELS``; None for what was routed, where the family has that, and else for what
        was synthesised.

    Raises
    ------
    ConfigError
        A file is missing or damaged, the family has no such level, or a cell cannot be simulated.
    ToolError
        There is no model of a cell.
    """
    built = load_board(folder)
    family = get_board(built.board).family
    models, name = family.need_simulation(), family.name
    level = level or ("routed" if models.routed else "synthesised")
    if level not in LEVELS:
        raise ConfigError(f"'{level}' is no level of a netlist", hint=f"use {' or '.join(LEVELS)}")
    if level == "routed" and not models.routed:
        raise ConfigError(f"what is placed and routed for {name} cannot be simulated",
                          hint="use level 'synthesised'")
    module = read_module(folder / LEVELS[level], (BOARD_TOP, "top"))
    if not {"clk", "uart_rx", "uart_tx"} <= module.ports.keys():
        raise ConfigError("is no netlist of a board", where=str(folder / LEVELS[level]),
                          hint="build the design again")
    cells = Counter(cell.kind for cell in module.cells.values())
    PREPARE[name](module)
    text = to_verilog(module, BOARD_TOP, lambda cell, port: models.opened(cell.kind, port))
    cells_text = cell_models(models.libraries, {cell.kind for cell in module.cells.values()},
                             models.models)
    weights = None if built.weights is None else (folder / WEIGHTS_FILE,
                                                  built.weights.flash.weights)
    return Netlist(f"{text}\n{cells_text}", BOARD_TOP, level, name, dict(cells), built.divisor,
                   weights)


def netlist_board(folder: Path, level: str | None = None) -> BoardModel:
    """Compile the netlist of a build folder, and power it on; arguments as of ``netlist_of``."""
    return netlist_of(folder, level).board()
