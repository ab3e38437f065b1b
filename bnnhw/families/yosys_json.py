"""Types of the JSON netlists that Yosys and nextpnr write."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Bit", "Cell", "Module", "Net", "Netlist", "Port"]

Bit = int | str
"""Number of a net, or a constant: ``"0"``, ``"1"`` or ``"x"``."""


class Port(TypedDict):
    """A port of a module: its direction (``input``, ``output``, ``inout``) and its nets."""

    direction: str
    bits: list[Bit]


class Net(TypedDict):
    """A named net of a module; ``hide_name`` is 1 where Yosys made the name."""

    hide_name: int
    bits: list[Bit]
    attributes: dict[str, Bit]


class Cell(TypedDict):
    """A cell of a module."""

    hide_name: int
    type: str
    parameters: dict[str, Bit]
    attributes: dict[str, Bit]
    port_directions: dict[str, str]
    connections: dict[str, list[Bit]]


class Module(TypedDict):
    """A module; ports, cells and nets by their names."""

    attributes: dict[str, Bit]
    ports: dict[str, Port]
    cells: dict[str, Cell]
    netnames: dict[str, Net]


class Netlist(TypedDict):
    """A file of modules by their names; ``creator`` is the tool with its version."""

    creator: str
    modules: dict[str, Module]
