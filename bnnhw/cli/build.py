"""``bnnhw build``: builds the bitstream of a network for a board."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.api.building import BuildSettings, build_network
from bnnhw.api.opening import open_network
from bnnhw.arch import architectures
from bnnhw.board_planning.clock_advice import FASTER, recommended_mhz
from bnnhw.cli.complete import arch_names, board_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.stages import stages
from bnnhw.cli.tables import print_table
from bnnhw.errors import PlanError, TimingError
from bnnhw.hostlink.driver.build import Build
from bnnhw.json_types import Json
from bnnhw.plan import Goal
from bnnhw.platforms import Board, boards, get_board
from bnnhw.tools.tools import KINDS, Tools

__all__ = ["NAME", "command"]

NAME = "build"


def command(
    network: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
                                  "layers.yaml, or name of a shipped design."),
    board: str = typer.Option(..., autocompletion=board_names,
                              help=f"Board: {', '.join(boards())}."),
    arch: str = typer.Option("streaming", autocompletion=arch_names,
                             help=f"Architecture: {', '.join(architectures())}."),
    ii: int | None = typer.Option(None, help="Cycles that a frame may take."),
    fps: float | None = typer.Option(None, help="Frames a second to reach."),
    fit: bool = typer.Option(False, "--fit", help="As fast as fits the part."),
    freq: float | None = typer.Option(None, help="Clock in MHz (default: the board's, or what "
                                      "--fps needs)."),
    baud: int | None = typer.Option(None, help="Speed of the serial line (default: the board's)."),
    seed: int = typer.Option(1, help="Seed of the placer."),
    seeds: int | None = typer.Option(None, help="Placer seeds to try; the fastest is kept."),
    out: Path = typer.Option(Path("build"), help="Folder for NET/BOARD."),
    tools: str = typer.Option("yowasp", help=f"{' or '.join(KINDS)}: those from pip, or on PATH."),
    cache: bool = typer.Option(True, "--cache/--no-cache", help="Take results of equal inputs."),
    json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Build a bitstream: plan, generate, synthesise, place and route, pack.

    Without --ii, --fps and --fit: 256 cycles per frame where that fits, else as fast as fits.

    Example: bnnhw build mnist_tfc --board icebreaker
    """
    chosen = get_board(board)
    loaded = open_network(network)
    if sum(option is not None and option is not False for option in (ii, fps, fit)) > 1:
        raise PlanError("more than one of --ii, --fps and --fit is given", hint="give one of them")
    numbers = [seed] if seeds is None else [*range(seed, seed + max(seeds, 1))]
    goal = None if ii is None and fps is None else Goal(target_cycles=ii, fps=fps)
    missed = None
    with stages() as stage:
        try:
            built = build_network(loaded, chosen, goal,
                                  BuildSettings(Tools(tools), numbers, baud, out, cache), stage,
                                  arch=arch, fit=fit, clock_mhz=freq)
        except TimingError as error:
            if not isinstance(error.result, Build):
                raise
            built, missed = error.result, error
    if json:
        print_json(built.report["schema"], built.report)
    else:
        _print(built.report, chosen, built.folder)
    if missed is not None:
        raise missed


def _print(report: Json, board: Board, folder: Path) -> None:
    rows = []
    for row in report["layers"]:
        estimate = row["estimate"] or {"lut": "", "block_ram": ""}
        rows.append((row["unit"], row["kind"], estimate["lut"], row["synthesised"]["lut"],
                     row["placed"]["lut"], estimate["block_ram"], row["placed"]["block_ram"]))
    print_table(f"{report['network']} on {report['board']} ({report['part']})",
                ("unit", "kind", "LUT, estimated", "LUT, synthesised", "cells, placed",
                 "block RAM, estimated", "block RAM, placed"), rows)
    print_table("placed and routed", ("resource", "used", "available", "share"), [
        (name, use["used"], use["available"], f"{use['used'] / use['available']:.0%}")
        for name, use in report["utilisation"].items()])
    count = len(report["seeds"])
    seeds = f" (seed {report['seed']}, the best of {count})" if count > 1 else ""
    print(f"fmax {report['fmax_mhz']:.2f} MHz{seeds}, clock {report['clock_mhz']:g} MHz: "
          f"{report['frames_per_second']:,.0f} frames/s, {report['cycles_per_frame']} cycles a "
          f"frame, latency {report['latency_us']:,.1f} us")
    fast = recommended_mhz(board, report["baud"], report["fmax_mhz"] * FASTER)
    if fast > report["clock_mhz"] * 1.1:
        rate = fast * 1e6 / report["cycles_per_frame"]
        print(f"'--freq {fast}' is expected to be met, with {rate:,.0f} frames/s")
    if report["critical_path"]:
        shares = ", ".join(f"{name} {time:g} ns"
                           for name, time in list(report["critical_path"]["units"].items())[:3])
        print(f"slowest path {report['critical_path']['ns']:g} ns: {shares}")
    print(f"wrote {folder / report['bitstream']}{' (from the cache)' if report['cached'] else ''}")
