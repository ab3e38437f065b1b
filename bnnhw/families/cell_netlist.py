"""The data model of a flat netlist of FPGA cells, as Yosys and nextpnr write it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bnnhw.errors import MismatchError

__all__ = ["Bit", "Cell", "Module", "difference"]

Bit = int | str
"""A net by its number, or a constant: ``0``, ``1``, ``x`` or ``z``."""


@dataclass
class Cell:
    """A cell of a netlist.

    Attributes
    ----------
    kind : str
        Type of the cell.
    parameters : dict of str to str
        Values as in the JSON: a binary number of the digits 0, 1, x and z, or any other string.
    ports : dict of str to list of Bit
        Nets, lowest bit first; empty for an unconnected port.
    inputs : set of str
        Names of the input ports.
    attributes : dict of str to str
    """

    kind: str
    parameters: dict[str, str]
    ports: dict[str, list[Bit]]
    inputs: set[str]
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Module:
    """A flat netlist.

    Attributes
    ----------
    ports : dict of str to tuple of (str, list of Bit)
        Direction and nets of each port.
    cells : dict of str to Cell
    joined : list of tuple of (int, Bit)
        A net, and the net or constant that it is connected to.
    routes : dict of int to dict of str to str
        Wires on the chip of each routed net, with the switch that drives the wire; empty for the
        first wire.
    highest : int
        Highest number of a net.
    """

    ports: dict[str, tuple[str, list[Bit]]]
    cells: dict[str, Cell]
    joined: list[tuple[int, Bit]] = field(default_factory=list)
    routes: dict[int, dict[str, str]] = field(default_factory=dict)
    highest: int = 0

    def net(self) -> int:
        """Add a net and return its number."""
        self.highest += 1
        return self.highest

    def of_kind(self, *kinds: str) -> list[Cell]:
        """Return all cells of some types."""
        return [cell for cell in self.cells.values() if cell.kind in kinds]


def difference(cell: Cell, what: str) -> MismatchError:
    """The error to raise where a bitstream differs from a cell of the routed netlist."""
    return MismatchError(f"{what} of {cell.attributes['NEXTPNR_BEL']} is not that of the netlist",
                         where="bitstream")
