"""Synthesise the configurations, fit the resource model, and print its error.

    python bench/costs.py [--family ecp5 ice40] [--fit-only]

Results of synthesis go to bench/costs.json as they come, and are not made again while they are
there; the coefficients go to bnnhw/device/costs.json.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from configurations import configurations

from bnnhw.cli.common import print_table
from bnnhw.device import get_device
from bnnhw.device.costs import COSTS, all_features, block_count
from bnnhw.emit.design import generate
from bnnhw.flow.synth import synthesise
from bnnhw.frontend.network import Network
from bnnhw.plan import Wish

RECORD = Path(__file__).with_name("costs.json")


def measure(family: str, record: dict[str, Any]) -> None:
    """Synthesise what is not in the record yet."""
    device = get_device(family)
    rows = record.setdefault(family, {})
    for c in configurations():
        if c.graph.name in rows:
            continue
        begin = time.perf_counter()
        design = generate(Network(c.graph, c.hints, ()), "streaming", device, Wish(ii=c.target))
        report = synthesise(design, device)
        units = {u.name: u for u in design.plan.units}
        rows[c.graph.name] = [{
            "unit": u.unit, "kind": u.kind, "lut": u.lut, "ff": u.ff, "block": u.block,
            "planned_block": block_count(units[u.unit], device),
            "features": all_features(units[u.unit], device)} for u in report.units]
        print(f"{family} {c.graph.name}: {sum(u.lut for u in report.units)} LUT, "
              f"{time.perf_counter() - begin:.0f} s", flush=True)
        RECORD.write_text(json.dumps(record, indent=1) + "\n")


def non_negative(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares with coefficients that are not negative (a column at a time leaves)."""
    keep = list(range(a.shape[1]))
    while True:
        x = np.zeros(a.shape[1])
        solution, *_ = np.linalg.lstsq(a[:, keep], b, rcond=None)
        x[keep] = solution
        worst = min(keep, key=lambda k: x[k])
        if x[worst] >= 0 or len(keep) == 1:
            return np.maximum(x, 0)
        keep.remove(worst)


def fit(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Coefficients of one kind of unit; relative errors count, so rows are weighted."""
    names = sorted({name for row in rows for name in row["features"]})
    a = np.array([[row["features"].get(n, 0.0) for n in names] for row in rows])
    model: dict[str, Any] = {"samples": len(rows)}
    for what in ("lut", "ff"):
        b = np.array([row[what] for row in rows], dtype=float)
        weight = 1 / np.sqrt(b + 20)
        x = non_negative(a * weight[:, None], b * weight)
        model[what] = {n: round(float(v), 4) for n, v in zip(names, x, strict=True) if v > 0}
    return model


def predict(models: dict[str, Any], row: dict[str, Any], what: str) -> float:
    model = models.get(row["kind"], {what: {}})[what]
    return sum(model.get(n, 0.0) * v for n, v in row["features"].items())


def by_kind(designs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    rows = [row for units in designs.values() for row in units]
    return {kind: fit([r for r in rows if r["kind"] == kind])
            for kind in sorted({r["kind"] for r in rows})}


def evaluate(designs: dict[str, list[dict[str, Any]]]) -> np.ndarray:
    """Relative LUT error of each design by a model that was fitted to the others (ten parts)."""
    names = sorted(designs)
    errors = []
    for part in range(10):
        held = names[part::10]
        models = by_kind({n: designs[n] for n in names if n not in held})
        for n in held:
            true = sum(r["lut"] for r in designs[n])
            errors.append((sum(predict(models, r, "lut") for r in designs[n]) - true) / true)
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--family", nargs="*", default=["ecp5", "ice40"])
    parser.add_argument("--fit-only", action="store_true")
    arguments = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if not arguments.fit_only:
        for family in arguments.family:
            measure(family, record)
    families, table = {}, []
    for family, designs in sorted(record.items()):
        errors = np.abs(evaluate(designs))
        kinds = by_kind(designs)
        wrong = [(r["unit"], r["planned_block"], r["block"]) for units in designs.values()
                 for r in units if r["planned_block"] != r["block"]]
        families[family] = {"lut_error": round(float(np.percentile(errors, 90)), 4),
                            "designs": len(designs), "kinds": kinds}
        units = sum(len(d) for d in designs.values())
        table.append((family, len(designs), units, f"{np.median(errors):.1%}",
                      f"{np.percentile(errors, 90):.1%}", len(wrong)))
        for unit, planned, found in wrong[:12]:
            print(f"{family}: unit {unit}: {planned} block RAM planned, {found} found")
    print_table("resource model, LUT error of designs that were left out of the fit",
                ("family", "designs", "units", "median", "90 %", "block RAM wrong"), table)
    COSTS.write_text(json.dumps({"families": families}, indent=1) + "\n")


if __name__ == "__main__":
    main()
