"""Planners: functions that plan a network for a goal or a number of cycles per frame."""

from __future__ import annotations

from collections.abc import Mapping

from bnnhw.arch import get_arch, make_options
from bnnhw.families import Device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.resources import Planner

__all__ = ["planner_of"]


def planner_of(network: Network, arch_name: str, device: Device,
               options: Mapping[str, object] | None = None) -> Planner:
    """The planner of a network for one architecture and device.

    Parameters
    ----------
    network : Network
    arch_name : str
    device : Device
    options : mapping or None
        Options of the architecture, by name.
    """
    arch, graph = get_arch(arch_name), network.reduced
    hints = fit_hints(network.hints, network.graph, graph)
    chosen = make_options(arch, options or {})

    def make(goal: Goal | int) -> Plan:
        target = goal if isinstance(goal, Goal) else Goal(target_cycles=goal)
        return arch.plan(graph, device, target, chosen, hints=hints)
    return make
