"""``unrolled``: weights are constants, rows share their sums, one vector a cycle."""

from typing import Any

from bnnhw.arch.streaming.planning import load_plan as load_units
from bnnhw.arch.streaming.top import elaborate
from bnnhw.arch.streaming.units import UNITS
from bnnhw.arch.unrolled.logic import LogicPlan
from bnnhw.arch.unrolled.planning import plan
from bnnhw.plan import Plan

__all__ = ["elaborate", "load_plan", "plan"]


def load_plan(data: dict[str, Any]) -> Plan:
    """Rebuild a Plan from ``Plan.to_json``."""
    return load_units(data, {**UNITS, LogicPlan.kind: LogicPlan})
