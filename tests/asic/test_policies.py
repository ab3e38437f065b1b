"""Tests limits, defaults and cost formulas of the cell flow against figures by hand.

The netlists are written by hand, so that these tests need neither Yosys nor a simulator.
"""

from __future__ import annotations

import pytest

from bnnhw.asic import CellLibrary, Mapped, Netlist, Stimulus, Task, estimate_energy
from bnnhw.asic.assignments import Net
from bnnhw.asic.fanout import buffer_outputs
from bnnhw.asic.gate_simulation import default_period
from bnnhw.asic.library import build_library
from bnnhw.asic.librelane import hand_off
from bnnhw.asic.roles import find_roles
from bnnhw.asic.vcd import Toggles
from bnnhw.families.yosys_json import Cell, Module
from tests.asic.designs import design
from tests.asic.tiny_library import liberty, tiny_library

PIN_FF, VOLTS = 2.0, 1.2
"""Input capacitance of each cell of the tiny library, and its supply voltage."""

INTERNAL = 'internal_power () { rise_power (scalar) { values ("3"); } ' \
    'fall_power (scalar) { values ("5"); } } '


def cell(kind: str, **connections: Net) -> Cell:
    return {"hide_name": 0, "type": kind, "parameters": {}, "attributes": {},
            "port_directions": {}, "connections": {pin: [net] for pin, net in connections.items()}}


def module(cells: dict[str, Cell], inputs: int = 1, outputs: tuple[int, ...] = ()) -> Module:
    """A module whose inputs are the nets from 2 on; each net ``k`` has the name ``nk``."""
    nets = {bit for c in cells.values() for bits in c["connections"].values() for bit in bits
            if isinstance(bit, int)}
    return {"attributes": {}, "cells": cells,
            "ports": {"a": {"direction": "input", "bits": [*range(2, 2 + inputs)]},
                      "y": {"direction": "output", "bits": [*outputs]}},
            "netnames": {f"n{net}": {"hide_name": 0, "bits": [net], "attributes": {}}
                         for net in sorted(nets)}}


def mapped(library: CellLibrary, netlist: Module) -> Mapped:
    return Mapped("top", library, find_roles(library), {"top": netlist}, "", "", netlist, (), (),
                  "", True)


def chain() -> Module:
    """Net 2, an inverter, net 3, an inverter, net 4, which is an output."""
    return module({"first": cell("INV", A=2, Y=3), "second": cell("INV", A=3, Y=4)}, outputs=(4,))


def rise_ns(load_ff: float) -> float:
    """The table of each cell of the tiny library at the assumed slew of 0.1 ns."""
    slew = (0.1 - 0.05) / (0.5 - 0.05)
    return 0.1 + 0.2 * (max(load_ff, 1) - 1) / 99 + 0.1 * slew


def test_delays_and_the_default_period() -> None:
    netlist = Netlist.of(mapped(tiny_library(), chain()))
    longest_ns = rise_ns(PIN_FF) + rise_ns(0)
    assert netlist.longest * 1e9 == pytest.approx(longest_ns, rel=1e-6)
    assert default_period(netlist) * 1e9 == pytest.approx(3 * longest_ns, abs=2e-3)
    assert round(default_period(netlist) * 1e12) % 2 == 0


def test_wires_are_counted_only_on_request() -> None:
    made = mapped(tiny_library(), chain())
    assert Task().wire == 0
    assert [Netlist.of(made).load(net) * 1e15 for net in (2, 3, 4)] == \
        pytest.approx([PIN_FF, PIN_FF, 0])
    # One pin, or the output port, is at the end of each wire.
    assert [Netlist.of(made, 5e-15).load(net) * 1e15 for net in (2, 3, 4)] == \
        pytest.approx([PIN_FF + 5, PIN_FF + 5, 5])


@pytest.mark.parametrize(("sinks", "buffers"), [(30, 0), (31, 4), (40, 4), (400, 29)])
def test_buffers_are_half_loaded(sinks: int, buffers: int) -> None:
    """An output may drive 60 fF, which is 30 pins; a buffer gets 30 fF at most."""
    library = tiny_library()
    netlist = module({"driver": cell("INV", A=2, Y=3),
                      **{f"sink{k}": cell("INV", A=3, Y=4 + k) for k in range(sinks)}})
    assert buffer_outputs({"top": netlist}, library, find_roles(library).buffer) == buffers
    loads: dict[Net, float] = {}
    for described in netlist["cells"].values():
        net = described["connections"]["A"][0]
        loads[net] = loads.get(net, 0) + PIN_FF
    drivers = {c["connections"]["Y"][0]: c["type"] for c in netlist["cells"].values()}
    assert all(load <= (30 if drivers[net] == "BUF" else 60) for net, load in loads.items()
               if net in drivers)
    assert sum(c["type"] == "BUF" for c in netlist["cells"].values()) == buffers


@pytest.mark.parametrize(("lef", "patched"), [(4.003, False), (4.006, True), (3.997, False),
                                              (3.99, True)])
def test_areas_are_patched_beyond_a_thousandth(lef: float, patched: bool) -> None:
    library = build_library(liberty(), {"XR2": lef}, "x.lib")
    assert bool(library.patches) == patched
    assert library.cells["XR2"].area == (lef if patched else 4)


def test_energy_of_edges() -> None:
    """Half of C V^2 per edge, the internal energy of the driver, and leakage over time."""
    text = liberty().replace("direction : output; max_capacitance : 60; function : \"A'\"",
                             f"direction : output; max_capacitance : 60; function : \"A'\"; "
                             f"{INTERNAL}").replace(
        "nom_process", "default_cell_leakage_power : 4; nom_process")
    made = mapped(build_library(text, {}, "x.lib"), chain())
    netlist = Netlist.of(made, 5e-15)
    toggles = Toggles({("n2", 0): (3, 2), ("n3", 0): (2, 3), ("n4", 0): (1, 0)}, 100e-9)
    found = estimate_energy(netlist, made.roles, toggles, [], Stimulus("", 2, 7, 10e-9))
    edge_ff = (PIN_FF + 5) * 5 + (PIN_FF + 5) * 5 + 5
    assert found.switching * 1e15 == pytest.approx(edge_ff * VOLTS ** 2 / 2)
    assert found.internal * 1e15 == pytest.approx(2 * 3 + 3 * 5 + 1 * 3)
    assert found.leakage == pytest.approx(2 * 4e-9 * 100e-9)
    assert found.fo4 * 1e15 == pytest.approx(4 * PIN_FF * VOLTS ** 2 / 2)
    assert found.cycles == 10
    assert found.dynamic == pytest.approx((found.switching + found.internal) / 2)
    assert found.operation == pytest.approx(found.dynamic / (2 * 7))


def test_the_period_for_librelane() -> None:
    """Without a period, 1.5 times twice the longest path: layout adds wires and a clock tree."""
    library = tiny_library()
    made = mapped(library, chain())
    files = hand_off(design("unrolled", (8, 4)), made, None, None)
    longest_ns = rise_ns(PIN_FF) + rise_ns(0)
    assert f"-period {3 * longest_ns:.4f}".encode() in files["net.sdc"]
    assert f"set_load {4 * PIN_FF:g} [all_outputs]".encode() in files["net.sdc"]
