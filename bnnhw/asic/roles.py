"""Finds library cells by their function: NAND, inverter, buffer, latch, clock gate, adders.

Names of cells differ from library to library, so that cells are recognised by truth tables and by
the attributes of their pins.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

from bnnhw.asic.cell import Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.storage import Storage, as_storage, literal_of
from bnnhw.errors import ConfigError

__all__ = ["KINDS", "RoleCell", "Roles", "StorageCell", "find_roles", "input_load", "kind_of",
           "output_load", "why_no_latch"]

KINDS = ("FA", "HA", "latch", "ICG", "flop", "logic")
"""Classes of cells in an area report: full adder, half adder, latch, integrated clock gate,
flip-flop, and all other logic."""

XOR3, MAJORITY, XOR2, AND2, NAND2 = 0b10010110, 0b11101000, 0b0110, 0b1000, 0b0111
INVERTER, BUFFER = 0b01, 0b10
"""Truth tables; bit ``k`` is the output for the inputs in the bits of ``k``."""

OUTPUT_INPUTS = 4
"""Inputs of the smallest NAND2 that load each output of a design."""


@dataclass(frozen=True)
class RoleCell:
    """A cell that plays a role.

    Attributes
    ----------
    cell : Cell
    pins : dict of str to str
        Pin of the cell by its name in the role.
    """

    cell: Cell
    pins: dict[str, str]

    @property
    def max_load(self) -> float:
        """Largest load of the output in units of the library; 0 if the library gives none."""
        return self.cell.pins[self.cell.outputs[0]].max_capacitance

    def instance(self, name: str, **signals: str) -> str:
        """Return the Verilog of an instance; ``signals`` are given by pin name of the role."""
        ports = ", ".join(f".{self.pins[role]}({signal})" for role, signal in signals.items())
        return f"{self.cell.name} {name}({ports});"


@dataclass(frozen=True)
class StorageCell(RoleCell):
    """A cell that serves as a plain latch or flip-flop, with the pins ``en``, ``d`` and ``q``.

    Attributes
    ----------
    active_high : bool
        A latch is transparent while ``en`` is 1; a flip-flop samples at the rising edge.
    output_inverted : bool
        The output ``q`` is the complement of the data.
    tie_offs : dict of str to int
        Constants of all other inputs.
    """

    active_high: bool
    output_inverted: bool
    tie_offs: dict[str, int]

    @classmethod
    def of(cls, storage: Storage) -> StorageCell:
        return cls(storage.cell, {"en": storage.control, "d": storage.data, "q": storage.output},
                   storage.active_high, storage.output_inverted, storage.tie_offs)

    def instance(self, name: str, **signals: str) -> str:
        """Return the Verilog of an instance; all other inputs get their constants."""
        ports = [f".{self.pins[role]}({signal})" for role, signal in signals.items()]
        ports += [f".{pin}(1'b{bit})" for pin, bit in self.tie_offs.items()]
        return f"{self.cell.name} {name}({', '.join(ports)});"


@dataclass(frozen=True)
class Roles:
    """The cells of a library by their roles.

    Attributes
    ----------
    nand2, inverter : RoleCell
        Pins ``a``, ``b`` and ``y``. The area of ``nand2`` is one gate equivalent (GE).
    and2 : RoleCell or None
    buffer : RoleCell or None
        The buffer with the largest maximum load per area.
    latch : StorageCell or None
    flop : StorageCell or None
        The flip-flop for all registers if the library has none that ``dfflibmap`` of Yosys can
        use; else None.
    flop_may_invert : bool
        Whether mapping may choose a flip-flop that only has the complement of its data, so that
        the wire of a register becomes logic.
    clock_gate : RoleCell or None
        Integrated clock gate for rising edges: ``clk``, ``en``, ``gclk`` and optionally ``test``.
    full_adder, half_adder : RoleCell or None
        Pins ``a``, ``b``, ``c`` (full adder), ``s`` and ``co``.
    """

    nand2: RoleCell
    inverter: RoleCell
    and2: RoleCell | None
    buffer: RoleCell | None
    latch: StorageCell | None
    flop: StorageCell | None
    flop_may_invert: bool
    clock_gate: RoleCell | None
    full_adder: RoleCell | None
    half_adder: RoleCell | None


def find_roles(library: CellLibrary) -> Roles:
    """Find the smallest cell of each role.

    Raises
    ------
    ConfigError
        The library has no NAND2, no inverter or no flip-flop, without which nothing can be mapped.
    """
    cells = library.usable()
    where = f"library {library.name}"

    def require(truth_table: int, what: str) -> RoleCell:
        found = _logic_cell(cells, truth_table)
        if found is None:
            any_area = any(cell.area > 0 for cell in library.cells.values())
            raise ConfigError(f"has no {what}" if any_area else "gives no area of any cell",
                              where=where, hint="give the Liberty files of all its standard cells "
                              "(`cells=`)" if any_area
                              else "give the LEF file of the cells (`lef=`)")
        return found

    nand2 = require(NAND2, "NAND cell with two inputs")
    inverter = require(INVERTER, "inverter")
    flop = None
    flops = [cell for cell in cells if _yosys_can_map(cell)]
    may_invert = any(storage is None or storage.output_inverted
                     for storage in map(as_storage, flops))
    if not flops:
        flop = _storage_cell(cells, "ff", inverter)
        if flop is None:
            raise ConfigError(f"has no flip-flop{_why_unusable(library, 'ff')}", where=where,
                              hint="use a library with flip-flops")
        may_invert = flop.output_inverted
    return Roles(nand2, inverter, _logic_cell(cells, AND2), _strongest_buffer(cells),
                 _storage_cell(cells, "latch", inverter), flop, may_invert,
                 next(filter(None, map(_as_clock_gate, cells)), None),
                 next((full for c in cells if (full := _as_adder(c, 3))), None),
                 next((half for c in cells if (half := _as_adder(c, 2))), None))


def why_no_latch(library: CellLibrary) -> str:
    """Return the message for a design with latches and a library without a usable one."""
    return f"has no latch{_why_unusable(library, 'latch')}, which the design needs"


def _why_unusable(library: CellLibrary, kind: str) -> str:
    """Return why the cells with storage of a kind are not usable; empty if there are none."""
    reasons = []
    for cell in library.cells.values():
        if cell.state is None or cell.state.kind != kind or cell.gating:
            continue
        reason = "it is marked as not to be used" if not cell.usable else \
            "it has no area (`lef=`)" if not cell.area else \
            "its function is not complete" if not cell.is_supported else \
            "it is excluded by its name" if not library.is_usable(cell) else \
            "no constants on its other inputs make it a plain one"
        reasons.append(f"{cell.name}: {reason}")
    return f" that can be used ({'; '.join(reasons[:3])})" if reasons else ""


def input_load(roles: Roles, library: CellLibrary) -> float:
    """Return the input capacitance of the smallest NAND2 in farads, mean of both inputs."""
    nand2 = roles.nand2
    return sum(nand2.cell.pins[nand2.pins[k]].capacitance for k in "ab") / 2 * library.capacitance


def output_load(roles: Roles, library: CellLibrary) -> float:
    """Return the assumed load of each output of a design in farads."""
    return OUTPUT_INPUTS * input_load(roles, library)


def kind_of(cell: Cell) -> str:
    """Return the class of a cell, one of ``KINDS``."""
    if cell.gating:
        return "ICG"
    if cell.state is not None or cell.opaque:
        return "latch" if cell.state is not None and cell.state.kind == "latch" else "flop"
    if _as_adder(cell, 3) is not None:
        return "FA"
    return "HA" if _as_adder(cell, 2) is not None else "logic"


def _is_combinational(cell: Cell) -> bool:
    return cell.state is None and not cell.gating and not cell.opaque and \
        all(p.function is not None and not p.three_state for p in cell.pins.values()
            if p.direction == "output")


def _logic_cell(cells: list[Cell], truth_table: int) -> RoleCell | None:
    """Return the first cell with one output of a symmetric function of one or two inputs."""
    names = ("a", "b") if truth_table > 3 else ("a",)
    for cell in cells:
        if not _is_combinational(cell) or len(cell.outputs) != 1 or len(cell.inputs) != len(names):
            continue
        function = cell.pins[cell.outputs[0]].function
        assert function is not None
        if set(function.pins()) <= set(cell.inputs) and \
                function.truth_table(cell.inputs) == truth_table:
            return RoleCell(cell, {**dict(zip(names, cell.inputs, strict=True)),
                                   "y": cell.outputs[0]})
    return None


def _strongest_buffer(cells: list[Cell]) -> RoleCell | None:
    buffers = [found for cell in cells if (found := _logic_cell([cell], BUFFER)) is not None]
    return max(buffers, key=lambda buffer: buffer.max_load / buffer.cell.area, default=None)


def _as_adder(cell: Cell, inputs: int) -> RoleCell | None:
    """Return a cell as a full adder (3 inputs) or half adder (2), or None if it is none."""
    if not _is_combinational(cell) or len(cell.outputs) != 2 or len(cell.inputs) != inputs:
        return None
    required = (XOR3, MAJORITY) if inputs == 3 else (XOR2, AND2)
    for sum_, carry in permutations(cell.outputs):
        functions = [cell.pins[p].function for p in (sum_, carry)]
        tables = [f.truth_table(cell.inputs) for f in functions
                  if f is not None and set(f.pins()) <= set(cell.inputs)]
        if tuple(tables) == required:
            return RoleCell(cell, {**dict(zip("abc"[:inputs], cell.inputs, strict=True)),
                                   "s": sum_, "co": carry})
    return None


def _storage_cell(cells: list[Cell], kind: str, inverter: RoleCell) -> StorageCell | None:
    """Return the smallest flip-flop (``ff``) or latch, including the inverter it may need."""
    found = [storage for cell in cells if cell.state is not None and cell.state.kind == kind
             and (storage := as_storage(cell)) is not None]
    best = min(found, default=None,
               key=lambda s: s.cell.area + (inverter.cell.area if s.output_inverted else 0))
    return None if best is None else StorageCell.of(best)


def _yosys_can_map(cell: Cell) -> bool:
    """Return whether ``dfflibmap`` of Yosys can use a flip-flop.

    ``dfflibmap`` compares the text of the functions, not what they compute.
    """
    state = cell.state
    if state is None or state.kind != "ff" or cell.opaque:
        return False
    pins = [literal_of(function)[0] for function in (state.clock, state.data)]
    forced = [literal_of(function)[0] for function in (state.clear, state.preset)
              if function is not None]
    return all((*pins, *forced)) and set(cell.inputs) <= {*pins, *forced} and any(
        literal_of(cell.pins[pin].function) in [(name, True) for name in state.variables]
        for pin in cell.outputs)


def _as_clock_gate(cell: Cell) -> RoleCell | None:
    """Return a cell as a latch-based clock gate for rising edges, or None if it is none.

    Clock gates with an observation output are not used.
    """
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
    return RoleCell(cell, pins)
