"""The decisions of a design as data: its plan, its goal, and the resources that it needs."""

from bnnhw.plan.goal import Goal
from bnnhw.plan.model import FieldPlan, Plan

__all__ = ["FieldPlan", "Goal", "Plan"]
