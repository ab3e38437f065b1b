"""Benches of maps: how long planning takes, and FINN's CNV placed and routed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bnnhw.arch import get_arch
from bnnhw.arch.streaming.units import MvtuPlan
from bnnhw.device import get_device
from bnnhw.emit.design import generate
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.resources import resources

__all__ = ["bench_cnv", "bench_plan"]

EXAMPLES = Path("designs/examples")
FINN_LUT_A_LANE = {"FINN CNV-max, LUT6, published": 7.1, "FINN SFC-max, LUT6, published": 4.4}


def lanes(plan: Plan) -> int:
    """XNOR lanes: PE x SIMD of all layers."""
    return sum(unit.pe * unit.simd for unit in plan.units if isinstance(unit, MvtuPlan))


def bench_plan() -> list[dict[str, Any]]:
    """Milliseconds from a network to exact cycles and buffer depths, and what was planned."""
    rows = []
    device = get_device("ecp5-85")
    for name, ii in (("cnv", 32768), ("cnv, solver", 32768), ("residual", 5000),
                     ("mobilenet", 5000), ("keyword", 2000), ("segment", 5000)):
        network = load_network(EXAMPLES / f"{name.split(',')[0]}.yaml")
        hints = {} if "solver" in name else network.hints
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            plan = get_arch("streaming").plan(network.graph, hints, device, Goal(target_cycles=ii))
            times.append(1000 * (time.perf_counter() - begin))
        needed = resources(plan, device)
        rows.append({"network": name, "milliseconds": round(min(times), 1),
                     "units": len(plan.units), "cycles a frame": plan.ii,
                     "latency": plan.latency, "XNOR lanes": lanes(plan),
                     "LUT, estimated": round(needed.total.lut) if needed else "-",
                     "block RAM": needed.total.block if needed else "-"})
    return rows


def bench_cnv() -> list[dict[str, Any]]:
    """CNV's shape with random weights and its authors' folding on ECP5-85: ten minutes or more."""
    from bnnhw.tools.pnr import place_and_route
    from bnnhw.tools.synth import synthesise
    device = get_device("ecp5-85")
    network = load_network(EXAMPLES / "cnv.yaml")
    rows = []
    for name, hints in (("folding of the authors", network.hints), ("folding of the solver", {})):
        design = generate(type(network)(network.graph, hints, ()), "streaming", device,
                          Goal(target_cycles=32768))
        needed = resources(design.plan, device)
        total = synthesise(design, device).to_json()["total"]
        placed = place_and_route(design, device, 80.0, 1)
        used = {key: value["used"] for key, value in placed["utilisation"].items()}
        rows.append({
            "design": name, "cycles a frame": design.plan.ii, "XNOR lanes": lanes(design.plan),
            "LUT4": total["lut"], "LUT4, estimated": round(needed.total.lut) if needed else "-",
            "LUT4 placed": used["TRELLIS_COMB"], "FF": used["TRELLIS_FF"],
            "EBR": used["DP16KD"], "EBR, planned": needed.total.block if needed else "-",
            "fmax MHz": placed["fmax_mhz"],
            "frames/s": round(placed["fmax_mhz"] * 1e6 / design.plan.ii),
            "LUT4 a lane": round(total["lut"] / lanes(design.plan), 2), **FINN_LUT_A_LANE})
    return rows
