"""Every decision of a design, as data: folding, memories, widths, exact cycles and latency."""

from bnnhw.plan.model import Plan, StreamPlan, Unit, Wish

__all__ = ["Plan", "StreamPlan", "Unit", "Wish"]
