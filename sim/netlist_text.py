"""A netlist as Yosys and nextpnr write it: read from JSON, written as Verilog of single wires."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bnnhw.errors import ConfigError

__all__ = ["Bit", "Cell", "Module", "read_module", "to_verilog"]

Bit = int | str
"""A net by its number, or a constant: 0, 1, x or z."""


@dataclass
class Cell:
    """A cell of a netlist.

    Attributes
    ----------
    kind : str
    parameters : dict of str to str
        Values as in the JSON: digits 0, 1, x and z are a binary number, all else is a string.
    ports : dict of str to list of Bit
        Lowest bit first; empty: open.
    inputs : set of str
        Those of its ports that take something.
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
        Direction and nets.
    cells : dict of str to Cell
    joined : list of tuple of (int, Bit)
        A net, and what it is the same as.
    routes : dict of int to dict of str to str
        For a net that is routed: its wires on the chip, each with the switch that drives it, none
        for the first.
    highest : int
        The highest number of a net.
    """

    ports: dict[str, tuple[str, list[Bit]]]
    cells: dict[str, Cell]
    joined: list[tuple[int, Bit]] = field(default_factory=list)
    routes: dict[int, dict[str, str]] = field(default_factory=dict)
    highest: int = 0

    def net(self) -> int:
        """A net that is not there yet."""
        self.highest += 1
        return self.highest

    def of_kind(self, *kinds: str) -> list[Cell]:
        """All cells of some types."""
        return [cell for cell in self.cells.values() if cell.kind in kinds]


def read_module(path: Path, names: Sequence[str]) -> Module:
    """Read a netlist.

    Parameters
    ----------
    path : Path
        What ``write_json`` of Yosys or ``--write`` of nextpnr wrote.
    names : sequence of str
        Names that its top module can have; the first that is there is taken.

    Raises
    ------
    ConfigError
        The file is missing, damaged, or no flat netlist.
    """
    try:
        modules = json.loads(path.read_bytes())["modules"]
        data = next(modules[name] for name in names if name in modules)
        module = _module(data)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          hint="build the design again, with place and route") from None
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise ConfigError("is no netlist of Yosys or nextpnr", where=str(path),
                          hint="build the design again") from None
    inside = {cell.kind for cell in module.cells.values()} & {
        name for name, other in modules.items()
        if not {"blackbox", "whitebox"} & other.get("attributes", {}).keys()}
    if inside:
        raise ConfigError(f"is not flat: it has cells of module '{min(inside)}'", where=str(path),
                          hint="synthesise without keep_hierarchy")
    return module


def _module(data: dict[str, Any]) -> Module:
    ports = {name: (str(port["direction"]), list(port["bits"]))
             for name, port in data["ports"].items()}
    cells = {}
    for name, cell in data["cells"].items():
        if cell["type"] == "$scopeinfo":  # names of modules that are no more
            continue
        cells[name] = Cell(
            str(cell["type"]), dict(cell["parameters"]),
            {port: list(bits) for port, bits in cell["connections"].items()},
            {port for port, way in cell["port_directions"].items() if way == "input"},
            dict(cell["attributes"]))
    nets = [bit for _, bits in ports.values() for bit in bits if isinstance(bit, int)]
    nets += [bit for cell in cells.values() for bits in cell.ports.values() for bit in bits
             if isinstance(bit, int)]
    routes = {}
    for net in data["netnames"].values():
        route = str(net["attributes"].get("ROUTING", "")).split(";")
        if len(route) > 2:
            routes[net["bits"][0]] = dict(zip(route[::3], route[1::3], strict=False))
    return Module(ports, cells, [], routes, max(nets, default=0))


def to_verilog(module: Module, name: str, opened: Callable[[Cell, str], str]) -> str:
    """Write a netlist as Verilog: every net is a wire, every cell an instance.

    Parameters
    ----------
    module : Module
    name : str
        Of the Verilog module.
    opened : callable
        What an input that is connected to nothing reads, 0 or 1, from its cell and its name.
    """
    body: list[str] = []
    nets: set[int] = set()

    def text(bits: Sequence[Bit]) -> str:
        nets.update(bit for bit in bits if isinstance(bit, int))
        words = [f"n{bit}" if isinstance(bit, int) else f"1'b{bit}" for bit in reversed(bits)]
        return words[0] if len(words) == 1 else "{" + ", ".join(words) + "}"

    ports = []
    for port, (way, bits) in module.ports.items():
        ports.append(f"{way} [{len(bits) - 1}:0] {port}" if len(bits) > 1 else f"{way} {port}")
        body.append(f"assign {text(bits)} = {port};" if way == "input"
                    else f"assign {port} = {text(bits)};")
    body += [f"assign {text([net])} = {text([source])};" for net, source in module.joined]
    for number, cell in enumerate(module.cells.values()):
        wires = []
        for port, bits in cell.ports.items():
            if bits:
                wires.append(f".{port}({text(bits)})")
            elif port in cell.inputs:
                wires.append(f".{port}(1'b{opened(cell, port)})")
        values = ", ".join(f".{key}({_value(value)})" for key, value in cell.parameters.items())
        settings = f" #({values})" if values else ""
        body.append(f"{cell.kind}{settings} c{number} ({', '.join(wires)});")
    wires_text = "".join(f"wire n{net};\n" for net in sorted(nets))
    return f"module {name}({', '.join(ports)});\n{wires_text}" + "\n".join(body) + "\nendmodule\n"


def _value(value: str) -> str:
    if re.fullmatch("[01xz]+", value):
        return f"{len(value)}'b{value}"
    # A string that looks like a number has a space behind it.
    return json.dumps(value[:-1] if re.fullmatch("[01xz]* +", value) else value)
