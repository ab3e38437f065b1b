"""A flat netlist of cells: who drives which net, what it is loaded with, how long paths are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bnnhw.asic.cell import Arc, Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.tables import Table

__all__ = ["SLEW", "Instance", "Netlist", "mean_table"]

SLEW = 0.1e-9
"""Seconds that every edge is taken to last, in tables of delay and energy."""


@dataclass(frozen=True)
class Instance:
    """A cell and the nets at its pins; a net is a number, or ``0``, ``1`` or ``x`` as text."""

    name: str
    cell: Cell
    pins: dict[str, int | str]


@dataclass(frozen=True)
class Netlist:
    """Instances and nets of a flat netlist.

    Parameters
    ----------
    library : CellLibrary
    instances : tuple of Instance
    names : dict of int to tuple of (str, int)
        Names of each net: of a wire, and the bit of it.
    inputs, outputs : frozenset of int
        Nets of the ports.
    wire : float
        Farads of wire for each pin that a net drives; an estimate before layout.
    """

    library: CellLibrary
    instances: tuple[Instance, ...]
    names: dict[int, tuple[tuple[str, int], ...]]
    inputs: frozenset[int]
    outputs: frozenset[int]
    wire: float

    @classmethod
    def of(cls, mapped: Mapped, wire: float = 0.0) -> Netlist:
        """Read the flat netlist of a mapped design."""
        module = mapped.netlist
        instances = tuple(
            Instance(name, mapped.library.cells[cell["type"]],
                     {pin: bits[0] for pin, bits in cell["connections"].items() if bits})
            for name, cell in module["cells"].items() if cell["type"] in mapped.library.cells)
        names: dict[int, list[tuple[str, int]]] = defaultdict(list)
        for name, net in module["netnames"].items():
            for k, bit in enumerate(net["bits"]):
                if isinstance(bit, int):
                    names[bit].append((name, k))
        ports: dict[str, Any] = module["ports"]
        return cls(mapped.library, instances, {n: tuple(v) for n, v in names.items()},
                   _nets(p["bits"] for p in ports.values() if p["direction"] == "input"),
                   _nets(p["bits"] for p in ports.values() if p["direction"] == "output"), wire)

    @cached_property
    def loads(self) -> dict[int, float]:
        """Farads on each net: pins and wire."""
        loads: dict[int, float] = defaultdict(float)
        for instance in self.instances:
            for pin, net in instance.pins.items():
                known = instance.cell.pins.get(pin)
                if isinstance(net, int) and known is not None and known.direction == "input":
                    loads[net] += known.capacitance * self.library.capacitance + self.wire
        for net in self.outputs:
            loads[net] += self.wire
        return loads

    def load(self, net: int | str) -> float:
        """Farads on a net."""
        return self.loads.get(net, 0.0) if isinstance(net, int) else 0.0

    def delays(self, instance: Instance, pin: str) -> tuple[float, float]:
        """Seconds that an output takes to rise and to fall with its load, mean of its arcs."""
        load = self.load(instance.pins.get(pin, "x"))
        arcs = [arc for arc in instance.cell.pins[pin].timing if arc.is_delay]
        return tuple(mean_table(self.library, arcs, edge, load) * self.library.time  # type: ignore
                     for edge in ("rise", "fall"))

    def title(self, name: str) -> str:
        """What a reader knows an instance by: a net that it drives and the design names."""
        instance = self.by_name.get(name.replace("\\", ""))
        if instance is None:
            return name
        nets = [instance.pins[p] for p in instance.cell.outputs if p in instance.pins]
        names = [n for net in nets if isinstance(net, int) for n, _ in self.names.get(net, ())
                 if not re.search(r"(^|\.)_\d+_$", n)]
        return min(names, key=lambda n: (n.count("."), len(n)), default=name)

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        return {instance.name: instance for instance in self.instances}

    @cached_property
    def overloaded(self) -> int | None:
        """Outputs that drive more than their cell is made for: layout has to put buffers there.

        None where the library does not give what any of the cells may drive.
        """
        unit = self.library.capacitance
        limits = [(i.cell.pins[p].max_capacitance * unit, self.load(i.pins[p]))
                  for i in self.instances for p in i.cell.outputs if p in i.pins]
        if limits and not any(limit for limit, _ in limits):
            return None
        return sum(0 < limit < load for limit, load in limits)

    @cached_property
    def longest(self) -> float:
        """Seconds of the longest path between registers, latches and ports."""
        driver = {i.pins[p]: (i, p) for i in self.instances for p in i.cell.outputs
                  if p in i.pins}
        arrival: dict[int | str, float] = {}
        entered: set[int | str] = set()
        for first in driver:
            stack = [first]
            while stack:
                net = stack[-1]
                if net in arrival or net not in driver:
                    arrival.setdefault(net, 0.0)
                    stack.pop()
                    continue
                instance, pin = driver[net]
                stores = instance.cell.state is not None or instance.cell.opaque
                sources = [] if stores else [instance.pins[p] for p in instance.cell.inputs
                                             if p in instance.pins]
                open_ = [s for s in sources if s not in arrival]
                if open_ and net not in entered:  # entered again only around a loop
                    entered.add(net)
                    stack += open_
                    continue
                arrival[net] = max((arrival.get(s, 0.0) for s in sources), default=0.0) + \
                    max(self.delays(instance, pin))
                stack.pop()
        return max(arrival.values(), default=0.0)


def mean_table(library: CellLibrary, arcs: Iterable[Arc], edge: str, load: float) -> float:
    """Mean of the tables of some arcs at a load (farad), in units of the library."""
    tables: list[Table] = [t for a in arcs if (t := getattr(a, edge)) is not None]
    if not tables:
        return 0.0
    return sum(t.at(load / library.capacitance, SLEW / library.time) for t in tables) / len(tables)


def _nets(buses: Iterable[list[int | str]]) -> frozenset[int]:
    return frozenset(bit for bus in buses for bit in bus if isinstance(bit, int))
