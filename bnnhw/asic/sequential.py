"""Splits a sequential module into its state elements and the combinational logic between them.

Both sides of the equivalence check get this form: the Verilog as Yosys elaborates it, and the
mapped netlist by the Liberty functions of its cells. State elements are flip-flops, latches, and
the latch inside each clock gate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bnnhw.asic.assignments import Assignment, Net
from bnnhw.asic.boolean import Boolean, parse_boolean
from bnnhw.asic.cell import Cell
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.roles import RoleCell
from bnnhw.asic.shims import GATE_MARK
from bnnhw.asic.storage import as_storage
from bnnhw.errors import ConfigError
from bnnhw.families.yosys_json import Module

__all__ = ["SequentialModule", "StateElement", "split_netlist", "split_verilog"]

GATES = {kind: parse_boolean(text, kind) for kind, text in {
    "$_AND_": "A&B", "$_OR_": "A|B", "$_XOR_": "A^B", "$_NOT_": "!A", "$_BUF_": "A",
    "$_NAND_": "!(A&B)", "$_NOR_": "!(A|B)", "$_XNOR_": "!(A^B)", "$_ANDNOT_": "A&!B",
    "$_ORNOT_": "A|!B", "$_MUX_": "(S&B)|(!S&A)", "$_NMUX_": "!((S&B)|(!S&A))"}.items()}
"""Functions of the combinational cells that Yosys uses before technology mapping."""

STATE_CELLS = {"$_DFF_P_": ("register", "C", True), "$_DFF_N_": ("register", "C", False),
               "$_DLATCH_P_": ("latch", "E", True), "$_DLATCH_N_": ("latch", "E", False)}
"""Kind of each state cell of Yosys, its control pin, and whether that pin is active high."""

_REGISTER = re.compile(r"(.+)\$_\w*DFF\w*_")
"""Instance name of a register: the wire that it drove before mapping, then the Yosys cell."""


@dataclass(frozen=True)
class StateElement:
    """A register or latch.

    Attributes
    ----------
    kind : str
        ``register`` or ``latch``.
    control : Net
        A register samples its data at the rising edge of this net; a latch is transparent while
        it is 1.
    data : Net
    forced : tuple of Net
        Nets of asynchronous clear and preset. The proof shows that they are always 0, so that
        they need no separate model.
    """

    kind: str
    control: Net
    data: Net
    forced: tuple[Net, ...] = ()


@dataclass(frozen=True)
class SequentialModule:
    """A module split at its state elements.

    Attributes
    ----------
    assignments : tuple of Assignment
        Combinational logic.
    state : dict of Net to StateElement
        State elements by the net of the stored bit.
    names : dict of str to Net
        Nets by name; ``a[3]`` is a bit of the wire ``a``, or a wire of that name.
    inputs, outputs : dict of str to Net
        Nets of the ports by port and bit.
    """

    assignments: tuple[Assignment, ...]
    state: dict[Net, StateElement]
    names: dict[str, Net]
    inputs: dict[str, Net]
    outputs: dict[str, Net]


def split_verilog(module: Module) -> SequentialModule:
    """Split a module that Yosys has reduced to simple gates, registers and latches.

    Raises
    ------
    ConfigError
        The module has a cell of another kind.
    """
    assignments: list[Assignment] = []
    state: dict[Net, StateElement] = {}
    for name, cell in module["cells"].items():
        pins = {pin: bits[0] for pin, bits in cell["connections"].items() if bits}
        if cell["type"] in STATE_CELLS:
            kind, pin, active_high = STATE_CELLS[cell["type"]]
            control = pins[pin]
            if not active_high:
                control = f"{name}.control"
                assignments.append(Assignment(GATES["$_NOT_"], {"A": pins[pin]}, control))
            state[pins["Q"]] = StateElement(kind, control, pins["D"])
        elif cell["type"] in GATES:
            assignments.append(_assign(GATES[cell["type"]], pins, pins["Y"]))
        elif cell["type"] != "$scopeinfo":
            raise _unsupported(f"the Verilog contains a cell {cell['type']}")
    return SequentialModule(tuple(assignments), state, *_named_nets(module))


def split_netlist(mapped: Mapped) -> SequentialModule:
    """Split a mapped netlist by the Liberty functions of its cells.

    Raises
    ------
    ConfigError
        A cell stores more than a register, latch or clock gate does.
    """
    assignments: list[Assignment] = []
    state: dict[Net, StateElement] = {}
    names, inputs, outputs = _named_nets(mapped.netlist)
    for instance, described in mapped.netlist["cells"].items():
        cell = mapped.library.cells.get(described["type"])
        if cell is None:
            continue
        # An unconnected pin gets a separate net, which may have any value.
        pins: dict[str, Net] = {pin: f"{instance}.{pin}" for pin in cell.inputs}
        pins |= {pin: bits[0] for pin, bits in described["connections"].items()
                 if bits and (isinstance(bits[0], int) or bits[0] in ("0", "1"))}
        stored = f"{instance}.held"
        if cell.gating or cell.opaque:
            assignments += _split_clock_gate(cell, mapped.roles.clock_gate, pins, stored, state)
        else:
            assignments += _split_cell(cell, pins, stored, state)
        if stored in state:
            register = _REGISTER.fullmatch(instance)
            if register is not None:
                # The wire of that name may be logic by now, such as the complement of the state.
                names[register[1]] = stored
            for name in _state_names(instance):
                names.setdefault(name, stored)
    return SequentialModule(tuple(assignments), state, names, inputs, outputs)


def _split_cell(cell: Cell, pins: dict[str, Net], stored: str,
                state: dict[Net, StateElement]) -> list[Assignment]:
    """Return the logic of a cell, and enter its register or latch of any polarity into ``state``.

    The stored bit has the polarity of the data pin, as in the Verilog: where the cell stores the
    complement of its data, ``stored`` is the complement of the cell's state variable.
    """
    storage_group, assignments = cell.state, []
    if storage_group is not None:
        data, clock = storage_group.data, storage_group.clock
        if data is None or clock is None or len(storage_group.variables) != 2:
            raise _unsupported(f"cell {cell.name} has no data or no clock function")
        storage = as_storage(cell)
        inverted = storage is not None and storage.stores_complement
        complement = f"{stored}.complement"
        assignments.append(Assignment(GATES["$_NOT_"], {"A": stored}, complement))
        variables = (complement, stored) if inverted else (stored, complement)
        pins = pins | dict(zip(storage_group.variables, variables, strict=True))

        def net(function: Boolean, suffix: str) -> Net:
            if function.op == "pin":
                return pins[function.name]
            known = {pin: int(str(pins[pin])) for pin in function.pins() if pins[pin] in ("0", "1")}
            if len(known) == len(function.pins()):
                return str(function.value(known))
            assignments.append(_assign(function, pins, stored + suffix))
            return stored + suffix

        if inverted:
            data = data.terms[0] if data.op == "not" else Boolean("not", terms=(data,))
        state[stored] = StateElement(
            "register" if storage_group.kind == "ff" else "latch", net(clock, ".control"),
            net(data, ".data"), tuple(net(function, suffix) for function, suffix in (
                (storage_group.clear, ".clear"), (storage_group.preset, ".preset"))
                if function is not None))
    for output in cell.outputs:
        function = cell.pins[output].function
        if output not in pins:
            continue
        if function is None or cell.pins[output].three_state:
            raise _unsupported(f"output {output} of cell {cell.name} has no two-state function")
        assignments.append(_assign(function, pins, pins[output]))
    return assignments


def _split_clock_gate(cell: Cell, clock_gate: RoleCell | None, pins: dict[str, Net], stored: str,
                      state: dict[Net, StateElement]) -> list[Assignment]:
    """Return the logic of an integrated clock gate: a latch, open while the clock is 0, and an AND.

    The latch is entered into ``state``.
    """
    if clock_gate is None or clock_gate.cell.name != cell.name:
        raise _unsupported(f"the state of cell {cell.name} is not one flip-flop or latch")
    role = {name: pins.get(pin, f"{stored}.{name}") for name, pin in clock_gate.pins.items()}
    enable, data = f"{stored}.control", f"{stored}.data"
    state[stored] = StateElement("latch", enable, data)
    function = GATES["$_OR_"] if "test" in role else GATES["$_BUF_"]
    inputs = {"A": role["en"]} | ({"B": role["test"]} if "test" in role else {})
    return [Assignment(GATES["$_NOT_"], {"A": role["clk"]}, enable),
            Assignment(function, inputs, data),
            Assignment(GATES["$_AND_"], {"A": role["clk"], "B": stored}, role["gclk"])]


def _assign(function: Boolean, pins: dict[str, Net], output: Net) -> Assignment:
    return Assignment(function, {p: pins[p] for p in function.pins()}, output)


def _state_names(instance: str) -> list[str]:
    """Names in the Verilog of the state that a mapped latch or clock gate stores.

    The instance comes from the wrapper module of a neutral cell (``shims.py``), whose internal
    names differ from those of the behavioural description in the Verilog.
    """
    path, _, cell = instance.rpartition(".")
    if cell.startswith(GATE_MARK):
        return [f"{path}.held" if path else "held"]
    path, _, bit = path.rpartition(".")
    if cell == "latch" and bit.startswith("bits["):
        q = f"{path}.q" if path else "q"
        return [f"{q}{bit.removeprefix('bits')}", *([q] if bit == "bits[0]" else [])]
    return []


def _named_nets(module: Module) -> tuple[dict[str, Net], dict[str, Net], dict[str, Net]]:
    """Return the nets of all wires, of the input ports and of the output ports, by name."""
    names: dict[str, Net] = {}
    for name, net in module["netnames"].items():
        for k, bit in enumerate(net["bits"]):
            names[name if len(net["bits"]) == 1 else f"{name}[{k}]"] = bit
    ports: dict[str, dict[str, Net]] = {"input": {}, "output": {}}
    for name, port in module["ports"].items():
        for k, bit in enumerate(port["bits"]):
            ports[port["direction"]][f"{name}[{k}]"] = bit
    return names, ports["input"], ports["output"]


def _unsupported(what: str) -> ConfigError:
    return ConfigError(f"{what}; the proof supports logic, flip-flops, latches and clock gates",
                       where="equivalence of the netlist")
