"""Generates a design: plans a network and writes the Verilog of the plan."""

from __future__ import annotations

from collections.abc import Callable

from bnnhw.arch import get_arch, make_options
from bnnhw.arch.base import AnyPlan, Fraction
from bnnhw.emit.design import Design
from bnnhw.emit.manifest import verilog_header
from bnnhw.emit.verilog import convert
from bnnhw.families import Device
from bnnhw.importers.network import Network
from bnnhw.ir import Graph
from bnnhw.plan import Goal
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.goal_check import plan_goal

__all__ = ["Stages", "design_of", "generate", "plan_network"]

Stages = Callable[[str], Fraction]
"""Announces a stage, and returns what receives the fraction of it that is done."""


def plan_network(network: Network, arch_name: str, device: Device, goal: Goal,
                 stages: Stages | None = None, **options: object) -> tuple[Graph, AnyPlan]:
    """Plan a network.

    Parameters
    ----------
    network : Network
    arch_name : str
    device : Device
    goal : Goal
    stages : callable or None
        Announces the search of an architecture that searches for seconds.
    **options
        Options of the architecture, such as ``cuts=0``.

    Returns
    -------
    graph : Graph
        The network after the passes.
    plan : plan of the architecture

    Raises
    ------
    PlanError
        The architecture does not support the network, or the goal or an option is impossible.
    """
    arch = get_arch(arch_name)
    chosen, graph = make_options(arch, options), network.reduced
    hints = fit_hints(network.hints, network.graph, graph)
    progress = None if stages is None else _announced(stages)
    return graph, plan_goal(
        lambda goal: arch.plan(graph, device, goal, chosen, hints=hints, progress=progress), goal)


def _announced(stages: Stages) -> Fraction:
    """Progress that announces its stage with the first fraction.

    A network that cannot be planned thus announces nothing.
    """
    begun: list[Fraction] = []

    def report(fraction: float) -> None:
        if not begun:
            begun.append(stages("search for shared sums"))
        begun[0](fraction)

    return report


def generate(network: Network, arch_name: str, device: Device, goal: Goal,
             stages: Stages | None = None, **options: object) -> Design:
    """Plan a network and write its Verilog.

    Parameters and errors are those of ``plan_network``; ``stages`` announces everything that can
    take seconds.
    """
    _, plan = plan_network(network, arch_name, device, goal, stages, **options)
    if stages is not None:
        stages("prove and write Verilog")
    return design_of(network, plan)


def design_of(network: Network, plan: AnyPlan) -> Design:
    """Write the Verilog of a plan that was made for the network."""
    arch, graph, written = get_arch(plan.arch), network.reduced, network.graph.digest()
    body = convert(arch.elaborate(plan, graph))
    return Design(graph, plan, verilog_header(plan, arch.describe(plan), written) + body, written)
