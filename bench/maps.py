"""Measures convolutional networks: planning time, and place-and-route of FINN's CNV."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from bnnhw.arch import get_arch
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.importers.network import load_network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.resources import resources

__all__ = ["bench_cnv", "bench_plan"]

EXAMPLES = Path("designs/examples")
FINN_LUT_A_LANE = {"FINN CNV-max, LUT6, published": 7.1, "FINN SFC-max, LUT6, published": 4.4}


def lanes(plan: Plan) -> int:
    """Number of XNOR lanes of a design."""
    return sum(unit.products_per_cycle for unit in plan.units)


def bench_plan() -> list[dict[str, Any]]:
    """Time to plan a network on ECP5 (best of five, in milliseconds), and figures of the plan."""
    rows = []
    device = get_device("ecp5-85")
    for name, ii in (("cnv", 32768), ("cnv, solver", 32768), ("residual", 5000),
                     ("mobilenet", 5000), ("keyword", 2000), ("segment", 5000)):
        network = load_network(EXAMPLES / f"{name.split(',')[0]}.yaml")
        hints = {} if "solver" in name else network.hints
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            plan = get_arch("streaming").plan(network.graph, device, Goal(target_cycles=ii),
                                                 hints=hints)
            times.append(1000 * (time.perf_counter() - begin))
        needed = resources(plan, device)
        rows.append({"network": name, "milliseconds": round(min(times), 1),
                     "units": len(plan.units), "cycles per frame": plan.ii,
                     "latency": plan.latency, "XNOR lanes": lanes(plan),
                     "LUT, estimated": round(needed.total.lut) if needed else "-",
                     "block RAM": needed.total.block if needed else "-"})
    return rows


def bench_cnv() -> list[dict[str, Any]]:
    """CNV with random weights, placed and routed on ECP5-85 at 80 MHz; takes ten minutes or more.

    With the folding that its authors published, and with the folding that the solver finds.
    """
    from bnnhw.tools.core_timing import place_and_route
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
            "design": name, "cycles per frame": design.plan.ii, "XNOR lanes": lanes(design.plan),
            "LUT4": total["lut"], "LUT4, estimated": round(needed.total.lut) if needed else "-",
            "LUT4 placed": used["TRELLIS_COMB"], "FF": used["TRELLIS_FF"],
            "EBR": used["DP16KD"], "EBR, planned": needed.total.block if needed else "-",
            "fmax MHz": placed["fmax_mhz"],
            "frames/s": round(placed["fmax_mhz"] * 1e6 / design.plan.ii),
            "LUT4 per lane": round(total["lut"] / lanes(design.plan), 2), **FINN_LUT_A_LANE})
    return rows
