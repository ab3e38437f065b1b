"""Modules cut at what they store: registers and latches, and the logic between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bnnhw.asic.boolean import Boolean, parse_boolean
from bnnhw.asic.cell import Cell
from bnnhw.asic.cover import Cover, Net
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.roles import Gate
from bnnhw.asic.shims import GATE_MARK
from bnnhw.asic.storage import as_storage
from bnnhw.errors import ConfigError

__all__ = ["Logic", "Stored", "cut_netlist", "cut_text"]

GATES = {kind: parse_boolean(text, kind) for kind, text in {
    "$_AND_": "A&B", "$_OR_": "A|B", "$_XOR_": "A^B", "$_NOT_": "!A", "$_BUF_": "A",
    "$_NAND_": "!(A&B)", "$_NOR_": "!(A|B)", "$_XNOR_": "!(A^B)", "$_ANDNOT_": "A&!B",
    "$_ORNOT_": "A|!B", "$_MUX_": "(S&B)|(!S&A)", "$_NMUX_": "!((S&B)|(!S&A))"}.items()}
"""Cells that Yosys simplifies to before mapping."""

STORES = {"$_DFF_P_": ("register", "C", True), "$_DFF_N_": ("register", "C", False),
          "$_DLATCH_P_": ("latch", "E", True), "$_DLATCH_N_": ("latch", "E", False)}
"""Kind, pin of the control, and whether it is plain."""

_REGISTER = re.compile(r"(.+)\$_\w*DFF\w*_")
"""Name of a register's cell: that of the wire that it drove before mapping, and its kind."""


@dataclass(frozen=True)
class Stored:
    """A register or latch.

    Attributes
    ----------
    kind : str
        ``register`` or ``latch``.
    control : Net
        A register takes its data where it rises; a latch is open while it is 1.
    data : Net
    forced : tuple of Net
        Nets of clear and preset, which have to be 0 for ever: then the rest is all that it does.
    """

    kind: str
    control: Net
    data: Net
    forced: tuple[Net, ...] = ()


@dataclass(frozen=True)
class Logic:
    """A module cut at what it stores.

    Attributes
    ----------
    covers : tuple of Cover
    stored : dict of Net to Stored
        By the net of what is held.
    names : dict of str to Net
        ``a[3]`` is a bit of ``a``, or a wire of that name.
    inputs, outputs : dict of str to Net
        By port and bit.
    """

    covers: tuple[Cover, ...]
    stored: dict[Net, Stored]
    names: dict[str, Net]
    inputs: dict[str, Net]
    outputs: dict[str, Net]


def cut_text(module: dict[str, Any]) -> Logic:
    """Cut what Yosys read of the Verilog: simple gates, registers and latches."""
    covers: list[Cover] = []
    stored: dict[Net, Stored] = {}
    for name, cell in module["cells"].items():
        pins = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
        if cell["type"] in STORES:
            kind, pin, plain = STORES[cell["type"]]
            control = pins[pin]
            if not plain:
                control = f"{name}.control"
                covers.append(Cover(GATES["$_NOT_"], {"A": pins[pin]}, control))
            stored[pins["Q"]] = Stored(kind, control, pins["D"])
        elif cell["type"] in GATES:
            function = GATES[cell["type"]]
            covers.append(Cover(function, {p: pins[p] for p in function.pins()}, pins["Y"]))
        elif cell["type"] != "$scopeinfo":
            raise _refuse(f"a cell {cell['type']}")
    return Logic(tuple(covers), stored, *_named(module))


def cut_netlist(mapped: Mapped) -> Logic:
    """Cut a netlist of a library's cells, by their Liberty functions."""
    covers: list[Cover] = []
    stored: dict[Net, Stored] = {}
    names, inputs, outputs = _named(mapped.netlist)
    for instance, described in mapped.netlist["cells"].items():
        cell = mapped.library.cells.get(described["type"])
        if cell is None:
            continue
        # An open pin is a net of its own, which may be anything.
        pins: dict[str, Net] = {pin: f"{instance}.{pin}" for pin in cell.inputs}
        pins |= {pin: bits[0] for pin, bits in described["connections"].items()
                 if bits and (isinstance(bits[0], int) or bits[0] in ("0", "1"))}
        held = f"{instance}.held"
        if cell.gating or cell.opaque:
            covers += _gate(cell, mapped.roles.gate, pins, held, stored)
        else:
            covers += _plain(cell, pins, held, stored)
        if held in stored:
            register = _REGISTER.fullmatch(instance)
            if register is not None:
                # A wire of that name may be logic by now, such as the complement of what is held.
                names[register[1]] = held
            for name in _instance_names(instance):
                names.setdefault(name, held)
    return Logic(tuple(covers), stored, names, inputs, outputs)


def _plain(cell: Cell, pins: dict[str, Net], held: str, stored: dict[Net, Stored]) -> list[Cover]:
    """Logic, or a register or latch of any polarity.

    What a cell is taken to hold has the sense of its data pin, as in the Verilog: where the cell
    stores the complement of its data, ``held`` is the complement of what the cell stores.
    """
    state, covers = cell.state, []
    if state is not None:
        if state.data is None or state.clock is None or len(state.variables) != 2:
            raise _refuse(f"a {cell.name} without data or clock")
        storage = as_storage(cell)
        flipped = storage is not None and storage.flipped
        complement = f"{held}.complement"
        covers.append(Cover(GATES["$_NOT_"], {"A": held}, complement))
        pins = pins | dict(zip(state.variables, (complement, held) if flipped else
                               (held, complement), strict=True))

        def net(function: Boolean, suffix: str) -> Net:
            if function.op == "pin":
                return pins[function.name]
            known = {pin: int(str(pins[pin])) for pin in function.pins() if pins[pin] in ("0", "1")}
            if len(known) == len(function.pins()):
                return str(function.value(known))
            covers.append(_cover(function, pins, held + suffix))
            return held + suffix

        data = state.data
        if flipped:
            data = data.terms[0] if data.op == "not" else Boolean("not", terms=(data,))
        stored[held] = Stored(
            "register" if state.kind == "ff" else "latch", net(state.clock, ".control"),
            net(data, ".data"), tuple(net(function, suffix) for function, suffix in (
                (state.clear, ".clear"), (state.preset, ".preset")) if function is not None))
    for output in cell.outputs:
        function = cell.pins[output].function
        if output not in pins:
            continue
        if function is None or cell.pins[output].three_state:
            raise _refuse(f"a {cell.name} without a plain function")
        covers.append(_cover(function, pins, pins[output]))
    return covers


def _gate(cell: Cell, gate: Gate | None, pins: dict[str, Net], held: str,
          stored: dict[Net, Stored]) -> list[Cover]:
    """A clock gate of the library: a latch that is open while the clock is low, and an AND."""
    if gate is None or gate.cell.name != cell.name:
        raise _refuse(f"a {cell.name}, whose state is not a plain one")
    role = {name: pins.get(pin, f"{held}.{name}") for name, pin in gate.pins.items()}
    low, data = f"{held}.control", f"{held}.data"
    stored[held] = Stored("latch", low, data)
    enable = GATES["$_OR_"] if "test" in role else GATES["$_BUF_"]
    wanted = {"A": role["en"]} | ({"B": role["test"]} if "test" in role else {})
    return [Cover(GATES["$_NOT_"], {"A": role["clk"]}, low), Cover(enable, wanted, data),
            Cover(GATES["$_AND_"], {"A": role["clk"], "B": held}, role["gclk"])]


def _cover(function: Boolean, pins: dict[str, Net], output: Net) -> Cover:
    return Cover(function, {p: pins[p] for p in function.pins()}, output)


def _instance_names(instance: str) -> list[str]:
    """What the Verilog calls the state of an instance that its neutral cell's wrapper made."""
    path, _, cell = instance.rpartition(".")
    if cell.startswith(GATE_MARK):
        return [f"{path}.held" if path else "held"]
    path, _, bit = path.rpartition(".")
    if cell == "latch" and bit.startswith("bits["):
        q = f"{path}.q" if path else "q"
        return [f"{q}{bit.removeprefix('bits')}", *([q] if bit == "bits[0]" else [])]
    return []


def _named(module: dict[str, Any]) -> tuple[dict[str, Net], dict[str, Net], dict[str, Net]]:
    """Nets by name, and those of the ports."""
    names: dict[str, Net] = {}
    for name, net in module["netnames"].items():
        for k, bit in enumerate(net["bits"]):
            names[name if len(net["bits"]) == 1 else f"{name}[{k}]"] = bit
    ports: dict[str, dict[str, Net]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        for k, bit in enumerate(port["bits"]):
            ports[port["direction"]][f"{name}[{k}]"] = bit
    return names, ports["input"], ports["output"]


def _refuse(what: str) -> ConfigError:
    return ConfigError(f"has {what}, which the proof does not know",
                       where="equivalence of the netlist")
