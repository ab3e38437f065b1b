"""Inserts buffer trees after outputs that drive more than their maximum load.

ABC sizes and buffers the logic that it maps. It does not see cells that a design instantiates
directly (clock gates, latches, adders): the clock gate of a wide memory row drives hundreds of
latches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bnnhw.asic.assignments import Net
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.roles import RoleCell
from bnnhw.asic.shims import GATE_MARK
from bnnhw.families.yosys_json import Module

__all__ = ["buffer_outputs"]

LOAD_FRACTION = 0.5
"""Fraction of its maximum load that each buffer gets: slow edges would cost latches hold time."""

Sink = tuple[str, str, float]
"""Instance, pin, and capacitance in units of the library."""


def buffer_outputs(modules: dict[str, Module], library: CellLibrary,
                   buffer: RoleCell | None) -> int:
    """Insert buffer trees into modules of Yosys JSON, in place.

    Loads inside other modules are not counted. Nothing is inserted if the library has no buffer or
    gives no maximum loads.

    Returns
    -------
    int
        Number of buffers.
    """
    if buffer is None or not buffer.max_load:
        return 0
    return sum(_buffer_module(module, library, buffer) for module in modules.values())


def _buffer_module(module: Module, library: CellLibrary, buffer: RoleCell) -> int:
    cells = module["cells"]
    sinks: dict[int, list[Sink]] = defaultdict(list)
    drivers: dict[int, tuple[str, float]] = {}
    last_net = 1
    for instance, described in cells.items():
        cell = library.cells.get(described["type"])
        for name, bits in described["connections"].items():
            last_net = _highest(last_net, bits)
            pin = cell.pins.get(name) if cell is not None else None
            if pin is None or not bits or not isinstance(bits[0], int):
                continue
            if pin.direction == "input":
                sinks[bits[0]].append((instance, name, pin.capacitance))
            elif pin.direction == "output" and pin.max_capacitance:
                drivers[bits[0]] = instance, pin.max_capacitance
    for wire in (*module["netnames"].values(), *module["ports"].values()):
        last_net = _highest(last_net, wire["bits"])
    count = 0
    input_load = buffer.cell.pins[buffer.pins["a"]].capacitance
    for net, (driver, max_load) in drivers.items():
        level = sinks[net]
        prefix = _name_prefix(driver)
        while sum(sink[2] for sink in level) > max_load:
            groups = _groups(level, LOAD_FRACTION * buffer.max_load)
            if len(groups) == len(level):
                break  # each buffer would drive a single pin, which reduces no load
            next_level: list[Sink] = []
            for group in groups:
                count, last_net = count + 1, last_net + 1
                name = f"{prefix}buffer{count}"
                for instance, pin_name, _ in group:
                    cells[instance]["connections"][pin_name] = [last_net]
                cells[name] = {
                    "hide_name": 0, "type": buffer.cell.name, "parameters": {}, "attributes": {},
                    "port_directions": {buffer.pins["a"]: "input", buffer.pins["y"]: "output"},
                    "connections": {buffer.pins["a"]: [net], buffer.pins["y"]: [last_net]}}
                module["netnames"][f"{prefix}branch{count}"] = {
                    "hide_name": 0, "bits": [last_net], "attributes": {}}
                next_level.append((name, buffer.pins["a"], input_load))
            level = next_level
    return count


def _highest(last_net: int, bits: Iterable[Net]) -> int:
    return max([last_net, *(bit for bit in bits if isinstance(bit, int))])


def _name_prefix(driver: str) -> str:
    """Return the prefix of a driver's buffers; buffers of a clock gate count as part of it."""
    path, mark, _ = driver.rpartition(GATE_MARK)
    return path + mark if mark else f"fanout_{driver.strip('$').replace('$', '_')}_"


def _groups(sinks: list[Sink], max_load: float) -> list[list[Sink]]:
    """Split neighbouring sinks into groups of equal size, each with about ``max_load`` at most."""
    count = -(-sum(sink[2] for sink in sinks) // max_load)
    size = max(1, int(len(sinks) // count))
    return [sinks[k:k + size] for k in range(0, len(sinks), size)]
