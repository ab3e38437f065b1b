"""Every decision of a design, as data: folding, memories, widths, exact cycles and latency."""

from bnnhw.plan.model import BufferUnit, FieldPlan, LabelUnit, Memory, Plan, StreamPlan, Unit
from bnnhw.plan.wish import Wish

__all__ = ["BufferUnit", "FieldPlan", "LabelUnit", "Memory", "Plan", "StreamPlan", "Unit", "Wish"]
