"""Finds data that a figure needs and a library does not have, so that no figure is made up.

A table that is missing would count as 0: a path without delay, an edge without energy. Each
function here raises an error instead, which names the cells.
"""

from __future__ import annotations

from collections.abc import Iterable

from bnnhw.asic.cell import Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.netlist import Netlist
from bnnhw.errors import ConfigError

__all__ = ["check_library", "require_delays", "require_energies", "require_loads",
           "require_setup", "without_hold"]

SHOWN = 4
"""Cells that a message names."""


def check_library(library: CellLibrary, timing: bool, energy: bool) -> None:
    """Refuse a library that has no timing or no energy at all, before anything is mapped.

    Parameters
    ----------
    library : CellLibrary
    timing, energy : bool
        Whether delays and energies are needed.

    Raises
    ------
    ConfigError
        No cell has the tables that are needed.
    """
    where = f"library {library.name}"
    if (timing or energy) and not library.has_delays:
        raise ConfigError("the library has no timing: no cell has tables of delays (cell_rise, "
                          "cell_fall)", where=where,
                          hint="give a Liberty file with timing, or ask for the area alone")
    if (timing or energy) and not library.conditions.loads_known:
        raise ConfigError("has no unit of capacitance (capacitive_load_unit), on which delays and "
                          "energies depend", where=where, hint="add it to the file")
    if energy and not any(pin.power for cell in library.cells.values()
                          for pin in cell.pins.values()):
        raise ConfigError("the library has no energy: no cell has internal_power", where=where,
                          hint="give a Liberty file with power tables, or leave out the energy")


def require_delays(netlist: Netlist) -> None:
    """Refuse delays of a netlist in which a cell has no table for one of its paths.

    Raises
    ------
    ConfigError
        Names the cells and their paths.
    """
    check_library(netlist.library, True, False)
    missing = []
    for cell, used in _used(netlist):
        for output in cell.outputs:
            if output in used:
                missing += _undelayed(cell, output)
    _refuse(netlist, missing, "no table of delays (cell_rise and cell_fall)")
    require_loads(netlist)


def require_loads(netlist: Netlist) -> None:
    """Refuse loads of a netlist in which an input has no capacitance."""
    _refuse(netlist, [f"{cell.name}/{pin}" for cell, used in _used(netlist)
                      for pin in cell.inputs if pin in used and not cell.pins[pin].capacitance],
            "no capacitance")


def require_setup(netlist: Netlist) -> None:
    """Refuse a shortest period of a netlist in which a flip-flop has no setup time."""
    _refuse(netlist, [cell.name for cell, _ in _used(netlist)
                      if _is_flop(cell) and not _has_constraint(cell, "setup")], "no setup time")


def require_energies(netlist: Netlist) -> None:
    """Refuse the energy of a netlist in which a cell has no internal energy at all."""
    check_library(netlist.library, False, True)
    _refuse(netlist, [cell.name for cell, _ in _used(netlist) if cell.inputs and
                      not any(pin.power for pin in cell.pins.values())],
            "no internal_power tables")
    require_loads(netlist)


def without_hold(netlist: Netlist) -> tuple[str, ...]:
    """Names of flip-flops that are used and have no hold time."""
    return tuple(sorted(cell.name for cell, _ in _used(netlist)
                        if _is_flop(cell) and not _has_constraint(cell, "hold")))


def _used(netlist: Netlist) -> list[tuple[Cell, set[str]]]:
    """Cells that are used, each with the pins that any instance of it connects."""
    pins: dict[str, set[str]] = {}
    cells = {}
    for instance in netlist.instances:
        pins.setdefault(instance.cell.name, set()).update(instance.pins)
        cells[instance.cell.name] = instance.cell
    return [(cells[name], used) for name, used in sorted(pins.items())]


def _undelayed(cell: Cell, output: str) -> list[str]:
    """Paths to an output that have no table of delays."""
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


def _refuse(netlist: Netlist, names: Iterable[str], lacks: str) -> None:
    found = sorted(names)
    if found:
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise ConfigError(f"cells of the netlist have {lacks}: {', '.join(found[:SHOWN])}{more}",
                          where=f"library {netlist.library.name}",
                          hint="give a complete Liberty file, or ask for the area alone")
