"""``bnnhw plan``: cycles, buffers and resources, in a second and without synthesis."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from bnnhw.arch import architectures, get_arch, make_options
from bnnhw.cli.arch_options import ArchCommand
from bnnhw.cli.common import open_network
from bnnhw.cli.complete import arch_names, device_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.plan_advice import commands
from bnnhw.cli.plan_table import estimate_json, plan_json, print_plan, print_resources
from bnnhw.errors import BnnhwError, FitError
from bnnhw.families import DEVICES, Device, get_device
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.goal_check import check_goal, plan_goal
from bnnhw.plan.resources import Planner, describe_excess, fastest_fit
from bnnhw.tools.room import beside_link, room_for, usual_share

__all__ = ["NAME", "command", "planner_of"]

NAME = "plan"


@ArchCommand
def command(
    layers: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
                                 "layers.yaml, or name of a shipped design."),
    device: str = typer.Option("generic", autocompletion=device_names,
                               help=f"Target: {', '.join(DEVICES)}."),
    arch: str = typer.Option("streaming", autocompletion=arch_names,
                             help=f"Architecture: {', '.join(architectures())}."),
    ii: int | None = typer.Option(None, help="Cycles that a frame may take."),
    fps: float | None = typer.Option(None, help="Frames a second to reach, with --clock."),
    clock: float | None = typer.Option(None, help="Clock in MHz."),
    options: dict[str, object] = typer.Option(None),
    json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Plan a network: exact cycles and buffers, and an estimate of what it takes of a part.

    On a part (hx8k, ecp5-85, …) without --ii or --fps: as fast as fits beside the host link.
    Ends with 3 where it does not fit, and with 4 where --ii or --fps is missed.

    Example: bnnhw plan cnv/net.yaml --device ecp5-85 --fps 1000 --clock 80
    """
    target = get_device(device)
    network = open_network(layers)
    chosen = get_arch(arch)
    planner = planner_of(network, arch, target, options)
    goal = Goal(target_cycles=ii, fps=fps, clock_mhz=clock)
    # On a part, without a goal: the fastest design that fits, if there is more than one.
    if ii is None and fps is None and target.budget is not None and chosen.search_ii:
        share = usual_share(target)
        on_board = beside_link(lambda part: planner_of(network, arch, part, options), target,
                               share)
        plan = fastest_fit(on_board, target, chosen.search_ii[-1],
                           lambda plan: room_for(plan, target, share))
    else:
        plan = plan_goal(planner, goal, lambda plan: chosen.fits(plan, target))
    needed = chosen.resources(plan, target)
    if json:
        print_json("bnnhw.plan/2", {**plan_json(plan), **estimate_json(plan, needed, clock)})
    else:
        print_plan(plan, clock, needed, ii is not None or fps is not None)
        if needed:
            print_resources(needed, plan)
        for line in commands(network, layers, target, plan, goal, planner, options):
            print(line)
    if needed and needed.excess():
        raise FitError(f"{plan.name} does not fit {device} at {plan.ii} cycles a frame: "
                       + describe_excess(needed), hint=_remedy(
                           network, arch, target, Goal(target_cycles=plan.ii, clock_mhz=clock),
                           options))
    check_goal(plan, goal, planner, lambda plan: chosen.fits(plan, target))


def planner_of(network: Network, arch_name: str, device: Device,
               options: Mapping[str, object] | None = None) -> Planner:
    """Plans of a network, for a goal or a number of cycles per frame."""
    arch, graph = get_arch(arch_name), network.reduced
    hints = fit_hints(network.hints, network.graph, graph)
    chosen = make_options(arch, options or {})

    def make(goal: Goal | int) -> Plan:
        target = goal if isinstance(goal, Goal) else Goal(target_cycles=goal)
        return arch.plan(graph, device, target, chosen, hints=hints)
    return make


def _remedy(network: Network, arch: str, device: Device, goal: Goal,
            options: Mapping[str, object]) -> str:
    """What makes it fit: more cycles per frame, or a larger part of the family. All was tried."""
    remedies = [_slower(network, candidate, device, goal.clock_mhz, candidate != arch)
                for candidate in dict.fromkeys((arch, "streaming"))
                if get_arch(candidate).search_ii]
    larger = [d for d in DEVICES.values() if d.family == device.family and d.budget
              and device.budget and d.budget.luts > device.budget.luts]
    for part in sorted(larger, key=lambda d: d.budget.luts if d.budget else 0):
        plan = planner_of(network, arch, part, options)(goal)
        if get_arch(arch).fits(plan, part) and plan.ii <= plan.target_cycles:
            remedies.append(f"--device {part.name} would do with --ii {plan.target_cycles}")
            break
    return ", ".join(remedies)


def _slower(network: Network, arch: str, device: Device, clock: float | None,
            named: bool) -> str:
    """The fastest folding that fits, as an option; with the architecture where it is ``named``."""
    try:
        slower = fastest_fit(planner_of(network, arch, device), device,
                             get_arch(arch).search_ii[-1])
    except BnnhwError:
        return f"no folding of --arch {arch} fits"
    rate = f" ({clock * 1e6 / slower.ii:,.0f} frames/s at {clock:g} MHz)" if clock else ""
    return f"it fits with {f'--arch {arch} ' if named else ''}--ii {slower.target_cycles}{rate}"
