"""Printing a plan: its units, what they reach together, and what they take of a part."""

from __future__ import annotations

from typing import Any

from bnnhw.arch import get_arch
from bnnhw.cli.common import print_table
from bnnhw.plan import Plan, Unit, Wish
from bnnhw.plan.resources import Resources

__all__ = ["plan_json", "print_plan", "print_resources"]


def print_plan(plan: Plan, clock_mhz: float | None, needed: Resources | None = None,
               wished: bool = True) -> None:
    """Print the units of a plan and what they reach together; ``wished``: the user asked for its
    target."""
    spans = {name: (first, last) for name, first, last in plan.spans}
    costs = dict(needed.units) if needed else {}
    rows = []
    for unit in plan.units:
        first, last = spans.get(unit.name, ("", ""))
        row: list[Any] = [unit.name, unit.kind, _shape(unit), unit.cycles,
                          f"{unit.cycles / plan.ii:.0%}", first, last, _memory(unit)]
        if needed:
            cost = costs[unit.name]
            use = cost.block_use(needed.device)
            row += [round(cost.lut), f"{cost.block} ({use:.0%} used)" if cost.block else "0"]
        rows.append(tuple(row))
    columns = ["unit", "kind", "PE x SIMD", "cycles", "busy", "first in", "last out", "memory"]
    print_table(f"{plan.name}: {plan.arch} on {plan.device}",
                tuple(columns + (["LUT", "block RAM"] if needed else [])), rows)
    reached = "reached" if plan.ii <= plan.target else "NOT reached"
    asked = "" if not wished else f" (asked for at most {plan.target}: {reached})"
    print(f"{plan.ii} cycles a frame{asked}, latency {plan.latency} cycles")
    clock = clock_mhz or Wish.ASSUMED_MHZ
    print(f"at {clock:g} MHz{'' if clock_mhz else ' (say --clock)'}: "
          f"{clock * 1e6 / plan.ii:,.0f} frames/s, latency {plan.latency / clock:,.2f} us")


def _shape(unit: Unit) -> str:
    """Lanes of a unit: its fold, or what it regroups."""
    s = unit.summary()
    if "pe" not in s:
        return str(s.get("lanes", ""))
    form = {"serial": f", {s.get('bits')} planes in turn",
            "parallel": f", {s.get('bits')} bits at once"}.get(s.get("form", ""), "")
    padding = f", {s['padding']} padded" if s["padding"] else ""
    return f"{s['pe']} x {s['simd']}{form}{padding}"


def _memory(unit: Unit) -> str:
    """What a unit stores, and where."""
    parts = []
    for memory in unit.memories():
        if memory.what in ("queue", "scales") and unit.kind != "fifo":
            continue
        where = "" if memory.style in ("auto", "constant") else f" {memory.style}"
        if memory.depth > 1:
            parts.append(f"{memory.what} {memory.depth}x{memory.width}{where}")
    if len(set(parts)) == 1 and len(parts) > 1:
        return f"{len(parts)} {parts[0]}"
    return ", ".join(parts)


def print_resources(needed: Resources) -> None:
    """Print what a plan takes of a part, with the error of the estimate beside it."""
    rows = []
    for name, used, there in needed.rows():
        share = "" if there is None else f"{used / there:.0%}"
        use = needed.total.block_use(needed.device)
        error = f"+- {needed.error:.0%} (9 of 10 designs)"
        if name == "block RAM":
            error = f"exact for 9 of 10 units; {use:.0%} of their bits used"
        elif name == "SPRAM":
            error = f"exact; {needed.total.spram_bits:,} bits are loaded at start-up" if used \
                else "exact; for weights that find no block RAM"
        rows.append((name, used, "" if there is None else there, share, error))
    print_table(f"estimate for {needed.device.name}",
                ("resource", "used", "available", "share", "error"), rows)


def plan_json(plan: Any) -> dict[str, Any]:
    """Return what a plan reaches, and the plan itself, as JSON values."""
    common = {"network": plan.name, "arch": plan.arch, "device": plan.device}
    if not get_arch(plan.arch).jobs:
        return {**common, "cycles_per_frame": plan.ii, "target_cycles_per_frame": plan.target,
                "latency_cycles": plan.latency, "plan": plan.to_json()}
    layers = [layer.summary(plan.shape) for layer in plan.layers]
    for layer in layers:
        layer["operations_per_cycle"] = layer.pop("operations_a_cycle")
    return {**common, "frames_per_batch": plan.batch, "cycles_per_batch": plan.cycles,
            "layers": layers,
            "host_layers": [{"layer": name, "kind": kind} for name, kind in plan.host],
            "plan": plan.to_json()}
