"""Estimates the energy of a netlist from simulated edges and the power tables of its library.

Each edge of a net costs half of ``C V^2`` of the pins and wire on it, plus the internal energy of
the cell that drives it. Edges of inputs cost the internal energy that the library lists for the pin
(clock pins of registers and clock gates, enables of latches). Leakage is reported separately.
Glitches count, because the simulation has delays. Nets after clock gates are clock nets, and only
the edges that a gate lets through count. The estimate is made before layout: it contains no clock
tree and nothing outside of the core.
"""

from __future__ import annotations

from bnnhw.asic.assignments import Net
from bnnhw.asic.clocks import clock_nets
from bnnhw.asic.energy_result import Energy, EnergyConditions, LayerEnergy, Stimulus
from bnnhw.asic.gate_run import GateRun
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.missing_data import require_energies
from bnnhw.asic.netlist import Netlist, mean_table
from bnnhw.asic.report import products_per_frame
from bnnhw.asic.roles import Roles, input_load
from bnnhw.asic.vcd import Toggles
from bnnhw.emit.design import Design
from bnnhw.errors import ToolError

__all__ = ["estimate_energy", "estimate_run"]

FO4 = 4
"""Inputs that load an inverter in the energy unit ``E_FO4`` (fan-out of four)."""

PORTS = "clock and inputs"
"""Name of the entry for nets that input ports drive; their energy is spent outside of the core."""


def estimate_energy(netlist: Netlist, roles: Roles, toggles: Toggles, units: list[str],
                    stimulus: Stimulus) -> Energy:
    """Add up the energy of all edges.

    Parameters
    ----------
    netlist : Netlist
    roles : Roles
        Cells of the library by their roles; the NAND2 gives the unit ``E_FO4``.
    toggles : Toggles
        Edges of all nets of ``netlist``.
    units : list of str
        Names of the units of the plan.
    stimulus : Stimulus

    Raises
    ------
    ToolError
        A net is missing in ``toggles``, so that the sum would be too low.
    ConfigError
        The library gives no internal energy or no capacitance for a cell of the netlist.
    """
    require_energies(netlist)
    library = netlist.library
    edges = _edges(netlist, toggles)
    by_unit = dict.fromkeys([*units, "between", PORTS], 0.0)

    def owner(name: str) -> str:
        unit = name.split(".", 1)[0]
        return unit if unit in by_unit else "between"

    drivers: dict[Net, str] = dict.fromkeys(netlist.inputs, PORTS)
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
                # The input that caused an edge is unknown: the mean of all power arcs counts.
                energy = sum(n * mean_table(library, pin.power, edge, load)
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
    return Energy(
        switching=switching, internal=internal, leakage=_leakage(netlist, toggles.seconds),
        units={u: e for u, e in by_unit.items() if e}, clock=clock, cycles=cycles,
        activity=sum(data) / max(1, len(data)) / max(1, cycles),
        fo4=FO4 / 2 * input_load(roles, library) * library.voltage ** 2, stimulus=stimulus,
        conditions=_conditions(netlist, stimulus))


def _leakage(netlist: Netlist, seconds: float) -> float | None:
    """Return the joules of leakage, or None if the library does not give that of every cell."""
    unit = netlist.library.conditions.leakage
    powers = [instance.cell.leakage for instance in netlist.instances]
    known = [power for power in powers if power is not None]
    return None if unit is None or len(known) < len(powers) else sum(known) * unit * seconds


def estimate_run(design: Design, mapped: Mapped, netlist: Netlist, run: GateRun,
                 stimulus: str) -> Energy:
    """Estimate the energy of a simulation that counted edges.

    For a core that computes its layers one after another, the result is the sum over them.

    Parameters
    ----------
    design, mapped, netlist
    run : GateRun
    stimulus : str
        Description of the samples.

    Raises
    ------
    ToolError
        A net is missing in the simulation, or the simulation counted no edges.
    """
    units = [part.name for part in design.rows.parts]
    if not run.layers:
        raise ToolError("the simulation counted no edges", where="energy estimate")
    parts = {layer.layer: estimate_energy(
        netlist, mapped.roles, layer.toggles, units,
        Stimulus(stimulus, run.window, layer.products, run.period)) for layer in run.layers}
    return _sum_of_layers(parts, Stimulus(stimulus, run.window, products_per_frame(design),
                                          run.period))


def _sum_of_layers(parts: dict[str, Energy], stimulus: Stimulus) -> Energy:
    """Return the energy of all layers, which run one after another."""
    energies = list(parts.values())
    cycles = sum(e.cycles for e in energies)
    leakages = [e.leakage for e in energies]
    units: dict[str, float] = {}
    for energy in energies:
        for unit, joules in energy.units.items():
            units[unit] = units.get(unit, 0.0) + joules
    return Energy(
        switching=sum(e.switching for e in energies), internal=sum(e.internal for e in energies),
        leakage=None if None in leakages else sum(filter(None, leakages)), units=units,
        clock=sum(e.clock for e in energies), cycles=cycles,
        activity=sum(e.activity * e.cycles for e in energies) / cycles, fo4=energies[0].fo4,
        stimulus=stimulus, conditions=energies[0].conditions,
        layers={name: LayerEnergy(e.switching + e.internal, e.stimulus.products)
                for name, e in parts.items() if name})


def _edges(netlist: Netlist, toggles: Toggles) -> dict[Net, tuple[int, int]]:
    """Return the edges of each net; the simulator records it under one of its names."""
    edges: dict[Net, tuple[int, int]] = {}
    missing = []
    for net in {n for i in netlist.instances for n in i.pins.values() if isinstance(n, int)}:
        found = next((name for name in netlist.names.get(net, ()) if name in toggles.edges), None)
        if found is None:
            missing.append(netlist.names.get(net, (("?", 0),))[0][0])
        else:
            edges[net] = toggles.edges[found]
    if missing:
        raise ToolError(f"the simulation did not record {len(missing)} nets, such as "
                        f"'{sorted(missing)[0]}'", where="energy estimate")
    return edges


def _conditions(netlist: Netlist, stimulus: Stimulus) -> EnergyConditions:
    library = netlist.library
    wire = f"wire of {netlist.wire * 1e15:g} fF per pin" if netlist.wire else "no wires"
    return {
        "library": library.name, "library_sha256": library.sha256, "voltage": library.voltage,
        "temperature": library.conditions.temperature, "stimulus": stimulus.name, "wire": wire,
        "scope": "pre-layout estimate from a simulation with delays, without clock tree and pads",
    }
