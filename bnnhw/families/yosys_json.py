"""Types of the JSON netlists that Yosys and nextpnr write."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Bit", "Cell", "Module", "Net", "Netlist", "Port"]

Bit = int | str
"""Number of a net, or a constant: ``"0"``, ``"1"`` or ``"x"``."""


class Port(TypedDict):
    """A port of a module."""

    direction: str
    bits: list[Bit]


class Net(TypedDict):
    """A named net of a module."""

    bits: list[Bit]
    attributes: dict[str, Bit]


class Cell(TypedDict):
    """A cell of a module."""

    type: str
    parameters: dict[str, Bit]
    attributes: dict[str, Bit]
    port_directions: dict[str, str]
    connections: dict[str, list[Bit]]


class Module(TypedDict):
    """A module; ports, cells and nets by their names."""

    ports: dict[str, Port]
    cells: dict[str, Cell]
    netnames: dict[str, Net]


class Netlist(TypedDict):
    """A file of modules by their names."""

    modules: dict[str, Module]
