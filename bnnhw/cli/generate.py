"""``bnnhw generate``: a network to Verilog and its manifest."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.arch import architectures
from bnnhw.board_planning.planner import planner_of
from bnnhw.cli.arch_options import ArchCommand
from bnnhw.cli.common import open_network
from bnnhw.cli.complete import arch_names, device_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.plan_table import plan_json, print_plan
from bnnhw.cli.stages import stages
from bnnhw.emit.design import Design
from bnnhw.emit.files import writable, write_files
from bnnhw.emit.generate import generate
from bnnhw.errors import ConfigError
from bnnhw.families import DEVICES, get_device
from bnnhw.plan import Goal
from bnnhw.plan.goal_check import check_goal
from bnnhw.plan.resources import describe_excess

__all__ = ["NAME", "command"]

NAME = "generate"


@ArchCommand
def command(
    layers: str = typer.Option(..., autocompletion=networks, help="Network: folder, "
                               "layers.yaml, or name of a shipped design."),
    out: Path = typer.Option(..., "-o", "--out", help="Verilog file; the manifest goes beside it "
                             "as .json."),
    arch: str = typer.Option("streaming", autocompletion=arch_names,
                             help=f"Architecture: {', '.join(architectures())}."),
    device: str = typer.Option("generic", autocompletion=device_names,
                               help=f"Target: {', '.join(DEVICES)}."),
    ii: int | None = typer.Option(None, help=f"Cycles that a frame may take (default "
                                  f"{Goal.DEFAULT_II} for vectors, 36 a pixel for maps)."),
    fps: float | None = typer.Option(None, help="Frames a second to reach, with --clock."),
    clock: float | None = typer.Option(None, help="Clock in MHz."),
    options: dict[str, object] = typer.Option(None),
    json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Generate hardware: OUT.v and OUT.json; ends with 4 where --ii or --fps is missed.

    Example: bnnhw generate --arch streaming --layers build/tfc/net.yaml -o build/tfc.v --ii 64
    """
    if out.suffix != ".v":
        raise ConfigError(f"must end in .v, not '{out.suffix}'", where=str(out),
                          hint=f"for example -o {out.with_suffix('.v')}")
    network = open_network(layers)
    goal = Goal(target_cycles=ii, fps=fps, clock_mhz=clock)
    with writable(out), stages() as stage:
        design = generate(network, arch, get_device(device), goal, stage, **options)
    files = design.files(out)
    write_files(files)
    if json:
        print_json("bnnhw.generate/1", {**plan_json(design.plan), "files": [*map(str, files)]})
    else:
        _print(design, files, clock, ii is not None or fps is not None)
    check_goal(design.plan, goal, planner_of(network, arch, get_device(device), options))


def _print(design: Design, files: dict[Path, bytes], clock: float | None, asked: bool) -> None:
    device = design.plan.device
    needed = design.architecture.resources(design.plan, get_device(device))
    print_plan(design.plan, clock, needed, asked)
    if needed and needed.excess():
        print(f"note: does not fit {device}: {describe_excess(needed)}; 'bnnhw plan' says what "
              "would")
    wrote = [str(path) for path in files]
    print(f"wrote {', '.join(wrote[:-1])} and {wrote[-1]}")
