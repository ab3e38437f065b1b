"""Cells of a library: reads pins, timing arcs, power arcs and state from Liberty groups.

All values are in the units of the library; ``CellLibrary`` has the factors to SI units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bnnhw.asic.boolean import Boolean, parse_boolean
from bnnhw.asic.liberty import Group
from bnnhw.asic.nldm import Table, Templates, read_table

__all__ = ["Arc", "Cell", "Defaults", "Pin", "State", "read_cell", "read_defaults"]

CONSTRAINT_PREFIXES = ("setup", "hold", "recovery", "removal", "min_", "non_", "three_state",
                       "skew", "no_")
"""Prefixes of the ``timing_type`` of arcs that are no path to the output, such as setup times."""


@dataclass(frozen=True)
class Arc:
    """A timing arc or power arc of a pin.

    Attributes
    ----------
    related : str
        The pin that causes the edge; empty if the arc names none.
    type : str
        ``timing_type`` of a timing arc; empty for combinational logic.
    rise, fall : Table or None
        Delay (time units) or internal energy (capacitance unit times voltage unit squared) of a
        rising and of a falling edge of the pin that has the arc.
    """

    related: str
    type: str
    rise: Table | None
    fall: Table | None

    def table(self, edge: str) -> Table | None:
        """Return the table of an edge of the pin, ``rise`` or ``fall``."""
        return {"rise": self.rise, "fall": self.fall}[edge]

    @property
    def is_delay(self) -> bool:
        """Whether the arc is a path to the pin, not a constraint such as a setup time."""
        return not self.type.startswith(CONSTRAINT_PREFIXES)


@dataclass(frozen=True)
class Pin:
    """One pin of a cell.

    Attributes
    ----------
    name : str
    direction : str
        ``input``, ``output``, ``inout`` or ``internal``.
    capacitance : float
        Load of an input.
    max_capacitance : float
        Largest load of an output; 0 if the library gives none.
    function : Boolean or None
        Function of an output, of pins and of the state variables of the cell.
    three_state : bool
    flags : frozenset of str
        Those of ``PIN_FLAGS`` that are true.
    timing, power : tuple of Arc
    """

    name: str
    direction: str
    capacitance: float
    max_capacitance: float
    function: Boolean | None
    three_state: bool
    flags: frozenset[str]
    timing: tuple[Arc, ...]
    power: tuple[Arc, ...]


@dataclass(frozen=True)
class State:
    """The flip-flop or latch inside a cell.

    Attributes
    ----------
    kind : str
        ``ff`` or ``latch``.
    variables : tuple of str
        Names of the state variable and of its complement.
    data, clock : Boolean or None
        Next state and clock (sampled where it rises) of a flip-flop; data and enable of a latch.
    clear, preset : Boolean or None
        Asynchronous clear and preset.
    """

    kind: str
    variables: tuple[str, ...]
    data: Boolean | None
    clock: Boolean | None
    clear: Boolean | None
    preset: Boolean | None


@dataclass(frozen=True)
class Cell:
    """One cell of a library.

    Attributes
    ----------
    name : str
    area : float
        Square micrometres; 0 where the library gives none.
    leakage : float or None
        Leakage power, mean over the input states that the library lists; None if it lists none.
    pins : dict of str to Pin
    state : State or None
    usable : bool
        False for cells that are marked as not to be used (``dont_use``), for special cells
        (isolation, level shifter, pad), and for cells without an output (filler, corner).
    gating : str
        ``clock_gating_integrated_cell`` of a clock gate; else empty.
    opaque : bool
        The cell has a state that ``State`` cannot describe (state table, memory, several states).
    """

    name: str
    area: float
    leakage: float | None
    pins: dict[str, Pin] = field(repr=False)
    state: State | None
    usable: bool
    gating: str
    opaque: bool

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.pins.values() if p.direction == "input")

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.pins.values() if p.direction == "output")

    @property
    def is_supported(self) -> bool:
        """Whether simulation and proof support the flip-flop or latch of the cell.

        Cells that are not supported are not offered to synthesis.
        """
        state = self.state
        if state is None or self.gating or self.opaque:
            return True
        return state.data is not None and state.clock is not None and len(state.variables) == 2 \
            and all(self.pins[p].function is not None and not self.pins[p].three_state
                    for p in self.outputs)

    def with_area(self, area: float) -> Cell:
        return replace(self, area=area)


class Defaults(NamedTuple):
    """Default values of a library for pins and cells that do not give theirs."""

    capacitance: float
    max_capacitance: float
    leakage: float | None


SPECIAL_FLAGS = ("dont_use", "is_isolation_cell", "is_level_shifter", "pad_cell", "always_on",
           "is_macro_cell", "retention_cell", "switch_cell_type")
PIN_FLAGS = ("clock", "clock_gate_clock_pin", "clock_gate_enable_pin", "clock_gate_out_pin",
             "clock_gate_test_pin", "clock_gate_obs_pin")


def read_defaults(library: Group) -> Defaults:
    """Read the default values of a ``library`` group."""
    leakage = "default_cell_leakage_power"
    return Defaults(library.number("default_input_pin_cap", 0.0),
                    library.number("default_max_capacitance", 0.0),
                    library.number(leakage) if leakage in library.simple else None)


def read_cell(group: Group, templates: Templates, defaults: Defaults) -> Cell:
    """Read one ``cell`` group.

    Raises
    ------
    ConfigError
        A value is missing or invalid; the error names the line.
    """
    pins = {}
    for part in group.all("pin"):
        for name in part.args:
            pins[name] = _pin(group, part, name, templates, defaults)
    states = list(group.all("ff", "latch"))
    other = any(True for _ in group.all("ff_bank", "latch_bank", "statetable", "bus", "bundle",
                                        "memory"))
    special = any(group.simple.get(name, "false").lower() not in ("false", "0")
                  for name in SPECIAL_FLAGS)
    special |= not any(pin.direction in ("output", "inout") for pin in pins.values())
    return Cell(group.name, group.number("area", 0.0), _leakage(group, defaults), pins,
                _state(group, states[0]) if len(states) == 1 else None, not special,
                group.simple.get("clock_gating_integrated_cell", ""), other or len(states) > 1)


def _leakage(cell: Group, defaults: Defaults) -> float | None:
    """Return the leakage power of the cell, or the mean over the input states that are listed."""
    if "cell_leakage_power" in cell.simple:
        return cell.number("cell_leakage_power")
    states: dict[str, float] = {}
    for group in cell.all("leakage_power"):
        if "value" not in group.simple:
            continue
        # A state may have one group for each supply pin; their sum is its leakage.
        when = group.simple.get("when", "")
        states[when] = states.get(when, 0.0) + group.number("value")
    values = [value for when, value in states.items() if when] or list(states.values())
    return sum(values) / len(values) if values else defaults.leakage


def _pin(cell: Group, group: Group, name: str, templates: Templates, defaults: Defaults) -> Pin:
    capacitance = group.number("capacitance", 0.0)
    if not capacitance:
        capacitance = (group.number("rise_capacitance", 0.0)
                       + group.number("fall_capacitance", 0.0)) / 2
    direction = group.simple.get("direction", "internal")
    if not capacitance and direction == "input" and "capacitance" not in group.simple:
        capacitance = defaults.capacitance
    drives = defaults.max_capacitance if direction == "output" else 0.0
    text = group.simple.get("function")
    return Pin(name, direction, capacitance, group.number("max_capacitance", drives),
               parse_boolean(text, f"cell {cell.name}, pin {name}, line {group.line}")
               if text else None, "three_state" in group.simple,
               frozenset(flag for flag in PIN_FLAGS if group.flag(flag)),
               tuple(_arcs(group, "timing", ("cell_rise", "cell_fall"), templates)),
               tuple(_arcs(group, "internal_power", ("rise_power", "fall_power"), templates)))


def _arcs(pin: Group, kind: str, edges: tuple[str, str], templates: Templates) -> list[Arc]:
    arcs = []
    for group in pin.all(kind):
        tables = {t.kind: read_table(t, templates) for t in group.all(*edges, "power")}
        rise, fall = (tables.get(edge, tables.get("power")) for edge in edges)
        for related in group.simple.get("related_pin", "").split() or [""]:
            arcs.append(Arc(related, group.simple.get("timing_type", ""), rise, fall))
    return arcs


def _state(cell: Group, group: Group) -> State:
    def read(*names: str) -> Boolean | None:
        text = next((group.simple[n] for n in names if n in group.simple), None)
        return parse_boolean(text, f"cell {cell.name}, line {group.line}") if text else None

    return State(group.kind, group.args, read("next_state", "data_in"),
                 read("clocked_on", "enable"), read("clear"), read("preset"))
