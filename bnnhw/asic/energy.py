"""Energy of a netlist from simulated edges and the library's tables: an estimate before layout.

For each edge of a net half of ``C V^2`` of the pins (and wire) on it, and the internal energy of
the cell that drives it; for edges of inputs the internal energy that their cells list by
themselves (clock pins of registers and clock gates, enables of latches); and leakage. Glitches
count, as the simulation has delays. Nets behind clock gates are nets of the clock, and count with
the edges that the gates let through. Clock tree, layout, and what drives the inputs are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bnnhw.asic.cell import Arc
from bnnhw.asic.clocks import clock_nets
from bnnhw.asic.gaps import require_energies
from bnnhw.asic.gates import GateRun
from bnnhw.asic.jobs import JobRun
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.netlist import Netlist, mean_table
from bnnhw.asic.report import products_a_frame
from bnnhw.asic.roles import Roles, input_load
from bnnhw.asic.vcd import Toggles
from bnnhw.emit.design import Design
from bnnhw.errors import ToolError

__all__ = ["Energy", "LayerEnergy", "Stimulus", "estimate_energy", "estimate_run"]

PORTS = "clock and inputs"
"""What the nets of input ports take: whatever drives the core."""


@dataclass(frozen=True)
class Stimulus:
    """What was simulated.

    Attributes
    ----------
    name : str
    frames : int
        In the window of the toggles.
    products : int
        Of a frame.
    period : float
        Seconds.
    """

    name: str
    frames: int
    products: int
    period: float


@dataclass(frozen=True)
class LayerEnergy:
    """Joules in the window, without leakage, while the core ran a layer; its products a frame."""

    joules: float
    products: int


@dataclass(frozen=True)
class Energy:
    """Joules in a window, with all that a reader has to know to make sense of them.

    Attributes
    ----------
    switching, internal : float
        Joules: capacitances, inside cells.
    leakage : float or None
        Joules at rest, at the simulated clock; None where the library does not give it.
    units : dict of str to float
        Joules without leakage, by the unit that the driving cell belongs to.
    clock : float
        Joules of nets of the clock, and inside cells at their pins on those nets; they are part of
        ``switching`` and ``internal``.
    cycles : int
    activity : float
        Edges of a data net a cycle, mean; nets of clocks left out.
    fo4 : float
        Joules of half of ``4 C V^2`` with the C of the smallest NAND2's input.
    conditions : dict
        Library, voltage, temperature, stimulus, wire model, what the estimate leaves out.
    layers : dict of str to LayerEnergy
        Of a core that runs the layers one after another.
    """

    switching: float
    internal: float
    leakage: float | None
    units: dict[str, float]
    clock: float
    cycles: int
    activity: float
    fo4: float
    stimulus: Stimulus
    conditions: dict[str, Any]
    layers: dict[str, LayerEnergy] = field(default_factory=dict)

    @property
    def dynamic(self) -> float:
        """Joules a frame, without leakage."""
        return (self.switching + self.internal) / self.stimulus.frames

    @property
    def operation(self) -> float:
        """Joules an operation, without leakage; a product and its addition are two."""
        return self.dynamic / (2 * self.stimulus.products)

    def rows(self) -> list[tuple[str, float]]:
        """Rows of a table: unit, picojoules a frame."""
        rows = [(unit, joules * 1e12 / self.stimulus.frames)
                for unit, joules in self.units.items()]
        return [*rows, ("total", self.dynamic * 1e12)]

    def layer_rows(self) -> list[tuple[str, float, float]]:
        """Rows of a table: layer, picojoules a frame, femtojoules an operation."""
        return [(name, e.joules * 1e12 / self.stimulus.frames,
                 e.joules * 1e15 / self.stimulus.frames / (2 * e.products))
                for name, e in self.layers.items()]

    def sentence(self) -> str:
        """The figure, never without its conditions."""
        c = self.conditions
        leakage = "leakage not given by the library" if self.leakage is None else \
            f"leakage {self.leakage / self.stimulus.frames * 1e12:.3g} pJ a frame"
        temperature = "an unknown temperature" if c["temperature"] is None else \
            f"{c['temperature']:g} C"
        return (f"{self.operation * 1e15:.1f} fJ/Op = {self.operation / self.fo4:.2f} E_FO4 "
                f"({self.fo4 * 1e15:.1f} fJ) without leakage, "
                f"clock {100 * self.clock / (self.switching + self.internal):.0f} % of it, "
                f"{leakage} at {1e-6 / self.stimulus.period:.4g} MHz: {c['scope']}, "
                f"library {c['library']} at {c['voltage']:g} V and {temperature}, {c['stimulus']}, "
                f"{self.activity:.3f} edges a data net and cycle, {c['wire']}")

    def to_json(self) -> dict[str, Any]:
        frames = self.stimulus.frames
        return {
            "fj_per_op": self.operation * 1e15, "e_fo4_per_op": self.operation / self.fo4,
            "e_fo4_fj": self.fo4 * 1e15, "pj_per_frame": self.dynamic * 1e12,
            "switching_pj_per_frame": self.switching * 1e12 / frames,
            "internal_pj_per_frame": self.internal * 1e12 / frames,
            "leakage_pj_per_frame": None if self.leakage is None else
            self.leakage * 1e12 / frames,
            "clock_pj_per_frame": self.clock * 1e12 / frames,
            "pj_per_frame_by_unit": {u: e * 1e12 / frames for u, e in self.units.items()},
            "frames": frames, "cycles": self.cycles, "period_ns": self.stimulus.period * 1e9,
            "edges_per_data_net_and_cycle": self.activity, "unmatched_nets": 0, **self.conditions,
            **({"layers": [{"layer": name, "pj_per_frame": joules, "fj_per_op": operation}
                           for name, joules, operation in self.layer_rows()]}
               if self.layers else {}),
        }


def estimate_energy(netlist: Netlist, roles: Roles, toggles: Toggles, units: list[str],
                    stimulus: Stimulus) -> Energy:
    """Add up the energy of all edges.

    Raises
    ------
    ToolError
        A net was not in the simulation, so that the sum would be too low.
    ConfigError
        A cell has no energies or no capacitances, with the same result.
    """
    require_energies(netlist)
    library = netlist.library
    edges = _edges(netlist, toggles)
    by_unit = dict.fromkeys([*units, "between", PORTS], 0.0)

    def owner(name: str) -> str:
        unit = name.split(".", 1)[0]
        return unit if unit in by_unit else "between"

    drivers: dict[int | str, str] = dict.fromkeys(netlist.inputs, PORTS)
    clocks = clock_nets(netlist)
    internal = clock = 0.0
    for instance in netlist.instances:
        for pin in instance.cell.pins.values():
            net = instance.pins.get(pin.name)
            if pin.direction == "output" and net is not None:
                drivers[net] = owner(instance.name)
            energy = 0.0
            if net in edges:
                rises, falls = edges[net]
                load = netlist.load(net) if pin.direction == "output" else 0.0
                energy = sum(n * _mean(netlist, pin.power, edge, load)
                             for n, edge in ((rises, "rise"), (falls, "fall"))) * library.energy
            internal += energy
            clock += energy if net in clocks else 0.0
            by_unit[owner(instance.name)] += energy
    switching = 0.0
    for net, (rises, falls) in edges.items():
        energy = (rises + falls) * netlist.load(net) * library.voltage ** 2 / 2
        switching += energy
        clock += energy if net in clocks else 0.0
        by_unit[drivers.get(net, "between")] += energy
    cycles = round(toggles.seconds / stimulus.period)
    data = [sum(e) for net, e in edges.items() if net not in clocks]
    return Energy(switching, internal, _leakage(netlist, toggles.seconds),
                  {u: e for u, e in by_unit.items() if e}, clock, cycles,
                  sum(data) / max(1, len(data)) / max(1, cycles),
                  2 * input_load(roles, library) * library.voltage ** 2, stimulus,
                  _conditions(netlist, stimulus))


def _leakage(netlist: Netlist, seconds: float) -> float | None:
    """Joules at rest, or None where the library leaves any of it open."""
    unit = netlist.library.conditions.leakage
    powers = [instance.cell.leakage for instance in netlist.instances]
    known = [power for power in powers if power is not None]
    return None if unit is None or len(known) < len(powers) else sum(known) * unit * seconds


def estimate_run(design: Design, mapped: Mapped, netlist: Netlist, run: GateRun,
                 stimulus: str) -> Energy:
    """The energy of a simulation that counted edges; ``stimulus`` is what its samples are called.

    Of a core that runs jobs, that of each layer, added up.

    Raises
    ------
    ToolError
        A net was not in the simulation, or no edges were counted.
    """
    units = [unit.name for unit in design.plan.units]
    if not isinstance(run, JobRun):
        if run.toggles is None:
            raise ToolError("counted no edges", where="energy estimate")
        return estimate_energy(netlist, mapped.roles, run.toggles, units, Stimulus(
            stimulus, run.frames - 1, products_a_frame(design), run.period))
    if not run.layers:
        raise ToolError("counted no edges", where="energy estimate")
    parts = {layer.layer: estimate_energy(
        netlist, mapped.roles, layer.toggles, units,
        Stimulus(stimulus, run.window, layer.products, run.period)) for layer in run.layers}
    return _added(parts, Stimulus(stimulus, run.window, products_a_frame(design), run.period))


def _added(parts: dict[str, Energy], stimulus: Stimulus) -> Energy:
    """What layers take together, one after another."""
    energies = list(parts.values())
    cycles = sum(e.cycles for e in energies)
    leakages = [e.leakage for e in energies]
    units: dict[str, float] = {}
    for energy in energies:
        for unit, joules in energy.units.items():
            units[unit] = units.get(unit, 0.0) + joules
    return Energy(
        sum(e.switching for e in energies), sum(e.internal for e in energies),
        None if None in leakages else sum(filter(None, leakages)), units,
        sum(e.clock for e in energies), cycles,
        sum(e.activity * e.cycles for e in energies) / cycles, energies[0].fo4, stimulus,
        energies[0].conditions,
        {name: LayerEnergy(e.switching + e.internal, e.stimulus.products)
         for name, e in parts.items()})


def _edges(netlist: Netlist, toggles: Toggles) -> dict[int | str, tuple[int, int]]:
    """Edges of each net, under whichever of its names was recorded."""
    edges: dict[int | str, tuple[int, int]] = {}
    missing = []
    for net in {n for i in netlist.instances for n in i.pins.values() if isinstance(n, int)}:
        found = next((name for name in netlist.names.get(net, ()) if name in toggles.edges), None)
        if found is None:
            missing.append(netlist.names.get(net, (("?", 0),))[0][0])
        else:
            edges[net] = toggles.edges[found]
    if missing:
        raise ToolError(f"{len(missing)} nets were not in the simulation, such as "
                        f"'{sorted(missing)[0]}'", where="energy estimate")
    return edges


def _mean(netlist: Netlist, arcs: tuple[Arc, ...], edge: str, load: float) -> float:
    """Which input caused an edge is not known, nor under which condition: all count alike."""
    return mean_table(netlist.library, arcs, edge, load)


def _conditions(netlist: Netlist, stimulus: Stimulus) -> dict[str, Any]:
    library = netlist.library
    wire = f"wire of {netlist.wire * 1e15:g} fF a pin" if netlist.wire else "no wires"
    return {
        "library": library.name, "library_sha256": library.sha256, "voltage": library.voltage,
        "temperature": library.conditions.temperature, "stimulus": stimulus.name, "wire": wire,
        "scope": "pre-layout estimate from a simulation with delays, without clock tree and pads",
    }
