"""Formats a design for notebooks: one line of facts, and a table of its units."""

from __future__ import annotations

from bnnhw.arch import Rows
from bnnhw.arch.base import AnyPlan
from bnnhw.html_table import html_table
from bnnhw.plan.resources import Resources

__all__ = ["design_facts", "design_table"]


def design_facts(plan: AnyPlan, rows: Rows, needed: Resources | None) -> str:
    """Return the main figures of a design in one line; ``needed`` is the estimate of its size."""
    facts = [f"{plan.arch} on {plan.device}", rows.totals]
    if needed is not None:
        facts += [f"~{round(needed.total.lut):,} LUT4", f"{needed.total.block} block RAM"]
    return f"{plan.name}: {', '.join(facts)}"


def design_table(plan: AnyPlan, rows: Rows, needed: Resources | None) -> str:
    """Return an HTML table of the rows of a plan, with the estimate of each where there is one."""
    columns, cells = rows.columns, [list(row) for row in rows.rows]
    if needed is not None:
        columns = (*columns, "LUT4", "block RAM")
        costs = dict(needed.units)
        for row in cells:
            cost = costs.get(str(row[0]))
            row += [None, None] if cost is None else [round(cost.lut), cost.block]
    return html_table(design_facts(plan, rows, needed), columns, cells)
