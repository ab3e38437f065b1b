"""Every decision of a design, as data: folding, memories, widths, exact cycles and latency."""

from bnnhw.plan.model import FieldPlan, Plan, StreamPlan, Unit, Wish

__all__ = ["FieldPlan", "Plan", "StreamPlan", "Unit", "Wish"]
