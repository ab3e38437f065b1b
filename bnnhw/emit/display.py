"""What a notebook shows of a design: one line of facts, and a table of its units."""

from __future__ import annotations

from typing import Any

from bnnhw.arch import get_arch
from bnnhw.html_table import html_table
from bnnhw.plan.resources import Resources

__all__ = ["design_facts", "design_table"]


def design_facts(plan: Any, needed: Resources | None) -> str:
    """Return the main figures of a plan in one line; ``needed`` is the estimate of its size."""
    facts = [f"{plan.arch} on {plan.device}"]
    if get_arch(plan.arch).jobs:
        facts.append(f"{plan.cycles:,} cycles for {plan.batch} frames")
    else:
        facts += [f"{plan.ii:,} cycles/frame", f"latency {plan.latency:,}"]
    if needed is not None:
        facts += [f"~{round(needed.total.lut):,} LUT4", f"{needed.total.block} block RAM"]
    return f"{plan.name}: {', '.join(facts)}"


def design_table(plan: Any, needed: Resources | None) -> str:
    """Return an HTML table with a row for each unit, or for each layer of a core that runs jobs."""
    title = design_facts(plan, needed)
    if get_arch(plan.arch).jobs:
        rows = [layer.summary(plan.shape) for layer in plan.layers]
        return html_table(title, list(rows[0]), (row.values() for row in rows))
    costs = dict(needed.units) if needed else {}
    return html_table(title, ("unit", "kind", "layer", "cycles", "LUT4", "block RAM"), (
        (unit.name, unit.kind, unit.layer, unit.cycles,
         round(costs[unit.name].lut) if unit.name in costs else None,
         costs[unit.name].block if unit.name in costs else None)
        for unit in plan.units))
