"""Estimates of units stay near what synthesis takes, over widths and lanes that users bring."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bnnhw.dataflow.params import UNITS
from bnnhw.families import FAMILIES, get_device

BENCH = Path(__file__).parents[2] / "bench"
RECORD = json.loads((BENCH / "unit_costs.json").read_text())
ROWS = [(family, name, row) for family, rows in RECORD.items() for name, row in rows.items()]
BAND, SLACK = 0.35, 40
"""Relative error of a unit's estimate, and lookup tables that small units may err besides."""


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("unit_costs", BENCH / "unit_costs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["unit_costs"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("family", "name", "row"), ROWS, ids=[f"{f}-{n}" for f, n, _ in ROWS])
def test_estimates_of_units(family: str, name: str, row: dict[str, Any],
                            bench: ModuleType) -> None:
    device = get_device(family)
    params, _ = bench.KINDS[row["kind"]](family, *row["size"])
    cost = params.cost(device)
    assert abs(cost.lut - row["lut"]) <= BAND * row["lut"] + SLACK
    assert abs(cost.ff - row["ff"]) <= BAND * row["ff"] + SLACK
    assert cost.block == row["block"]


def test_the_record_has_all_that_is_measured(bench: ModuleType) -> None:
    for rows in RECORD.values():
        assert {(row["kind"], tuple(row["size"])) for row in rows.values()} <= {
            (kind, tuple(size)) for kind, sizes in bench.SIZES.items() for size in sizes}


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_wider_scores_cost_more(family: str, bench: ModuleType) -> None:
    """An argmax behind a wide affine layer was estimated as if its scores were narrow."""
    device = get_device(family)

    def luts(*size: Any) -> float:
        return float(bench.argmax(family, *size)[0].cost(device).lut)

    assert luts(10, 1, 9, True) < luts(10, 1, 24, True) < luts(10, 2, 24, True)
    assert luts(10, 1, 24, True) < luts(10, 1, 48, True)


def test_every_kind_of_unit_has_a_cost() -> None:
    modelled = [family for family in FAMILIES.values() if family.costs is not None]
    assert {family.name for family in modelled} == {"ecp5", "ice40"}
    for family in modelled:  # units of unrolled logic count their cells themselves
        assert set(UNITS) - {"logic"} <= set(family.need_costs().kinds), family.name
