"""Replaces pads and block RAMs of a netlist by wires and by one common simulation model.

A family's ``CellModels.prepare`` calls these functions for cells that have no model.
"""

from __future__ import annotations

from dataclasses import dataclass

from bnnhw.errors import ConfigError
from bnnhw.families.cell_netlist import Bit, Cell, Module

__all__ = ["BEFORE", "NORMAL", "THROUGH", "BlockPort", "low_first", "remove_replaced",
           "replace_block", "replace_pad"]

NORMAL, THROUGH, BEFORE = "0", "1", "10"
"""Write modes of the block RAM model (``block_ram.v``): what a port reads
while it writes (its last data, the new data, or the old data)."""


def replace_pad(module: Module, cell: Cell, direction: str, pin: str, from_pin: str,
                to_pin: str) -> None:
    """Replace a pad by a wire.

    Parameters
    ----------
    module : Module
    cell : Cell
    direction : str
        ``input`` or ``output``.
    pin, from_pin, to_pin : str
        Ports of the cell: the pin, its value as an input, and the value that an output drives.

    Raises
    ------
    ConfigError
        The pad has another direction.
    """
    if direction not in ("input", "output"):
        raise ConfigError(f"pads of type {direction} cannot be simulated", where=cell.kind)
    ends = cell.ports[pin], cell.ports.get(from_pin if direction == "input" else to_pin)
    source, net = ends if direction == "input" else ends[::-1]
    if source and net:
        assert isinstance(net[0], int)
        module.joined.append((net[0], source[0]))
    cell.kind = ""


def remove_replaced(module: Module) -> None:
    """Remove cells that were replaced by wires."""
    module.cells = {name: cell for name, cell in module.cells.items() if cell.kind}


def low_first(value: str, width: int) -> str:
    """Return the binary digits of a value, lowest first, extended to a width."""
    return value[::-1].ljust(width, "0")


@dataclass(frozen=True)
class BlockPort:
    """A port of a block RAM: its width in bits, its write mode, and the nets of its pins.

    Address, data input and data output (``ad``, ``di``, ``do``) start with the lowest bit.
    """

    width: int
    mode: str
    clk: Bit
    ce: Bit
    we: Bit
    rst: Bit
    ad: list[Bit]
    di: list[Bit]
    do: list[Bit]


def replace_block(module: Module, cell: Cell, init: str, a: BlockPort, b: BlockPort) -> None:
    """Replace a block RAM by the model ``bnnhw_block_ram``.

    Parameters
    ----------
    module : Module
    cell : Cell
    init : str
        Initial contents, lowest bit first.
    a, b : BlockPort
        Both ports; a missing port is one whose clock does not run.
    """
    cell.kind = "bnnhw_block_ram"
    cell.parameters = {"INIT": init[::-1]}
    cell.ports = {}
    for side, port in zip("ab", (a, b), strict=True):
        cell.parameters |= {f"WIDTH_{side.upper()}": f"{port.width:b}",
                            f"MODE_{side.upper()}": port.mode}
        pins = {"clk": [port.clk], "ce": [port.ce], "we": [port.we], "rst": [port.rst],
                "ad": port.ad, "di": port.di + ["0"] * (36 - len(port.di)),
                "do": port.do + [module.net() for _ in range(36 - len(port.do))]}
        cell.ports |= {f"{name}_{side}": bits for name, bits in pins.items()}
    cell.inputs = {name for name in cell.ports if not name.startswith("do")}
