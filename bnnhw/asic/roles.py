"""Cells by what they do: the ones that a design names, whatever a library calls them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from bnnhw.asic.cell import Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.storage import Storage, as_storage, literal
from bnnhw.errors import ConfigError

__all__ = ["KINDS", "Gate", "Keeper", "Roles", "find_roles", "input_load", "kind_of",
           "why_no_latch"]

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
class Keeper(Gate):
    """A cell that keeps a bit, used as a plain latch or flip-flop: pins ``en``, ``d`` and ``q``.

    Attributes
    ----------
    high : bool
        A latch is open while ``en`` is 1; a flip-flop takes its data at the rising edge.
    inverts : bool
        The output ``q`` is the complement of what was at ``d``.
    ties : dict of str to int
        Constants for all other inputs.
    """

    high: bool
    inverts: bool
    ties: dict[str, int]

    @classmethod
    def of(cls, storage: Storage) -> Keeper:
        return cls(storage.cell, {"en": storage.control, "d": storage.data, "q": storage.output},
                   storage.high, storage.inverts, storage.ties)

    def instance(self, name: str, **signals: str) -> str:
        """Verilog of an instance; signals by the role's names, other inputs at their constants."""
        ports = [f".{self.pins[role]}({signal})" for role, signal in signals.items()]
        ports += [f".{pin}(1'b{bit})" for pin, bit in self.ties.items()]
        return f"{self.cell.name} {name}({', '.join(ports)});"


@dataclass(frozen=True)
class Roles:
    """Cells of a library by their roles.

    Attributes
    ----------
    nand, inverter : Gate
        NAND2 (the gate that areas are counted in), inverter (``a``, ``y``).
    conjunction : Gate or None
        AND2.
    buffer : Gate or None
        The one that drives most for its area.
    latch : Keeper or None
    flop : Keeper or None
        Flip-flop for all registers, where the library has none that Yosys maps to by itself.
    complements : bool
        Whether a flip-flop may be chosen that has the complement of its data alone, so that the
        wire of a register is logic after mapping.
    gate : Gate or None
        Clock gate for rising edges: ``clk``, ``en``, ``gclk`` and, where it has one, ``test``.
    full, half : Gate or None
        Adders: ``a``, ``b``, ``c``, ``s``, ``co``.
    """

    nand: Gate
    inverter: Gate
    conjunction: Gate | None
    buffer: Gate | None
    latch: Keeper | None
    flop: Keeper | None
    complements: bool
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

    where = f"library {library.name}"

    def need(table: int, what: str) -> Gate:
        gate = _logic(cells, table)
        if gate is None:
            drawn = any(cell.area > 0 for cell in library.cells.values())
            raise ConfigError(f"has no {what}" if drawn else "gives no area of any cell",
                              where=where, hint="give the Liberty files of all its standard cells "
                              "(--cells, several times if there are several files)" if drawn
                              else "give the LEF file of the cells (--lef)")
        return gate

    nand = need(NAND2, "cell with two inputs that is a NAND")
    inverter = need(INVERT, "inverter")
    flop = None
    mapped = [cell for cell in cells if _mapped_by_yosys(cell)]
    complements = any(storage is None or storage.inverts for storage in map(as_storage, mapped))
    if not mapped:
        flop = _keeper(cells, "ff", inverter)
        if flop is None:
            raise ConfigError(f"has no flip-flop{_unusable(library, 'ff')}", where=where,
                              hint="name a library with flip-flops")
        complements = flop.inverts
    return Roles(nand, inverter, _logic(cells, AND2), _buffer(cells),
                 _keeper(cells, "latch", inverter), flop, complements,
                 next(filter(None, map(_as_gate, cells)), None),
                 next((full for c in cells if (full := _as_adder(c, 3))), None),
                 next((half for c in cells if (half := _as_adder(c, 2))), None))


def why_no_latch(library: CellLibrary) -> str:
    """What to say of a library in which no latch was found."""
    return f"has no latch{_unusable(library, 'latch')}, which the design needs"


def _unusable(library: CellLibrary, kind: str) -> str:
    """Of each cell that stores in this manner, why it is not used; nothing if there is none."""
    reasons = []
    for cell in library.cells.values():
        if cell.state is None or cell.state.kind != kind or cell.gating:
            continue
        reason = "it is marked as not to be used" if not cell.usable else \
            "it has no area (--lef)" if not cell.area else \
            "its function is not complete" if not cell.understood else \
            "it is excluded by its name" if not library.is_usable(cell) else \
            "it cannot be used as a plain one"
        reasons.append(f"{cell.name}: {reason}")
    return f" that can be used ({'; '.join(reasons[:3])})" if reasons else ""


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


def _keeper(cells: list[Cell], kind: str, inverter: Gate) -> Keeper | None:
    """The smallest cell of a kind (``ff``, ``latch``), with the inverter that its output needs."""
    found = [storage for cell in cells if cell.state is not None and cell.state.kind == kind
             and (storage := as_storage(cell)) is not None]
    best = min(found, default=None,
               key=lambda s: s.cell.area + (inverter.cell.area if s.inverts else 0))
    return None if best is None else Keeper.of(best)


def _mapped_by_yosys(cell: Cell) -> bool:
    """Whether ``dfflibmap`` of Yosys can use a flip-flop; it looks at the form of the functions."""
    state = cell.state
    if state is None or state.kind != "ff" or cell.opaque:
        return False
    pins = [literal(function)[0] for function in (state.clock, state.data)]
    forced = [literal(function)[0] for function in (state.clear, state.preset)
              if function is not None]
    return all((*pins, *forced)) and set(cell.inputs) <= {*pins, *forced} and any(
        literal(cell.pins[pin].function) in [(name, True) for name in state.variables]
        for pin in cell.outputs)


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
