"""``bnnhw plan``: shows cycles, buffers and resources within a second, without synthesis."""

from __future__ import annotations

import typer

from bnnhw.api.opening import open_network
from bnnhw.arch import architectures
from bnnhw.board_planning.device_plan import plan_for_device
from bnnhw.cli.arch_options import ArchCommand
from bnnhw.cli.complete import arch_names, device_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.plan_advice import commands
from bnnhw.cli.plan_table import estimate_json, plan_json, print_plan, print_resources
from bnnhw.families import DEVICES, get_device
from bnnhw.plan import Goal

__all__ = ["NAME", "command"]

NAME = "plan"


@ArchCommand
def command(
    network: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
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

    On a part (hx8k, ecp5-85, …) without --ii or --fps: as fast as fits next to the host link.
    Ends with 3 where it does not fit, and with 4 where --ii or --fps is missed.

    Example: bnnhw plan cnv/net.yaml --device ecp5-85 --fps 1000 --clock 80
    """
    planned = plan_for_device(get_device(device), open_network(network),
                              Goal(target_cycles=ii, fps=fps, clock_mhz=clock), arch=arch,
                              options=options)
    plan, needed = planned.plan, planned.needed
    if json:
        print_json("bnnhw.plan/2", {**plan_json(plan), **estimate_json(plan, needed, clock)})
    else:
        print_plan(plan, clock, needed, planned.has_goal)
        if needed:
            print_resources(needed, plan)
        for line in commands(planned, network):
            print(line)
    planned.check()
