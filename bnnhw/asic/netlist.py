"""A flat mapped netlist: drivers, loads and delays of its nets, and its longest path."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from bnnhw.asic.assignments import Net
from bnnhw.asic.cell import Arc, Cell
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.nldm import Table

__all__ = ["SLEW", "Instance", "Netlist", "mean_table"]

SLEW = 0.1e-9
"""Transition time in seconds that is assumed for every edge in tables of delay and energy."""


@dataclass(frozen=True)
class Instance:
    """An instance of a cell, with the net at each of its pins."""

    name: str
    cell: Cell
    pins: dict[str, Net]


@dataclass(frozen=True)
class Netlist:
    """Instances and nets of a flat netlist, and its loads and delays.

    Parameters
    ----------
    library : CellLibrary
    instances : tuple of Instance
    names : dict of int to tuple of (str, int)
        Names of each net: a wire and the number of its bit.
    inputs, outputs : frozenset of int
        Nets of the ports.
    wire : float
        Estimated wire capacitance in farads for each pin that a net drives.
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
        ports = module["ports"]
        return cls(mapped.library, instances, {n: tuple(v) for n, v in names.items()},
                   _nets(p["bits"] for p in ports.values() if p["direction"] == "input"),
                   _nets(p["bits"] for p in ports.values() if p["direction"] == "output"), wire)

    @cached_property
    def loads(self) -> dict[int, float]:
        """Load of each net in farads: input pins and wire."""
        loads: dict[int, float] = defaultdict(float)
        for instance in self.instances:
            for pin, net in instance.pins.items():
                known = instance.cell.pins.get(pin)
                if isinstance(net, int) and known is not None and known.direction == "input":
                    loads[net] += known.capacitance * self.library.capacitance + self.wire
        for net in self.outputs:
            loads[net] += self.wire
        return loads

    def load(self, net: Net) -> float:
        """Return the load of a net in farads."""
        return self.loads.get(net, 0.0) if isinstance(net, int) else 0.0

    def delays(self, instance: Instance, pin: str) -> tuple[float, float]:
        """Return the rise and fall delay of an output at its load in seconds, mean of its arcs."""
        load = self.load(instance.pins.get(pin, "x"))
        arcs = [arc for arc in instance.cell.pins[pin].timing if arc.is_delay]
        rise, fall = (mean_table(self.library, arcs, edge, load) * self.library.time
                      for edge in ("rise", "fall"))
        return rise, fall

    def title(self, name: str) -> str:
        """Return a name of an instance for people: a net that it drives, as the design names it."""
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
        """Number of outputs that exceed the maximum load of their cell; layout has to buffer them.

        None if the library gives no maximum loads.
        """
        unit = self.library.capacitance
        limits = [(i.cell.pins[p].max_capacitance * unit, self.load(i.pins[p]))
                  for i in self.instances for p in i.cell.outputs if p in i.pins]
        if limits and not any(limit for limit, _ in limits):
            return None
        return sum(0 < limit < load for limit, load in limits)

    @cached_property
    def longest(self) -> float:
        """Delay in seconds of the longest path between registers, latches and ports."""
        driver = {i.pins[p]: (i, p) for i in self.instances for p in i.cell.outputs
                  if p in i.pins}
        arrival: dict[Net, float] = {}
        entered: set[Net] = set()
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
                missing = [s for s in sources if s not in arrival]
                if missing and net not in entered:  # a second visit means a loop: it is cut here
                    entered.add(net)
                    stack += missing
                    continue
                arrival[net] = max((arrival.get(s, 0.0) for s in sources), default=0.0) + \
                    max(self.delays(instance, pin))
                stack.pop()
        return max(arrival.values(), default=0.0)


def mean_table(library: CellLibrary, arcs: Iterable[Arc], edge: str, load: float) -> float:
    """Return the mean over the tables of some arcs, in units of the library.

    Parameters
    ----------
    library : CellLibrary
    arcs : iterable of Arc
    edge : str
        ``rise`` or ``fall``.
    load : float
        Farads.
    """
    tables: list[Table] = [t for a in arcs if (t := a.table(edge)) is not None]
    if not tables:
        return 0.0
    return sum(t.at(load / library.capacitance, SLEW / library.time) for t in tables) / len(tables)


def _nets(buses: Iterable[list[Net]]) -> frozenset[int]:
    return frozenset(bit for bus in buses for bit in bus if isinstance(bit, int))
