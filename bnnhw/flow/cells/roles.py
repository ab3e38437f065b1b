"""Cells by what they do: the ones that a design names, whatever a library calls them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from bnnhw.errors import ConfigError
from bnnhw.flow.cells.boolean import Boolean
from bnnhw.flow.cells.cell import Cell
from bnnhw.flow.cells.library import CellLibrary

__all__ = ["KINDS", "Gate", "Latch", "Roles", "find_roles", "input_load", "kind_of"]

KINDS = ("FA", "HA", "latch", "ICG", "flop", "logic")
"""What the cells of a report are counted as."""

XOR3, MAJORITY, XOR2, AND2, NAND2 = 0b10010110, 0b11101000, 0b0110, 0b1000, 0b0111
INVERT, REPEAT = 0b01, 0b10


@dataclass(frozen=True)
class Gate:
    """A cell and the pins of its role, by the role's own names."""

    cell: Cell
    pins: dict[str, str]

    @property
    def strength(self) -> float:
        """Most that its output may drive, in capacitance units; 0 where that is not said."""
        return self.cell.pins[self.cell.outputs[0]].max_capacitance

    def instance(self, name: str, **signals: str) -> str:
        """Verilog of an instance; signals by the role's names."""
        ports = ", ".join(f".{self.pins[role]}({signal})" for role, signal in signals.items())
        return f"{self.cell.name} {name}({ports});"


@dataclass(frozen=True)
class Latch(Gate):
    """A latch without reset: pins ``en``, ``d``, ``q``; ``high`` where it is open at 1."""

    high: bool


@dataclass(frozen=True)
class Roles:
    """Cells of a library by their roles.

    Attributes
    ----------
    nand, inverter, conjunction : Gate
        NAND2 (the gate that areas are counted in), inverter (``a``, ``y``), AND2.
    buffer : Gate or None
        The one that drives most for its area.
    latch : Latch or None
    gate : Gate or None
        Clock gate for rising edges: ``clk``, ``en``, ``gclk`` and, where it has one, ``test``.
    full, half : Gate or None
        Adders: ``a``, ``b``, ``c``, ``s``, ``co``.
    """

    nand: Gate
    inverter: Gate
    conjunction: Gate
    buffer: Gate | None
    latch: Latch | None
    gate: Gate | None
    full: Gate | None
    half: Gate | None


def find_roles(library: CellLibrary) -> Roles:
    """Find the smallest cell of each role.

    Raises
    ------
    ConfigError
        There is no NAND2, inverter or flip-flop, without which nothing can be mapped.
    """
    cells = library.usable()

    def need(gate: Gate | None, what: str) -> Gate:
        if gate is None:
            raise ConfigError(f"has no {what}", where=f"library {library.name}",
                              hint="name a library of standard cells")
        return gate

    nand = need(_logic(cells, NAND2), "cell with two inputs that is a NAND")
    inverter = need(_logic(cells, INVERT), "inverter")
    conjunction = need(_logic(cells, AND2), "cell with two inputs that is an AND")
    if not any(c.state is not None and c.state.kind == "ff" for c in cells):
        raise ConfigError("has no flip-flop", where=f"library {library.name}")
    return Roles(nand, inverter, conjunction, _buffer(cells),
                 next(filter(None, map(_as_latch, cells)), None),
                 next(filter(None, map(_as_gate, cells)), None),
                 next((full for c in cells if (full := _as_adder(c, 3))), None),
                 next((half for c in cells if (half := _as_adder(c, 2))), None))


def input_load(roles: Roles, library: CellLibrary) -> float:
    """Farads of an input of the smallest NAND2, mean of both."""
    nand = roles.nand
    return sum(nand.cell.pins[nand.pins[k]].capacitance for k in "ab") / 2 * library.capacitance


def kind_of(cell: Cell) -> str:
    """One of ``KINDS``."""
    if cell.gating:
        return "ICG"
    if cell.state is not None or cell.opaque:
        return "latch" if cell.state is not None and cell.state.kind == "latch" else "flop"
    if _as_adder(cell, 3) is not None:
        return "FA"
    return "HA" if _as_adder(cell, 2) is not None else "logic"


def _plain(cell: Cell) -> bool:
    return cell.state is None and not cell.gating and not cell.opaque and \
        all(p.function is not None and not p.three_state for p in cell.pins.values()
            if p.direction == "output")


def _logic(cells: list[Cell], table: int) -> Gate | None:
    """The smallest cell with one output of a symmetric function."""
    names = ("a", "b") if table > 3 else ("a",)
    for cell in cells:
        if not _plain(cell) or len(cell.outputs) != 1 or len(cell.inputs) != len(names):
            continue
        function = cell.pins[cell.outputs[0]].function
        assert function is not None
        if set(function.pins()) <= set(cell.inputs) and function.table(cell.inputs) == table:
            return Gate(cell, {**dict(zip(names, cell.inputs, strict=True)), "y": cell.outputs[0]})
    return None


def _buffer(cells: list[Cell]) -> Gate | None:
    buffers = [gate for cell in cells if (gate := _logic([cell], REPEAT)) is not None]
    return max(buffers, key=lambda gate: gate.strength / gate.cell.area, default=None)


def _as_adder(cell: Cell, inputs: int) -> Gate | None:
    """A full adder (3) or a half adder (2); both outputs are symmetric in the inputs."""
    if not _plain(cell) or len(cell.outputs) != 2 or len(cell.inputs) != inputs:
        return None
    wanted = (XOR3, MAJORITY) if inputs == 3 else (XOR2, AND2)
    for sum_, carry in permutations(cell.outputs):
        functions = [cell.pins[p].function for p in (sum_, carry)]
        tables = [f.table(cell.inputs) for f in functions
                  if f is not None and set(f.pins()) <= set(cell.inputs)]
        if tuple(tables) == wanted:
            return Gate(cell, {**dict(zip("abc"[:inputs], cell.inputs, strict=True)),
                               "s": sum_, "co": carry})
    return None


def _as_latch(cell: Cell) -> Latch | None:
    state = cell.state
    if cell.gating or cell.opaque or state is None or state.kind != "latch" or state.clear or \
            state.preset or state.data is None or state.clock is None:
        return None
    enable, high = _literal(state.clock)
    data, true = _literal(state.data)
    output = next((p for p in cell.outputs if cell.pins[p].function ==
                   Boolean("pin", state.variables[0])), None)
    if output is None or not true or {enable, data} != set(cell.inputs):
        return None
    return Latch(cell, {"en": enable, "d": data, "q": output}, high)


def _as_gate(cell: Cell) -> Gate | None:
    """A clock gate that is closed while its clock is low, without an output to observe."""
    if not cell.gating.startswith("latch_posedge") or "obs" in cell.gating:
        return None
    pins = {}
    for role, flag in (("clk", "clock_gate_clock_pin"), ("en", "clock_gate_enable_pin"),
                       ("gclk", "clock_gate_out_pin"), ("test", "clock_gate_test_pin")):
        found = next((p.name for p in cell.pins.values() if flag in p.flags), None)
        if found is not None:
            pins[role] = found
    used = set(pins.values())
    if not {"clk", "en", "gclk"} <= pins.keys() or not used >= {*cell.inputs, *cell.outputs}:
        return None
    return Gate(cell, pins)


def _literal(function: Boolean) -> tuple[str, bool]:
    """A pin and whether it is plain; nothing for anything larger."""
    if function.op == "pin":
        return function.name, True
    if function.op == "not":
        name, plain = _literal(function.terms[0])
        return name, not plain
    return "", True
