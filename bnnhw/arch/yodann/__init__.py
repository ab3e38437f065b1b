"""``yodann``: one core of latch memories for binary weights, and the jobs that it runs."""

from typing import Any

from bnnhw.arch.yodann.host import in_software, run_network
from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.model import YodannPlan
from bnnhw.arch.yodann.planning import plan
from bnnhw.ir import Graph
from bnnhw.rtl.yodann.core import YodannCore

__all__ = ["Job", "YodannPlan", "elaborate", "in_software", "load_plan", "plan", "run_network"]


def elaborate(plan: YodannPlan, graph: Graph) -> YodannCore:
    """Make the core of a plan; it is the same for every network."""
    return YodannCore(shape=plan.shape, name=plan.name)


def load_plan(data: dict[str, Any]) -> YodannPlan:
    """Rebuild a plan from ``YodannPlan.to_json``."""
    return YodannPlan.from_json(data)
