"""Tests that estimates of units are near the results of synthesis, over widths and lanes."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bnnhw.arch.unrolled.logic import LogicParams
from bnnhw.dataflow.params import UNITS
from bnnhw.emit.generate import generate, plan_network
from bnnhw.families import DEVICES, FAMILIES, get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.plan.resources import resources
from tests.networks import random_graph

BENCH = Path(__file__).parents[2] / "bench"
RECORD = json.loads((BENCH / "unit_costs.json").read_text())
ROWS = [(family, name, row) for family, rows in RECORD.items() for name, row in rows.items()]
BANDS = {"affine": (0.4, 20), "fifo": (0.4, 30), "mvtu": (0.3, 20), "pool": (0.25, 50)}
DEFAULT_BAND = (0.25, 20)
"""Largest error of an estimate: a fraction of the measured count, plus a number of LUTs or
flip-flops. Multipliers, memories in LUTs and clock enables vary most with the sizes.
"""


def load_bench(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    return load_bench("unit_costs")


@pytest.mark.parametrize(("family", "name", "row"), ROWS, ids=[f"{f}-{n}" for f, n, _ in ROWS])
def test_estimates_of_units(family: str, name: str, row: dict[str, Any],
                            bench: ModuleType) -> None:
    device = get_device(family)
    params, _ = bench.KINDS[row["kind"]](family, *row["size"])
    cost = params.cost(device)
    fraction, slack = BANDS.get(row["kind"], DEFAULT_BAND)
    assert cost.lut == pytest.approx(row["lut"], abs=fraction * row["lut"] + slack)
    assert cost.ff == pytest.approx(row["ff"], abs=fraction * row["ff"] + slack)
    assert cost.block == row["block"]


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_estimates_of_designs(family: str) -> None:
    """Estimates of entire designs are near the recorded results of synthesis."""
    device, errors = get_device(family), []
    recorded = json.loads((BENCH / "costs.json").read_text())[family]
    for c in load_bench("configurations").configurations():
        if c.graph.name not in recorded or not c.graph.name.startswith("dense"):
            continue
        _, plan = plan_network(Network(c.graph, c.hints, ()), "streaming", device,
                               Goal(target_cycles=c.target_cycles))
        needed = resources(plan, device)
        assert needed is not None
        measured = {row["unit"]: row for row in recorded[c.graph.name]}
        assert set(measured) <= {unit.name for unit in plan.units}
        lut = sum(row["lut"] for row in measured.values())
        errors.append(abs(needed.total.lut / lut - 1))
        assert needed.total.lut == sum(cost.lut for _, cost in needed.units)
    assert len(errors) >= 5
    assert np.median(errors) < 0.1
    assert max(errors) < 0.5


def test_every_kind_is_measured(bench: ModuleType) -> None:
    """All configurations of the bench are recorded, and they include every kind of unit."""
    assert set(bench.SIZES) == set(UNITS) - {"logic"}
    for rows in RECORD.values():
        assert {(row["kind"], tuple(row["size"])) for row in rows.values()} == {
            (kind, tuple(size)) for kind, sizes in bench.SIZES.items() for size in sizes}


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_wider_scores_cost_more(family: str, bench: ModuleType) -> None:
    """The estimate of an argmax grows with the width of its scores."""
    device = get_device(family)

    def luts(*size: Any) -> float:
        return float(bench.argmax(family, *size)[0].cost(device).lut)

    assert luts(10, 1, 9, True) < luts(10, 1, 24, True) < luts(10, 2, 24, True)
    assert luts(10, 1, 24, True) < luts(10, 1, 48, True)


def test_unrolled_logic_costs_its_cells_and_a_queue() -> None:
    """The output queue alone adds LUTs to the cells of the netlist, in memories of 16 words."""
    graph = random_graph((40, 12, 10), seed=2)
    for name, queue_luts in (("ecp5", 6), ("ice40", 0)):
        device = get_device(name)
        plan = generate(Network(graph, {}, ()), "unrolled", device, Goal()).plan
        params = next(unit.params for unit in plan.units if unit.kind == "logic")
        assert isinstance(params, LogicParams)
        cells = math.ceil(params.o.bits / 4)  # at most 16 words deep
        assert params.queue_depth <= 17
        assert params.cost(device).lut == params.luts + queue_luts * cells
        assert params.cost(device).ff == params.ffs


def test_every_kind_of_unit_has_a_cost() -> None:
    modelled = [family for family in FAMILIES.values() if family.costs is not None]
    assert {family.name for family in modelled} == {"ecp5", "ice40"}
    for family in modelled:  # units of unrolled logic count the cells of their netlist
        assert set(UNITS) - {"logic"} <= set(family.need_costs().kinds), family.name
        assert any(device.budget for device in DEVICES.values() if device.family is family)


FEW_BITS = [(family, key, row) for family, rows in
            json.loads((BENCH / "bit_products.json").read_text()).items()
            for key, row in rows.items() if "adders of numbers" not in key]


@pytest.fixture(scope="module")
def products(bench: ModuleType) -> ModuleType:
    return load_bench("bit_products")


@pytest.mark.parametrize(("family", "key", "row"), FEW_BITS,
                         ids=[f"{family}-{key}" for family, key, _ in FEW_BITS])
def test_estimates_of_products_of_few_bits(family: str, key: str, row: dict[str, Any],
                                           products: ModuleType) -> None:
    _, name, columns, simd = next(case for case in products.CASES if case[0] == key)
    params, _ = products.unit(family, name, columns, simd)
    device = get_device(family)
    cost = params.cost(device)
    fraction, slack = BANDS["mvtu"]
    assert cost.lut == pytest.approx(row["lut"], abs=fraction * row["lut"] + slack)
    assert cost.ff == pytest.approx(row["ff"], abs=fraction * row["ff"] + slack)
    roms = sum(device.memory.blocks(m.depth, m.width) for m in params.memories()
               if not m.written and m.style == "block")
    assert roms <= row["block"] <= cost.block  # synthesis chooses the memory of the vector
