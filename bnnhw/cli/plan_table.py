"""Prints a plan: its units, their cycles, and the resources that they use."""

from __future__ import annotations

from typing import Any

from bnnhw.arch import get_arch
from bnnhw.arch.base import AnyPlan
from bnnhw.cli.tables import print_table
from bnnhw.emit.board import link_cost
from bnnhw.plan import Plan
from bnnhw.plan.resources import Resources

__all__ = ["estimate_json", "plan_json", "print_plan", "print_resources"]


def print_plan(plan: AnyPlan, clock_mhz: float | None, needed: Resources | None,
               has_goal: bool) -> None:
    """Print the rows of a plan and what they reach together.

    Parameters
    ----------
    plan : plan of any architecture
    clock_mhz : float or None
        The clock that the user gave.
    needed : Resources or None
        Estimate, for two more columns.
    has_goal : bool
        The user gave a goal, so the sentence reports whether it is reached.
    """
    arch = get_arch(plan.arch)
    rows = arch.describe(plan)
    columns, cells = list(rows.columns), [list(row) for row in rows.rows]
    if needed:
        columns += ["LUT", "block RAM"]
        costs = dict(needed.units)
        for row in cells:
            cost = costs[str(row[0])]
            use = cost.block_use(needed.device)
            row += [round(cost.lut), f"{cost.block} ({use:.0%} used)" if cost.block else "0"]
    print_table(rows.title, tuple(columns), cells)
    for note in rows.notes:
        print(note)
    reached = "reached" if plan.ii <= plan.target_cycles else "NOT reached"
    print(rows.totals + (f"; goal: at most {plan.target_cycles} cycles per frame, {reached}"
                         if has_goal else ""))
    clock = arch.clock(plan, clock_mhz)
    if clock is None:
        print(f"no clock is known for {plan.device}: --clock MHZ gives frames per second")
        return
    print(f"at {clock.mhz:g} MHz{clock.reason and f' ({clock.reason})'}: "
          f"{rows.frames_per_second(clock.mhz):,.0f} frames/s, "
          f"latency {plan.latency / clock.mhz:,.2f} us")


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
    left = _next_to_link(needed, plan)
    if left is not None:
        print("the host link of 'build' takes " + ", ".join(
            f"{link:,} {name}" for name, (link, _) in left.items()) + "; then remain "
            + ", ".join(f"{left_over:,} {name}" for name, (_, left_over) in left.items()))


def _next_to_link(needed: Resources, plan: Plan) -> dict[str, tuple[int, int]] | None:
    """Resources that the host link uses on a part, and those that it and the plan leave unused."""
    budget = needed.budget
    if budget is None:
        return None
    link, total = link_cost(plan, needed.device), needed.total
    return {name: (round(takes), round(there - used - takes)) for name, takes, used, there in (
        ("LUT4", link.lut, total.lut, budget.luts), ("flip-flops", link.ff, total.ff, budget.ffs),
        ("block RAM", link.block, total.block, budget.blocks))}


def estimate_json(plan: Plan, needed: Resources | None,
                  clock_mhz: float | None) -> dict[str, object]:
    """Return the clock of a plan and its estimate as JSON values."""
    arch = get_arch(plan.arch)
    clock, left = arch.clock(plan, clock_mhz), None
    resources = None
    if needed is not None:
        left = _next_to_link(needed, plan)
        resources = {**needed.to_json(), "host_link": None, "remaining": None}
    if left is not None and resources is not None:
        keys = dict(zip(left, ("lut", "ff", "block_ram"), strict=True))
        resources["host_link"] = {keys[name]: link for name, (link, _) in left.items()}
        resources["remaining"] = {keys[name]: left_over for name, (_, left_over) in left.items()}
    return {"clock": None if clock is None else {
                "clock_mhz": clock.mhz, "given": clock_mhz is not None, "note": clock.reason,
                "frames_per_second": round(arch.describe(plan).frames_per_second(clock.mhz), 2)},
            "resources": resources}


def plan_json(plan: AnyPlan) -> dict[str, object]:
    """Return what a plan reaches, and the plan itself, as JSON values."""
    return {"network": plan.name, "arch": plan.arch, "device": plan.device,
            **get_arch(plan.arch).describe(plan).summary, "plan": plan.to_json()}
