"""Printing a plan: its units, what they reach together, and what they take of a part."""

from __future__ import annotations

from typing import Any

from bnnhw.arch import get_arch
from bnnhw.cli.common import print_table
from bnnhw.emit.board import link_cost
from bnnhw.families import get_device
from bnnhw.plan import Goal, Plan, Unit
from bnnhw.plan.resources import Resources

__all__ = ["clock_of", "estimate_json", "plan_json", "print_plan", "print_resources"]


def print_plan(plan: Plan, clock_mhz: float | None, needed: Resources | None = None,
               has_goal: bool = True) -> None:
    """Print the units of a plan and its totals; with ``has_goal`` also the user target."""
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
    reached = "reached" if plan.ii <= plan.target_cycles else "NOT reached"
    target = f" (asked for at most {plan.target_cycles}: {reached})" if has_goal else ""
    print(f"{plan.ii} cycles a frame{target}, latency {plan.latency} cycles")
    print(_speed(plan, clock_mhz))


def _speed(plan: Plan, clock_mhz: float | None) -> str:
    """Frames a second and latency, with the clock and why it is taken."""
    chosen = clock_of(plan, clock_mhz)
    if chosen is None:
        return f"no clock is known for {plan.device}: --clock MHZ gives frames a second"
    clock, why = chosen
    return (f"at {clock:g} MHz{why and f' ({why})'}: {clock * 1e6 / plan.ii:,.0f} frames/s, "
            f"latency {plan.latency / clock:,.2f} us")


def clock_of(plan: Plan, given_mhz: float | None) -> tuple[float, str] | None:
    """The clock to reckon with in MHz, and what is to be known of it; None where none is known."""
    expected = get_device(plan.device).clock
    if not get_arch(plan.arch).folds:  # its registers are placed for a clock
        return given_mhz or Goal.ASSUMED_MHZ, "its registers are placed for that; not timed"
    if given_mhz is None:
        return None if expected is None else (
            expected.usual_mhz, f"expected, and what 'build' runs at: {expected.evidence}")
    if expected is not None and given_mhz > expected.fastest_mhz:
        return given_mhz, f"more than expected: {expected.evidence}"
    return given_mhz, ""


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


def print_resources(needed: Resources, plan: Plan) -> None:
    """Print what a plan takes of a part, with the error of the estimate, and the host link."""
    rows: list[tuple[Any, ...]] = []
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
    left = _beside_link(needed, plan)
    if left is not None:
        print("the host link of 'build' takes " + ", ".join(
            f"{link:,} {name}" for name, (link, _) in left.items()) + "; then remain "
            + ", ".join(f"{rest:,} {name}" for name, (_, rest) in left.items()))


def _beside_link(needed: Resources, plan: Plan) -> dict[str, tuple[int, int]] | None:
    """Resources that the host link takes of a part, and what is left beside it and the plan."""
    budget = needed.budget
    if budget is None:
        return None
    link, total = link_cost(plan, needed.device), needed.total
    return {name: (round(takes), round(there - used - takes)) for name, takes, used, there in (
        ("LUT4", link.lut, total.lut, budget.luts), ("flip-flops", link.ff, total.ff, budget.ffs),
        ("block RAM", link.block, total.block, budget.blocks))}


def estimate_json(plan: Plan, needed: Resources | None,
                  clock_mhz: float | None) -> dict[str, Any]:
    """Return the clock of a plan and its estimate as JSON values."""
    chosen, left = clock_of(plan, clock_mhz), None
    resources = None
    if needed is not None:
        left = _beside_link(needed, plan)
        resources = {**needed.to_json(), "host_link": None, "remaining": None}
    if left is not None and resources is not None:
        keys = dict(zip(left, ("lut", "ff", "block_ram"), strict=True))
        resources["host_link"] = {keys[name]: link for name, (link, _) in left.items()}
        resources["remaining"] = {keys[name]: rest for name, (_, rest) in left.items()}
    return {"clock": None if chosen is None else {
                "clock_mhz": chosen[0], "given": clock_mhz is not None, "note": chosen[1],
                "frames_per_second": round(chosen[0] * 1e6 / plan.ii, 2)},
            "resources": resources}


def plan_json(plan: Any) -> dict[str, Any]:
    """Return what a plan reaches, and the plan itself, as JSON values."""
    common = {"network": plan.name, "arch": plan.arch, "device": plan.device}
    if not get_arch(plan.arch).jobs:
        return {**common, "cycles_per_frame": plan.ii,
                "target_cycles_per_frame": plan.target_cycles,
                "latency_cycles": plan.latency, "plan": plan.to_json()}
    layers = [layer.summary(plan.shape) for layer in plan.layers]
    for layer in layers:
        layer["operations_per_cycle"] = layer.pop("operations_a_cycle")
    return {**common, "frames_per_batch": plan.batch, "cycles_per_batch": plan.cycles,
            "layers": layers,
            "host_layers": [{"layer": name, "kind": kind} for name, kind in plan.host],
            "plan": plan.to_json()}
