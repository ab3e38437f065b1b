"""Every decision of a design, as data: folding, memories, widths, exact cycles and latency."""

from bnnhw.plan.model import FieldPlan, Memory, Plan, StreamPlan, Unit, Wish

__all__ = ["FieldPlan", "Memory", "Plan", "StreamPlan", "Unit", "Wish"]
