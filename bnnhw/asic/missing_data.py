"""Checks that a library has the data that a result needs: delays, loads, setup times, energies.

A missing table would count as 0, a path without delay or an edge without energy. Each function here
raises an error instead, which names the cells.
"""

from __future__ import annotations

from collections.abc import Iterable

from bnnhw.asic.cell import Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.netlist import Netlist
from bnnhw.errors import ConfigError

__all__ = ["check_library", "require_delays", "require_energies", "require_loads",
           "require_setup", "without_hold"]

MAX_NAMES = 4
"""Largest number of cells that a message names."""


def check_library(library: CellLibrary, timing: bool, energy: bool) -> None:
    """Reject a library without any timing or energy data, before anything is mapped.

    Parameters
    ----------
    library : CellLibrary
    timing, energy : bool
        Whether delays and energies are needed.

    Raises
    ------
    ConfigError
        No cell has the required tables, or the unit of capacitance is missing.
    """
    where = f"library {library.name}"
    if (timing or energy) and not library.has_delays:
        raise ConfigError("the library has no timing: no cell has delay tables (cell_rise, "
                          "cell_fall)", where=where,
                          hint="use a Liberty file with timing, or request only the area")
    if (timing or energy) and not library.conditions.loads_known:
        raise ConfigError("has no unit of capacitance (capacitive_load_unit), on which delays and "
                          "energies depend", where=where, hint="add it to the file")
    if energy and not any(pin.power for cell in library.cells.values()
                          for pin in cell.pins.values()):
        raise ConfigError("the library has no energy: no cell has internal_power", where=where,
                          hint="use a Liberty file with power tables, or do not request the energy")


def require_delays(netlist: Netlist) -> None:
    """Check that every path through the cells of a netlist has a delay table.

    Raises
    ------
    ConfigError
        A table or a capacitance is missing; the error names the cells and their paths.
    """
    check_library(netlist.library, True, False)
    missing = []
    for cell, used in _used_cells(netlist):
        for output in cell.outputs:
            if output in used:
                missing += _paths_without_delay(cell, output)
    _reject(netlist, missing, "no delay table (cell_rise and cell_fall)")
    require_loads(netlist)


def require_loads(netlist: Netlist) -> None:
    """Check that every connected input of a netlist has a capacitance."""
    _reject(netlist, [f"{cell.name}/{pin}" for cell, used in _used_cells(netlist)
                      for pin in cell.inputs if pin in used and not cell.pins[pin].capacitance],
            "no capacitance")


def require_setup(netlist: Netlist) -> None:
    """Check that every flip-flop of a netlist has a setup time."""
    _reject(netlist, [cell.name for cell, _ in _used_cells(netlist)
                      if _is_flop(cell) and not _has_constraint(cell, "setup")], "no setup time")


def require_energies(netlist: Netlist) -> None:
    """Check that every cell of a netlist has internal energies."""
    check_library(netlist.library, False, True)
    _reject(netlist, [cell.name for cell, _ in _used_cells(netlist) if cell.inputs and
                      not any(pin.power for pin in cell.pins.values())],
            "no internal_power tables")
    require_loads(netlist)


def without_hold(netlist: Netlist) -> tuple[str, ...]:
    """Return the names of flip-flops in a netlist that have no hold time."""
    return tuple(sorted(cell.name for cell, _ in _used_cells(netlist)
                        if _is_flop(cell) and not _has_constraint(cell, "hold")))


def _used_cells(netlist: Netlist) -> list[tuple[Cell, set[str]]]:
    """Return the cells of a netlist, each with the pins that its instances connect."""
    pins: dict[str, set[str]] = {}
    cells = {}
    for instance in netlist.instances:
        pins.setdefault(instance.cell.name, set()).update(instance.pins)
        cells[instance.cell.name] = instance.cell
    return [(cells[name], used) for name, used in sorted(pins.items())]


def _paths_without_delay(cell: Cell, output: str) -> list[str]:
    """Return the paths to an output that have no delay table."""
    pin = cell.pins[output]
    arcs = [arc for arc in pin.timing if arc.is_delay]
    if cell.state is not None or cell.gating or cell.opaque or pin.function is None:
        both = any(arc.rise for arc in arcs) and any(arc.fall for arc in arcs)
        return [] if both or not cell.inputs else [f"{cell.name}/{output}"]
    timed = {arc.related for arc in arcs if arc.rise or arc.fall}
    return [f"{cell.name} from {name} to {output}"
            for name in pin.function.pins() if name not in timed]


def _is_flop(cell: Cell) -> bool:
    return cell.state is not None and cell.state.kind == "ff" and not cell.gating


def _has_constraint(cell: Cell, kind: str) -> bool:
    return any(arc.type.startswith(kind) for pin in cell.pins.values() for arc in pin.timing)


def _reject(netlist: Netlist, names: Iterable[str], lacks: str) -> None:
    """Raise an error that names some cells, unless there are none."""
    found = sorted(names)
    if found:
        more = f" and {len(found) - MAX_NAMES} more" if len(found) > MAX_NAMES else ""
        raise ConfigError(f"cells of the netlist have {lacks}: "
                          f"{', '.join(found[:MAX_NAMES])}{more}",
                          where=f"library {netlist.library.name}",
                          hint="use a complete Liberty file, or request only the area")
