"""What the verbs print of architectures that run jobs: plans, and runs in simulation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.arch import get_arch
from bnnhw.arch.yodann import in_software, run_network
from bnnhw.cli.common import print_json, print_predictions, print_table, progress
from bnnhw.cli.golden import outputs_file
from bnnhw.cli.plan_table import plan_json
from bnnhw.emit.design import Design
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError, MismatchError
from bnnhw.golden.predictions import predictions
from bnnhw.sim.compare import count_mismatches
from bnnhw.sim.stalls import Stalls

__all__ = ["check_core", "print_jobs", "show_jobs", "simulate_design"]


def check_core(arch: str, core: str | None) -> None:
    """Refuse the size of a core where there is none."""
    if core is not None and not get_arch(arch).jobs:
        raise ConfigError(f"'{arch}' has no core to choose", where="--core",
                          hint="use --arch yodann")


def show_jobs(plan: Any, clock: float | None, json: bool) -> None:
    """Print a plan of jobs: as JSON, or as a table."""
    if json:
        print_json("bnnhw.plan/2", plan_json(plan))
    else:
        print_jobs(plan, clock)


def print_jobs(plan: Any, clock: float | None) -> None:
    """Print what the core does for each layer, and what the host does."""
    rows = [tuple(layer.summary(plan.shape).values()) for layer in plan.layers]
    s = plan.shape
    print_table(f"{plan.name} on {plan.device}: a core of {s.ni} channels and {s.no} units of "
                f"{s.kernel}x{s.kernel}",
                ("layer", "jobs", "mode", "cycles", "operations", "operations a cycle",
                 "utilisation", "of the bound"), rows)
    if plan.host:
        print("on the host: " + ", ".join(f"{name} ({kind})" for name, kind in plan.host))
    rate = f", {clock * 1e6 * plan.batch / plan.cycles:,.1f} frames/s at {clock:g} MHz" \
        if clock else ""
    print(f"{plan.cycles:,} cycles for {plan.batch} frame(s){rate}")


def simulate_design(design: Design, x: np.ndarray, stalls: Stalls, outputs: Path | None,
                    labels: np.ndarray | None, json: bool, show: int = 0) -> None:
    """Run every job through Verilator, compare, and print the cycles.

    Raises
    ------
    MismatchError
        A result or, without stalls, a cycle is not that of the plan.
    """
    from bnnhw.sim.jobs import simulate_jobs

    plan: Any = design.plan
    begin = time.perf_counter()
    with progress("simulate (verilator)", len(x)) as done:
        run = simulate_jobs(design, x, stalls, done)
    seconds = time.perf_counter() - begin
    exact = golden.run(design.graph, x)
    expected = exact if plan.shape.acc is None else \
        run_network(plan, design.graph, x, in_software(plan))
    mismatches = count_mismatches(expected, run.outputs)
    if outputs is not None:
        write_files({outputs: outputs_file(run.outputs)})
    layers = [{"layer": r.layer, "jobs": r.jobs, "cycles": r.cycles, "planned_cycles": r.planned,
               "utilisation": round(plan.layer(r.layer).utilisation(plan.shape)
                                    * r.planned / r.cycles, 4)} for r in run.layers.values()]
    summary = {
        "engine": "verilator", "frames": len(x), "mismatches": mismatches, "cycles": run.cycles,
        "planned_cycles": sum(r.planned for r in run.layers.values()),
        "saturated_frames": count_mismatches(exact, expected), "layers": layers,
        "seconds": round(seconds, 3),
        "accuracy": None if labels is None else float((labels == run.outputs["label"]).mean()),
    }
    shown = predictions(expected, run.outputs, labels, show)
    if shown:
        summary["predictions"] = [row.to_json() for row in shown]
    if json:
        print_json("bnnhw.simulate/1", summary)
    else:
        print_predictions(shown)
        _print_run(summary, layers, stalls)
    if mismatches:
        raise MismatchError(f"{mismatches} of {len(x)} frames differ from golden, although every "
                            "job is right")


def _print_run(s: dict[str, Any], layers: list[dict[str, Any]], stalls: Stalls) -> None:
    print_table("measured", tuple(layers[0]), [tuple(layer.values()) for layer in layers])
    print(f"{s['frames']} frames through verilator: {s['mismatches']} differ from golden, "
          f"{s['cycles']:,} cycles (plan {s['planned_cycles']:,}) in {s['seconds']} s")
    if stalls.input or stalls.output:
        print("with stalls, so the cycles are not those of the plan")
    if s["saturated_frames"]:
        print(f"sums saturated: {s['saturated_frames']} frames are not those of the exact network")
    if s["accuracy"] is not None:
        print(f"accuracy: {100 * s['accuracy']:.2f} %")
