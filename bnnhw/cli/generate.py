"""``bnnhw generate``: writes the Verilog of a network and its manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from bnnhw.api.generation import generate
from bnnhw.api.opening import open_network
from bnnhw.arch import architectures
from bnnhw.cli.arch_options import ArchCommand
from bnnhw.cli.common import one_network
from bnnhw.cli.complete import arch_names, device_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.plan_table import plan_json, print_plan
from bnnhw.cli.stages import stages
from bnnhw.emit.design import Design, check_name
from bnnhw.emit.files import writable
from bnnhw.errors import TimingError
from bnnhw.families import DEVICES
from bnnhw.plan import Goal
from bnnhw.plan.resources import describe_excess

__all__ = ["NAME", "command"]

NAME = "generate"


@ArchCommand
def command(
    network: str | None = typer.Argument(None, autocompletion=networks, help="Network: folder, "
                                         "layers.yaml, or name of a shipped design."),
    layers: str | None = typer.Option(None, autocompletion=networks, help="The network, instead of "
                                      "the first argument."),
    out: Path = typer.Option(..., "-o", "--out", help="Verilog file; the manifest is written "
                             "next to it as .json."),
    arch: str = typer.Option("streaming", autocompletion=arch_names,
                             help=f"Architecture: {', '.join(architectures())}."),
    device: str = typer.Option("generic", autocompletion=device_names,
                               help=f"Target: {', '.join(DEVICES)}."),
    ii: int | None = typer.Option(None, help=f"Cycles that a frame may take (default "
                                  f"{Goal.DEFAULT_II} for vectors, 36 a pixel for maps)."),
    fps: float | None = typer.Option(None, help="Frames a second to reach, with --clock."),
    clock: float | None = typer.Option(None, help="Clock in MHz."),
    options: dict[str, Any] = typer.Option(None),
    json: bool = typer.Option(False, "--json", help="Print the plan as JSON."),
) -> None:
    """Generate hardware: OUT.v and OUT.json.

    Ends with 4 if the design is slower than --ii or --fps; its files are written all the same.

    Example: bnnhw generate mnist_tfc -o build/tfc.v --ii 64
    """
    check_name(out)
    chosen = open_network(one_network(network, layers))
    missed = None
    with writable(out), stages() as stage:
        try:
            design = generate(chosen, arch, device, ii, fps, clock, stage.show, **options)
        except TimingError as error:
            if not isinstance(error.result, Design):
                raise
            design, missed = error.result, error
    files = design.save(out)
    if json:
        print_json("bnnhw.generate/1", {**plan_json(design.plan), "files": [*map(str, files)]})
    else:
        _print(design, files, clock, ii is not None or fps is not None)
    if missed is not None:
        raise missed


def _print(design: Design, files: Sequence[Path], clock: float | None, has_goal: bool) -> None:
    needed = design.resources
    print_plan(design.plan, clock, needed, has_goal)
    if needed and needed.excess():
        print(f"note: does not fit {design.plan.device}: {describe_excess(needed)}; 'bnnhw plan' "
              "finds what would")
    wrote = [str(path) for path in files]
    print(f"wrote {', '.join(wrote[:-1])} and {wrote[-1]}")
