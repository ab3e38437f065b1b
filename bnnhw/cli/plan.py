"""``bnnhw plan``: cycles, buffers and resources, in a second and without synthesis."""

from __future__ import annotations

import typer

from bnnhw.arch import ARCHS, get_arch
from bnnhw.cli.common import open_network, print_json
from bnnhw.cli.complete import arch_names, device_names, networks
from bnnhw.cli.jobs import check_core, show_jobs
from bnnhw.cli.plan_table import plan_json, print_plan, print_resources
from bnnhw.device import DEVICES, Device, get_device
from bnnhw.errors import BnnhwError, FitError
from bnnhw.frontend.network import Network
from bnnhw.passes import run_passes
from bnnhw.plan import Plan, Wish
from bnnhw.plan.fit import fit_hints
from bnnhw.plan.resources import Planner, describe_excess, fastest_fit, fits, resources

__all__ = ["NAME", "SLOWEST", "command", "planner_of"]

NAME = "plan"
SLOWEST = 1 << 40
"""Cycles a frame that ask for nothing but few gates."""


def command(
    layers: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
                                 "layers.yaml, or name of a shipped design."),
    device: str = typer.Option("generic", autocompletion=device_names,
                               help=f"Target: {', '.join(DEVICES)}."),
    arch: str = typer.Option("streaming", autocompletion=arch_names,
                             help=f"Architecture: {', '.join(ARCHS)}."),
    ii: int | None = typer.Option(None, help="Cycles that a frame may take."),
    fps: float | None = typer.Option(None, help="Frames a second to reach, with --clock."),
    clock: float | None = typer.Option(None, help="Clock in MHz."),
    cuts: int | None = typer.Option(None, help="Unrolled: registers on each path through a block "
                                    "(0: combinational; default: what --clock needs)."),
    core: str | None = typer.Option(None, help="Yodann: the core, such as ni=16,no=16,kernel=5; "
                                    "batch=4 frames share their weights."),
    json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Plan a network: exact cycles and buffers, and an estimate of what it takes of a part.

    On a part (hx8k, ecp5-85, …) without --ii or --fps: as fast as fits.

    Example: bnnhw plan cnv/net.yaml --device ecp5-85 --fps 1000 --clock 80
    """
    target = get_device(device)
    check_core(arch, core)
    network = open_network(layers)
    planner = planner_of(network, arch, target)
    if get_arch(arch).jobs:
        wish = Wish(ii=ii, fps=fps, clock_mhz=clock, cuts=cuts, core=core)
        show_jobs(planner(wish), clock, json)
        return
    folds = get_arch(arch).folds
    # A part without a wish: as fast as fits, if the architecture leaves a choice.
    wished = ii is not None or fps is not None or target.budget is None or not folds
    if not wished:
        plan = fastest_fit(planner, target, SLOWEST)
    else:
        wish = Wish(ii=ii, fps=fps, clock_mhz=clock, cuts=cuts)
        plan = planner(wish)
    needed = resources(plan, target)
    if json:
        print_json("bnnhw.plan/2", {**plan_json(plan), "resources": needed and needed.to_json()})
    else:
        print_plan(plan, clock, needed, wished)
        if needed:
            print_resources(needed)
        # The very wish gives the very plan.
        more = "" if arch == "streaming" else f"--arch {arch} "
        more += f"--cuts {cuts} " if cuts is not None else ""
        more += f"--clock {clock:g} " if clock is not None and not folds else ""
        print(f"to build it: bnnhw generate --layers {layers} --device {device} {more}"
              f"--ii {plan.target} -o OUT.v")
    if needed and needed.excess():
        raise FitError(f"{plan.name} does not fit {device} at {plan.ii} cycles a frame: "
                       + describe_excess(needed), hint=_remedy(
                           network, arch, target, Wish(ii=plan.ii, clock_mhz=clock, cuts=cuts)))


def planner_of(network: Network, arch: str, device: Device) -> Planner:
    """Plans of a network, for a wish or a number of cycles."""
    graph = run_passes(network.graph)
    hints = fit_hints(network.hints, network.graph, graph)
    plan = get_arch(arch).plan

    def make(wish: Wish | int) -> Plan:
        return plan(graph, hints, device, wish if isinstance(wish, Wish) else Wish(ii=wish))
    return make


def _remedy(network: Network, arch: str, device: Device, wish: Wish) -> str:
    """What would make it fit: more cycles a frame, or a larger part of the family."""
    ways = [_slower(network, arch, device, wish.clock_mhz) if get_arch(arch).folds
            else "'--arch streaming' can be folded"]
    larger = [d for d in DEVICES.values() if d.family == device.family and d.budget
              and device.budget and d.budget.luts > device.budget.luts]
    for part in sorted(larger, key=lambda d: d.budget.luts if d.budget else 0):
        if fits(planner_of(network, arch, part)(wish), part):
            ways.append(f"{part.name} would do")
            break
    return ", ".join(ways)


def _slower(network: Network, arch: str, device: Device, clock: float | None) -> str:
    """The fastest folding that fits."""
    try:
        slower = fastest_fit(planner_of(network, arch, device), device, SLOWEST)
    except BnnhwError:
        return "no folding of it fits"
    rate = f" ({clock * 1e6 / slower.ii:,.0f} frames/s at {clock:g} MHz)" if clock else ""
    return f"it fits from --ii {slower.ii} on{rate}"
