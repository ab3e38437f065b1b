"""The ``yodann`` architecture: one core of latch memories computes all jobs of a network.

The core follows YodaNN (Andri et al., IEEE TCAD 2018): the host cuts each layer into jobs, sends
them one after another, and computes the layers that are no products.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnhw.arch.base import Architecture, Fraction, option_field
from bnnhw.arch.registry import register
from bnnhw.arch.rows import Rows
from bnnhw.arch.simulation import Engine, Generated, Progress, Stalls, StreamCore
from bnnhw.arch.workload import Workload
from bnnhw.arch.yodann.description import describe
from bnnhw.arch.yodann.host import in_software, run_network
from bnnhw.arch.yodann.job import Job
from bnnhw.arch.yodann.model import YodannPlan
from bnnhw.arch.yodann.planning import plan
from bnnhw.arch.yodann.simulation import JobRun, core_of, reference, run_jobs
from bnnhw.arch.yodann.workload import workloads
from bnnhw.config.hints import Hints
from bnnhw.families import Device
from bnnhw.ir import Graph
from bnnhw.json_types import Json
from bnnhw.plan import Goal
from bnnhw.rtl.yodann.core import YodannCore

__all__ = ["YODANN", "Job", "Yodann", "YodannOptions", "YodannPlan", "in_software", "run_network"]


@dataclass(frozen=True)
class YodannOptions:
    """Options of ``yodann``.

    Parameters
    ----------
    core : str or None
        Sizes of the core and frames per batch, such as ``ni=16,no=16,kernel=5,batch=4``.
    """

    core: str | None = option_field("Sizes of the core, such as ni=16,no=16,kernel=5; batch=4 "
                                    "frames share their weights.")


class Yodann(Architecture[YodannPlan]):
    """One core of a chosen size; layers run on it one after another."""

    name = "yodann"
    title = "one core of latch memories, binary weights, integer activations"
    Options = YodannOptions

    def plan(self, graph: Graph, device: Device, goal: Goal,
             options: YodannOptions | None = None, *, hints: Hints | None = None,
             progress: Fraction | None = None) -> YodannPlan:
        return plan(graph, device, goal, None if options is None else options.core)

    def elaborate(self, plan: YodannPlan, graph: Graph) -> YodannCore:
        # The core is the same for every network; only its jobs differ.
        return YodannCore(shape=plan.shape, name=plan.name)

    def load_plan(self, data: Json) -> YodannPlan:
        return YodannPlan.from_json(data)

    def describe(self, plan: YodannPlan) -> Rows:
        return describe(plan)

    def repeat_goal(self, plan: YodannPlan, goal: Goal) -> Goal:
        return Goal()

    def reference(self, plan: YodannPlan, graph: Graph, x: np.ndarray) -> dict[str, np.ndarray]:
        return reference(plan, graph, x)

    def core(self, design: Generated) -> StreamCore:
        return core_of(design.plan, design.verilog)

    def workloads(self, design: Generated, x: np.ndarray) -> list[Workload]:
        return workloads(design, x)

    def products_per_frame(self, plan: YodannPlan, graph: Graph) -> int:
        # Those that the core computes: a dense layer is padded to complete windows.
        return sum(layer.macs() for layer in plan.layers) // plan.batch

    def simulate(self, design: Generated, x: np.ndarray, engine: Engine, stalls: Stalls,
                 progress: Progress | None) -> JobRun:
        return run_jobs(design, x, engine, stalls, progress)


YODANN = register(Yodann())
