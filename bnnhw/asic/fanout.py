"""Buffers behind outputs that drive more than they are made for.

abc buffers the logic that it makes. What a design names by itself (clock gates, latches, adders)
it neither sees nor loads: the gate of a wide row drives hundreds of latches.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from bnnhw.asic.library import CellLibrary
from bnnhw.asic.roles import Gate
from bnnhw.asic.shims import GATE_MARK

__all__ = ["buffer_outputs"]

PART = 0.5
"""Of what a buffer may drive, the part that it gets: a slow edge costs each latch a hold time."""

Sink = tuple[str, str, float]
"""Instance, pin, capacitance in units of the library."""


def buffer_outputs(modules: dict[str, Any], library: CellLibrary, buffer: Gate | None) -> int:
    """Put trees of buffers into modules of Yosys' JSON, in place; returns how many.

    What lies in another module does not count. Nothing is done where the library has no buffer, or
    does not say what its cells may drive.
    """
    if buffer is None or not buffer.strength:
        return 0
    return sum(_module(module, library, buffer) for module in modules.values())


def _module(module: dict[str, Any], library: CellLibrary, buffer: Gate) -> int:
    cells: dict[str, Any] = module["cells"]
    sinks: dict[int, list[Sink]] = defaultdict(list)
    drivers: dict[int, tuple[str, float]] = {}
    last = 1
    for instance, cell in cells.items():
        known = library.cells.get(cell["type"])
        for name, bits in cell["connections"].items():
            last = max(last, *(bit for bit in bits if isinstance(bit, int)), last)
            pin = known.pins.get(name) if known is not None else None
            if pin is None or not bits or not isinstance(bits[0], int):
                continue
            if pin.direction == "input":
                sinks[bits[0]].append((instance, name, pin.capacitance))
            elif pin.direction == "output" and pin.max_capacitance:
                drivers[bits[0]] = instance, pin.max_capacitance
    for part in (*module["netnames"].values(), *module["ports"].values()):
        last = max(last, *(bit for bit in part["bits"] if isinstance(bit, int)), last)
    made = 0
    load = buffer.cell.pins[buffer.pins["a"]].capacitance
    for net, (driver, limit) in drivers.items():
        left = sinks[net]
        base = _base(driver)
        while sum(sink[2] for sink in left) > limit:
            groups = _groups(left, PART * buffer.strength)
            if len(groups) == len(left):
                break  # a pin each: no buffer makes this better
            above: list[Sink] = []
            for group in groups:
                made, last = made + 1, last + 1
                name = f"{base}buffer{made}"
                for instance, pin_name, _ in group:
                    cells[instance]["connections"][pin_name] = [last]
                cells[name] = {
                    "hide_name": 0, "type": buffer.cell.name, "parameters": {}, "attributes": {},
                    "port_directions": {buffer.pins["a"]: "input", buffer.pins["y"]: "output"},
                    "connections": {buffer.pins["a"]: [net], buffer.pins["y"]: [last]}}
                module["netnames"][f"{base}branch{made}"] = {
                    "hide_name": 0, "bits": [last], "attributes": {}}
                above.append((name, buffer.pins["a"], load))
            left = above
    return made


def _base(driver: str) -> str:
    """What the names of a driver's buffers begin with; those of a clock gate belong to it."""
    place, mark, _ = driver.rpartition(GATE_MARK)
    return place + mark if mark else f"fanout_{driver.strip('$').replace('$', '_')}_"


def _groups(sinks: list[Sink], limit: float) -> list[list[Sink]]:
    """Neighbours together, as equal in number as can be, each group below a limit."""
    count = -(-sum(sink[2] for sink in sinks) // limit)
    each = max(1, int(len(sinks) // count))
    return [sinks[k:k + each] for k in range(0, len(sinks), each)]
