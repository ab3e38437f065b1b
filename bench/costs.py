"""Synthesises the configurations, fits the resource model, and prints its error.

    python bench/costs.py [--family ecp5 ice40] [--again KIND] [--fit-only]

Each result of synthesis is stored in bench/costs.json and reused by later runs; ``--again``
synthesises one kind of unit again. The coefficients are written to
bnnhw/families/NAME/costs.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import unit_costs
from configurations import configurations
from scipy.optimize import nnls

from bnnhw.cli.tables import print_table
from bnnhw.emit.generate import generate, plan_network
from bnnhw.errors import ToolError
from bnnhw.families import get_device
from bnnhw.families.costs import all_features, block_count
from bnnhw.importers.network import Network
from bnnhw.plan import Goal
from bnnhw.tools.synth import synthesise

RECORD = Path(__file__).with_name("costs.json")
FAMILIES = Path(__file__).parents[1] / "bnnhw" / "families"


def measure(family: str, record: dict[str, Any], again: str | None) -> None:
    """Synthesise what is not in the record yet, and the units of a kind ``again``."""
    device = get_device(family)
    rows = record.setdefault(family, {})
    for c in configurations():
        known = rows.get(c.graph.name)
        if known is not None and again not in {row["kind"] for row in known}:
            continue
        begin = time.perf_counter()
        design = generate(Network(c.graph, c.hints, ()), "streaming", device,
                          Goal(target_cycles=c.target_cycles))
        try:
            report = synthesise(design, device, None if known is None else again)
        except ToolError as error:  # some netlists crash the mapper of some families
            print(f"{family} {c.graph.name}: left out, {error}", flush=True)
            continue
        found = {u.unit: {"unit": u.unit, "kind": u.kind, "lut": u.lut, "ff": u.ff,
                          "block": u.block} for u in report.units}
        rows[c.graph.name] = [found.get(row["unit"], row) for row in known or found.values()]
        print(f"{family} {c.graph.name}: {sum(u.lut for u in report.units)} LUT, "
              f"{time.perf_counter() - begin:.0f} s", flush=True)
        RECORD.write_text(json.dumps(record, indent=1) + "\n")


def with_features(family: str, designs: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Combine the features of each unit in the plan with its cells after synthesis."""
    device = get_device(family)
    by_name = {c.graph.name: c for c in configurations()}
    result = {}
    for name, rows in designs.items():
        c = by_name[name]
        plan = plan_network(Network(c.graph, c.hints, ()), "streaming", device,
                            Goal(target_cycles=c.target_cycles))[1]
        units = {u.name: u.params for u in plan.units}
        result[name] = [{**row, "planned_block": block_count(units[row["unit"]], device),
                         "features": all_features(units[row["unit"]], device)} for row in rows]
    return result


def fit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coefficients of one kind of unit; relative errors count, so rows are weighted."""
    names = sorted({name for row in rows for name in row["features"]})
    a = np.array([[row["features"].get(n, 0.0) for n in names] for row in rows])
    model: dict[str, Any] = {"samples": len(rows)}
    for what in ("lut", "ff"):
        b = np.array([row[what] for row in rows], dtype=float)
        weight = 1 / np.sqrt(b + 20)
        x, _ = nnls(a * weight[:, None], b * weight)
        model[what] = {n: round(float(v), 4) for n, v in zip(names, x, strict=True) if v > 0}
    return model


def predict(models: dict[str, Any], row: dict[str, Any], what: str) -> float:
    model = models.get(row["kind"], {what: {}})[what]
    return sum(model.get(n, 0.0) * v for n, v in row["features"].items())


def alone(family: str) -> list[dict[str, Any]]:
    """Units that unit_costs.py synthesised alone, with their counts."""
    device, rows = get_device(family), []
    for row in json.loads(unit_costs.RECORD.read_text()).get(family, {}).values():
        params, _ = unit_costs.KINDS[row["kind"]](family, *row["size"])
        rows.append({**row, "features": all_features(params, device)})
    return rows


def by_kind(designs: dict[str, list[dict[str, Any]]], others: list[dict[str, Any]]
            ) -> dict[str, Any]:
    rows = [*others, *(row for units in designs.values() for row in units)]
    return {kind: fit([r for r in rows if r["kind"] == kind])
            for kind in sorted({r["kind"] for r in rows})}


def evaluate(designs: dict[str, list[dict[str, Any]]], others: list[dict[str, Any]]
             ) -> np.ndarray:
    """Relative LUT error of each design by a model that was fitted to the others (ten parts)."""
    names = sorted(designs)
    errors = []
    for part in range(10):
        held = names[part::10]
        models = by_kind({n: designs[n] for n in names if n not in held}, others)
        for n in held:
            true = sum(r["lut"] for r in designs[n])
            errors.append((sum(predict(models, r, "lut") for r in designs[n]) - true) / true)
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--family", nargs="*", default=["ecp5", "ice40"])
    parser.add_argument("--again", metavar="KIND", help="units to synthesise again")
    parser.add_argument("--fit-only", action="store_true")
    arguments = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if not arguments.fit_only:
        for family in arguments.family:
            measure(family, record, arguments.again)
    table = []
    for family, recorded in sorted(record.items()):
        designs = with_features(family, recorded)
        others = alone(family)
        errors = np.abs(evaluate(designs, others))
        kinds = by_kind(designs, others)
        wrong = [(r["unit"], r["planned_block"], r["block"]) for units in designs.values()
                 for r in units if r["planned_block"] != r["block"]]
        model = {"lut_error": round(float(np.percentile(errors, 90)), 4),
                 "designs": len(designs), "kinds": kinds}
        (FAMILIES / family / "costs.json").write_text(json.dumps(model, indent=1) + "\n")
        units = sum(len(d) for d in designs.values())
        table.append((family, len(designs), units, f"{np.median(errors):.1%}",
                      f"{np.percentile(errors, 90):.1%}", len(wrong)))
        for unit, planned, found in wrong[:12]:
            print(f"{family}: unit {unit}: {planned} block RAM planned, {found} found")
    print_table("resource model, LUT error of designs that were left out of the fit",
                ("family", "designs", "units", "median", "90 %", "block RAM wrong"), table)


if __name__ == "__main__":
    main()
