"""Every decision of a design, as data: folding, memories, widths, exact cycles and latency."""

from bnnhw.plan.goal import Goal
from bnnhw.plan.model import BufferUnit, FieldPlan, LabelUnit, Memory, Plan, StreamPlan, Unit

__all__ = ["BufferUnit", "FieldPlan", "Goal", "LabelUnit", "Memory", "Plan", "StreamPlan", "Unit"]
