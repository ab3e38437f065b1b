"""Reads flat netlists of Yosys and nextpnr from JSON, and writes structural Verilog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from bnnhw.errors import ConfigError
from bnnhw.families import yosys_json
from bnnhw.families.cell_netlist import Bit, Cell, Module

__all__ = ["read_module", "to_verilog"]


def read_module(path: Path, names: Sequence[str]) -> Module:
    """Read a netlist.

    Parameters
    ----------
    path : Path
        Output of Yosys' ``write_json`` or nextpnr's ``--write``.
    names : sequence of str
        Possible names of the top module; the first one that exists is read.

    Raises
    ------
    ConfigError
        The file is missing or damaged, or is not a flat netlist.
    """
    try:
        modules = json.loads(path.read_bytes())["modules"]
        data = next(modules[name] for name in names if name in modules)
        module = _read(data)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path),
                          hint="build the design again, with place and route") from None
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        raise ConfigError("is not a netlist of Yosys or nextpnr", where=str(path),
                          hint="build the design again") from None
    instantiated = {cell.kind for cell in module.cells.values()} & {
        name for name, other in modules.items()
        if not {"blackbox", "whitebox"} & other.get("attributes", {}).keys()}
    if instantiated:
        raise ConfigError(f"is not flat: it has cells of module '{min(instantiated)}'",
                          where=str(path),
                          hint="synthesise without keep_hierarchy")
    return module


def _read(data: yosys_json.Module) -> Module:
    ports = {name: (str(port["direction"]), list(port["bits"]))
             for name, port in data["ports"].items()}
    cells = {}
    for name, cell in data["cells"].items():
        if cell["type"] == "$scopeinfo":  # remains of flattened modules
            continue
        cells[name] = Cell(
            str(cell["type"]), {key: str(value) for key, value in cell["parameters"].items()},
            {port: list(bits) for port, bits in cell["connections"].items()},
            {port for port, direction in cell["port_directions"].items() if direction == "input"},
            {key: str(value) for key, value in cell["attributes"].items()})
    nets = [bit for _, bits in ports.values() for bit in bits if isinstance(bit, int)]
    nets += [bit for cell in cells.values() for bits in cell.ports.values() for bit in bits
             if isinstance(bit, int)]
    routes = {}
    for net in data["netnames"].values():
        route = str(net["attributes"].get("ROUTING", "")).split(";")
        number = net["bits"][0]
        if len(route) > 2 and isinstance(number, int):
            routes[number] = dict(zip(route[::3], route[1::3], strict=False))
    return Module(ports, cells, [], routes, max(nets, default=0))


def to_verilog(module: Module, name: str, open_value: Callable[[Cell, str], str]) -> str:
    """Return a netlist as structural Verilog: a wire per net, an instance per cell.

    Parameters
    ----------
    module : Module
    name : str
        Name of the Verilog module.
    open_value : callable (Cell, str) -> str
        Value (``0`` or ``1``) of an unconnected input of a cell.
    """
    body: list[str] = []
    nets: set[int] = set()

    def text(bits: Sequence[Bit]) -> str:
        nets.update(bit for bit in bits if isinstance(bit, int))
        words = [f"n{bit}" if isinstance(bit, int) else f"1'b{bit}" for bit in reversed(bits)]
        return words[0] if len(words) == 1 else "{" + ", ".join(words) + "}"

    ports = []
    for port, (direction, bits) in module.ports.items():
        ports.append(f"{direction} [{len(bits) - 1}:0] {port}" if len(bits) > 1
                     else f"{direction} {port}")
        body.append(f"assign {text(bits)} = {port};" if direction == "input"
                    else f"assign {port} = {text(bits)};")
    body += [f"assign {text([net])} = {text([source])};" for net, source in module.joined]
    for number, cell in enumerate(module.cells.values()):
        wires = []
        for port, bits in cell.ports.items():
            if bits:
                wires.append(f".{port}({text(bits)})")
            elif port in cell.inputs:
                wires.append(f".{port}(1'b{open_value(cell, port)})")
        values = ", ".join(f".{key}({_value(value)})" for key, value in cell.parameters.items())
        settings = f" #({values})" if values else ""
        body.append(f"{cell.kind}{settings} c{number} ({', '.join(wires)});")
    wires_text = "".join(f"wire n{net};\n" for net in sorted(nets))
    return f"module {name}({', '.join(ports)});\n{wires_text}" + "\n".join(body) + "\nendmodule\n"


def _value(value: str) -> str:
    if re.fullmatch("[01xz]+", value):
        return f"{len(value)}'b{value}"
    # A string that looks like a number is followed by a space in the JSON.
    return json.dumps(value[:-1] if re.fullmatch("[01xz]* +", value) else value)
