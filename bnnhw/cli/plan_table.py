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
    rows_of_link = _next_to_link(needed, plan)
    if rows_of_link:
        print("the host link of 'build' takes "
              + ", ".join(f"{link:,} {name}" for name, _, link, _ in rows_of_link)
              + "; then remain "
              + ", ".join(f"{left:,} {name}" for name, _, _, left in rows_of_link))


def _next_to_link(needed: Resources, plan: Plan) -> list[tuple[str, str, int, int]]:
    """Resources of a part next to the host link; empty without a part.

    Each has its name, its key in JSON documents, what the host link uses, and what it and the plan
    leave unused.
    """
    budget = needed.budget
    if budget is None:
        return []
    link, total = link_cost(plan, needed.device), needed.total
    return [(name, key, round(takes), round(there - used - takes))
            for name, key, takes, used, there in (
                ("LUT4", "lut", link.lut, total.lut, budget.luts),
                ("flip-flops", "ff", link.ff, total.ff, budget.ffs),
                ("block RAM", "block_ram", link.block, total.block, budget.blocks))]


def estimate_json(plan: Plan, needed: Resources | None,
                  clock_mhz: float | None) -> dict[str, object]:
    """Return the clock of a plan and its estimate as JSON values."""
    arch = get_arch(plan.arch)
    clock, resources = arch.clock(plan, clock_mhz), None
    if needed is not None:
        rows = _next_to_link(needed, plan)
        resources = {**needed.to_json(),
                     "host_link": {key: link for _, key, link, _ in rows} or None,
                     "remaining": {key: left for _, key, _, left in rows} or None}
    return {"clock": None if clock is None else {
                "clock_mhz": clock.mhz, "given": clock_mhz is not None, "note": clock.reason,
                "frames_per_second": round(arch.describe(plan).frames_per_second(clock.mhz), 2)},
            "resources": resources}


def plan_json(plan: AnyPlan) -> dict[str, object]:
    """Return what a plan reaches, and the plan itself, as JSON values."""
    return {"network": plan.name, "arch": plan.arch, "device": plan.device,
            **get_arch(plan.arch).describe(plan).summary, "plan": plan.to_json()}
