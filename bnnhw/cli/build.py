"""``bnnhw build``: a network to a bitstream for a board."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Any

import typer

from bnnhw.api.building import check_carried
from bnnhw.arch import architectures
from bnnhw.cli.board_plan import clock_for, plan_for, smaller_share, usual_share
from bnnhw.cli.common import open_network
from bnnhw.cli.complete import arch_names, board_names, networks
from bnnhw.cli.json_output import print_json
from bnnhw.cli.stages import StageClock, stages
from bnnhw.cli.tables import print_table
from bnnhw.emit.board import BoardDesign, design_board, divisor_of
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import design_of
from bnnhw.errors import FitError, PlanError, TimingError
from bnnhw.importers.network import Network
from bnnhw.plan import Goal, Plan
from bnnhw.platforms import Board, boards, get_board
from bnnhw.tools.board_build import Built, build
from bnnhw.tools.board_report import board_report
from bnnhw.tools.tools import KINDS, TOOLS, Tools
from bnnhw.tools.warm import is_warm, warm

__all__ = ["NAME", "command"]

NAME = "build"
LESS = 0.88
"""By how much the share shrinks where a design turned out too large."""
TRIES = 4


def command(
    layers: str = typer.Argument(..., autocompletion=networks, help="Network: folder, "
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
    seeds: int | None = typer.Option(None, help="Try so many seeds, and keep the fastest."),
    out: Path = typer.Option(Path("build"), help="Folder for NET/BOARD."),
    tools: str = typer.Option("yowasp", help=f"{' or '.join(KINDS)}: those from pip, or on PATH."),
    cache: bool = typer.Option(True, "--cache/--no-cache", help="Take results of equal inputs."),
    json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
) -> None:
    """Build a bitstream: plan, generate, synthesise, place and route, pack.

    Without --ii, --fps and --fit: 256 cycles a frame where that fits, else as fast as fits.

    Example: bnnhw build mnist_tfc --board icebreaker
    """
    chosen = get_board(board)
    check_carried(arch)
    network = open_network(layers)
    if sum(option is not None and option is not False for option in (ii, fps, fit)) > 1:
        raise PlanError("more than one of --ii, --fps and --fit is given", hint="give one of them")
    numbers = [seed] if seeds is None else [*range(seed, seed + max(seeds, 1))]
    clock = freq if freq is not None else chosen.clock_mhz
    if fps is not None and freq is None:
        clock = clock_for(network, chosen, arch, fps)
    made_mhz = chosen.make_clock(clock).mhz
    goal = None
    if ii is not None or fps is not None:
        goal = Goal(target_cycles=ii, fps=fps, clock_mhz=made_mhz)
    with stages() as stage:
        made, built = _build(network, chosen, arch, goal, fit, clock, baud or chosen.baud, numbers,
                             out, Tools(tools), stage, cache)
        stage("report")
        report = board_report(made, chosen, built, stage.seconds)
        write_files({built.folder / "report.json":
                     (json_text.dumps(report, indent=1) + "\n").encode()})
    if json:
        print_json(report["schema"], report)
    else:
        _print(report, built)
    if not report["timing_met"]:
        raise _missed(report)


def _build(network: Network, board: Board, arch: str, goal: Goal | None, fit: bool, clock: float,
           baud: int, seeds: list[int], out: Path, tools: Tools, stage: StageClock,
           cache: bool) -> tuple[BoardDesign, Built]:
    """Plan and build; what turns out too large is planned smaller, unless a goal was given."""
    flow = board.family.need_flow()
    for tool in (TOOLS["yosys"], flow.place_and_route.tool, flow.packer.tool):
        if tools.kind == "yowasp" and not is_warm(tool.package, tool.entry):
            stage(f"one-time warm-up of {tool.program}")
            tools.command(tool)
            warm(tool.package, tool.entry)
    share, failed = usual_share(board), None
    before: Plan | None = None
    for attempt in range(TRIES):
        stage("plan and generate" if failed is None else f"plan and generate smaller ({attempt})")
        try:
            plan = plan_for(network, board, arch, goal, fit, clock, share)
        except FitError:
            if failed is None:
                raise
            raise failed from None  # nothing smaller is left
        if failed is not None and plan == before:
            raise failed
        made = design_board(design_of(network, plan), board, clock, baud)
        try:
            return made, build(made, board, out / plan.name / board.name, seeds, tools, stage,
                               cache)
        except FitError as error:
            if goal is not None or attempt == TRIES - 1:
                raise
            stage.stop("too large")
            before, failed = plan, error
            share = smaller_share(plan, board, share, error, LESS)
    raise AssertionError("the last attempt raises")


def _possible_mhz(report: dict[str, Any], limit_mhz: float) -> int:
    """The highest whole clock up to a limit that the PLL makes and the line allows; 0 for none."""
    board = get_board(report["board"])
    for mhz in range(int(limit_mhz), 0, -1):
        try:
            clock = board.make_clock(mhz)
            divisor_of(clock.hz, report["baud"])
        except PlanError:
            continue
        return mhz
    return 0


def _missed(report: dict[str, Any]) -> TimingError:
    path = report["critical_path"] or {"units": {"?": 0.0}, "ns": 0.0}
    unit = next(iter(path["units"]))
    fmax = report["fmax_mhz"]
    slower = _possible_mhz(report, fmax * 0.98)
    rate = slower * 1e6 / report["cycles_per_frame"]
    advice = f"'--freq {slower}' is expected to be met, with {rate:,.0f} frames/s, and " \
        if slower else ""
    return TimingError(
        f"timing is missed: {fmax:g} MHz instead of {report['clock_mhz']:g} MHz; the slowest path "
        f"({path['ns']:g} ns) lies in '{unit}'",
        hint=f"{advice}--seeds 8 may find a faster placement")


def _print(report: dict[str, Any], built: Built) -> None:
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
    fast = _possible_mhz(report, report["fmax_mhz"] * 0.95)
    if fast > report["clock_mhz"] * 1.1:
        rate = fast * 1e6 / report["cycles_per_frame"]
        print(f"'--freq {fast}' is expected to be met, with {rate:,.0f} frames/s")
    if report["critical_path"]:
        shares = ", ".join(f"{name} {time:g} ns"
                           for name, time in list(report["critical_path"]["units"].items())[:3])
        print(f"slowest path {report['critical_path']['ns']:g} ns: {shares}")
    print(f"wrote {built.bitstream}{' (from the cache)' if built.cached else ''}")
