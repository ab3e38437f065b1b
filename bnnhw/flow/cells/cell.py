"""Cells, pins and tables: what the groups of a Liberty file mean.

Everything is in the units of the library until ``CellLibrary`` scales it.
"""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass, field, replace

from bnnhw.errors import ConfigError
from bnnhw.flow.cells.boolean import Boolean, parse_boolean
from bnnhw.flow.cells.liberty import Group

__all__ = ["Arc", "Cell", "Pin", "State", "Table", "read_cell", "read_templates"]

MAX_VALUES = 1 << 16
"""Most values of a table."""

Templates = dict[str, tuple[tuple[str, ...], tuple[tuple[float, ...], ...]]]
"""Names of the variables and the axes of each table template."""


@dataclass(frozen=True)
class Table:
    """A table over up to two variables, linear in between.

    Larger loads go on linearly; everything else is clamped.

    Attributes
    ----------
    variables : tuple of str
        ``load`` or ``slew``; any other variable counts as at its lowest value.
    axes : tuple of tuple of float
    values : tuple of float
        Row by row.
    """

    variables: tuple[str, ...]
    axes: tuple[tuple[float, ...], ...]
    values: tuple[float, ...]

    def at(self, load: float, slew: float) -> float:
        """Interpolate."""
        rows = [self.values]
        given = {"load": load, "slew": slew}
        for variable, axis in zip(self.variables, self.axes, strict=True):
            x = given.get(variable, axis[0])
            x = max(x, axis[0]) if variable == "load" else min(max(x, axis[0]), axis[-1])
            k = min(max(bisect.bisect_right(axis, x) - 1, 0), max(len(axis) - 2, 0))
            size = len(rows[0]) // len(axis)
            low = rows[0][k * size:(k + 1) * size]
            if len(axis) > 1:
                high = rows[0][(k + 1) * size:(k + 2) * size]
                part = (x - axis[k]) / (axis[k + 1] - axis[k])
                low = tuple(a + part * (b - a) for a, b in zip(low, high, strict=True))
            rows = [low]
        return rows[0][0]


@dataclass(frozen=True)
class Arc:
    """What happens at a pin when a related one changes: its timing, or its energy.

    Attributes
    ----------
    related : str
        The pin that causes it, or nothing.
    type : str
        ``timing_type`` of timing; nothing for the plain arcs of logic.
    rise, fall : Table or None
        Delay (time units), or energy (capacitance times voltage squared), of the own pin's edges.
    """

    related: str
    type: str
    rise: Table | None
    fall: Table | None


@dataclass(frozen=True)
class Pin:
    """One pin; ``function`` of an output reads pins and the variables of the state."""

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
    """The flip-flop or latch of a cell.

    Attributes
    ----------
    kind : str
        ``ff`` or ``latch``.
    variables : tuple of str
        The state and its complement.
    data, clock : Boolean or None
        Next state and rising clock, or data and enable.
    clear, preset : Boolean or None
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
        Square micrometres.
    leakage : float
        Leakage power units.
    pins : dict of str to Pin
    state : State or None
    usable : bool
        Neither marked as not to be used, nor a special cell (isolation, level shifter, pad), nor
        without any output (filler, corner).
    gating : str
        ``clock_gating_integrated_cell``, or nothing.
    opaque : bool
        Has a state that is none of ``State`` (a state table, a memory, several states).
    """

    name: str
    area: float
    leakage: float
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

    def with_area(self, area: float) -> Cell:
        return replace(self, area=area)


SPECIAL = ("dont_use", "is_isolation_cell", "is_level_shifter", "pad_cell", "always_on",
           "is_macro_cell", "retention_cell", "switch_cell_type")
PIN_FLAGS = ("clock", "clock_gate_clock_pin", "clock_gate_enable_pin", "clock_gate_out_pin",
             "clock_gate_test_pin", "clock_gate_obs_pin")
AXES = {"total_output_net_capacitance": "load", "input_net_transition": "slew",
        "input_transition_time": "slew"}


def read_templates(library: Group) -> Templates:
    """Table templates, by name."""
    templates: Templates = {"scalar": ((), ())}
    for group in library.all("lu_table_template", "power_lut_template"):
        names = [group.simple[k] for k in ("variable_1", "variable_2", "variable_3")
                 if k in group.simple]
        axes = tuple(_numbers(group, f"index_{k + 1}") for k in range(len(names)))
        templates[group.name] = tuple(AXES.get(n, n) for n in names), axes
    return templates


def read_cell(group: Group, templates: Templates) -> Cell:
    """Read one ``cell`` group.

    Raises
    ------
    ConfigError
        A value is missing or is not what it has to be; with the line.
    """
    pins = {}
    for part in group.all("pin"):
        for name in part.args:
            pins[name] = _pin(group, part, name, templates)
    states = list(group.all("ff", "latch"))
    other = any(True for _ in group.all("ff_bank", "latch_bank", "statetable", "bus", "bundle",
                                        "memory"))
    special = any(group.simple.get(name, "false").lower() not in ("false", "0")
                  for name in SPECIAL)
    special |= not any(pin.direction in ("output", "inout") for pin in pins.values())
    return Cell(group.name, group.number("area", 0.0), group.number("cell_leakage_power", 0.0),
                pins, _state(group, states[0]) if len(states) == 1 else None, not special,
                group.simple.get("clock_gating_integrated_cell", ""), other or len(states) > 1)


def _pin(cell: Group, group: Group, name: str, templates: Templates) -> Pin:
    capacitance = group.number("capacitance", 0.0)
    if not capacitance:
        capacitance = (group.number("rise_capacitance", 0.0)
                       + group.number("fall_capacitance", 0.0)) / 2
    text = group.simple.get("function")
    return Pin(name, group.simple.get("direction", "internal"), capacitance,
               group.number("max_capacitance", 0.0),
               parse_boolean(text, f"cell {cell.name}, pin {name}, line {group.line}")
               if text else None, "three_state" in group.simple,
               frozenset(flag for flag in PIN_FLAGS if group.flag(flag)),
               tuple(_arcs(group, "timing", ("cell_rise", "cell_fall"), templates)),
               tuple(_arcs(group, "internal_power", ("rise_power", "fall_power"), templates)))


def _arcs(pin: Group, kind: str, edges: tuple[str, str], templates: Templates) -> list[Arc]:
    arcs = []
    for group in pin.all(kind):
        tables = {t.kind: _table(t, templates) for t in group.all(*edges, "power")}
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


def _numbers(group: Group, name: str) -> tuple[float, ...]:
    words = " ".join(group.complex.get(name, ())).replace(",", " ").split()
    if len(words) > MAX_VALUES:
        raise ConfigError(f"'{name}' has more than {MAX_VALUES} values", where=f"line {group.line}")
    try:
        return tuple(float(word) for word in words)
    except ValueError:
        raise ConfigError(f"'{name}' of {group.kind} holds something that is no number",
                          where=f"line {group.line}") from None


def _table(group: Group, templates: Templates) -> Table:
    if group.name not in templates:
        raise ConfigError(f"names the unknown table template '{group.name}'",
                          where=f"line {group.line}")
    variables, axes = templates[group.name]
    axes = tuple(_numbers(group, f"index_{k + 1}") or axis for k, axis in enumerate(axes))
    values = _numbers(group, "values")
    size = 1
    for axis in axes:
        size *= len(axis)
        if any(not a < b for a, b in itertools.pairwise(axis)):
            raise ConfigError("has an index that does not rise", where=f"line {group.line}")
    if len(values) != size or not size:
        raise ConfigError(f"has {len(values)} values for {size} places",
                          where=f"line {group.line}")
    return Table(variables, axes, values)
