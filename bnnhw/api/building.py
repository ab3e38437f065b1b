"""Builds a bitstream of a design for a board, and programs the board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnhw.api.progress import Progress, StageClock, StageReport
from bnnhw.arch import architectures, get_arch
from bnnhw.board_planning import BoardPlan, build_smaller, plan_for
from bnnhw.board_planning.clock_advice import SLOWER, recommended_mhz
from bnnhw.emit.board import BoardDesign, design_board
from bnnhw.emit.design import Design
from bnnhw.emit.files import write_files
from bnnhw.emit.generate import design_of
from bnnhw.errors import PlanError, TimingError, option
from bnnhw.hostlink.driver.build import REPORT, Build
from bnnhw.importers.network import Network
from bnnhw.json_types import Json
from bnnhw.plan import Goal
from bnnhw.platforms import Board, get_board
from bnnhw.tools.board_build import build
from bnnhw.tools.board_report import board_report
from bnnhw.tools.tools import TOOLS, Tools
from bnnhw.tools.warm import is_warm, warm

__all__ = ["BuildSettings", "build_board", "build_design", "build_network", "check_carried",
           "timing_error", "warm_up"]

LINK = "uart"
"""Link between host and board."""


@dataclass(frozen=True)
class BuildSettings:
    """How a bitstream is built, whatever it contains.

    Parameters
    ----------
    tools : Tools
    seeds : sequence of int
        Seeds of the placer; the fastest result is kept.
    baud : int or None
        Speed of the serial line in bits per second; None for the board's default.
    out : Path
        Parent of the folder ``NETWORK/BOARD`` that receives the files.
    cache : bool
        Reuse results of equal inputs.
    """

    tools: Tools
    seeds: Sequence[int] = (1,)
    baud: int | None = None
    out: Path = Path("build")
    cache: bool = True


def build_network(network: Network, board: Board, goal: Goal | None, settings: BuildSettings,
                  stage: StageClock, *, arch: str = "streaming", fit: bool = False,
                  clock_mhz: float | None = None) -> Build:
    """Plan a network for a board and build its bitstream; see ``plan_for`` for the goal.

    Without a goal, a design that place and route finds too large is planned again, smaller.

    Raises
    ------
    FitError
        The design does not fit.
    TimingError
        The bitstream misses its clock; ``error.result`` is the build.
    """
    check_carried(arch)
    stage("plan")
    first = plan_for(board, network, goal, arch=arch, fit=fit, clock_mhz=clock_mhz)

    warm_up(board, settings.tools, stage)
    stage("generate")

    def build_plan(plan: BoardPlan) -> Build:
        made = design_board(design_of(network, plan.plan), board, plan.clock,
                            settings.baud or board.line.baud)
        return build_board(made, board, settings, stage)

    def on_too_large(attempt: int) -> None:
        stage.fail("too large")
        stage(f"plan and generate smaller ({attempt})")

    _, built = build_smaller(first, build_plan, on_too_large)
    return _with_clock_met(built)


def build_design(design: Design, board: str, clock_mhz: float | None = None,
                 baud: int | None = None, seeds: Sequence[int] = (1,), out: Path = Path("build"),
                 tools: str = "yowasp", cache: bool = True,
                 progress: Progress | None = None) -> Build:
    """Build a bitstream (see ``Design.build``)."""
    chosen = get_board(board)
    check_carried(design.plan.arch)
    if design.plan.device != chosen.device:
        raise PlanError(f"the design is planned for '{design.plan.device}', and {chosen.title} has "
                        f"a '{chosen.device}'",
                        hint=f"generate it with {option('device', chosen.device)}")
    if clock_mhz is None:
        clock_mhz = (design.goal and design.goal.clock_mhz) or chosen.clock_mhz
    stage, settings = StageReport(progress), BuildSettings(Tools(tools), seeds, baud, out, cache)
    warm_up(chosen, settings.tools, stage)
    stage("put it on the board")
    made = design_board(design, chosen, chosen.make_clock(clock_mhz), baud or chosen.line.baud)
    return _with_clock_met(build_board(made, chosen, settings, stage))


def check_carried(arch: str) -> None:
    """Raise PlanError for an architecture that the host link of boards cannot feed."""
    if LINK in get_arch(arch).host_links:
        return
    able = [name for name, other in architectures().items() if LINK in other.host_links]
    raise PlanError(f"the serial link of boards cannot carry the input of architecture '{arch}'",
                    hint=f"use {option('arch', able[0])}"
                    + "".join(f", or {name}" for name in able[1:]))


def warm_up(board: Board, tools: Tools, stage: StageClock) -> None:
    """Compile the WebAssembly tools of a board that were never run on this machine."""
    flow = board.family.need_flow()
    for tool in (TOOLS["yosys"], flow.place_and_route.tool, flow.packer.tool):
        if tools.kind == "yowasp" and not is_warm(tool.package, tool.entry):
            stage(f"one-time warm-up of {tool.program}")
            tools.command(tool)
            warm(tool.package, tool.entry)


def build_board(made: BoardDesign, board: Board, settings: BuildSettings,
                stage: StageClock) -> Build:
    """Synthesise, place, route and pack a board's design, and write its ``report.json``."""
    folder = settings.out / made.design.plan.name / board.name
    built = build(made, board, folder, settings.seeds, settings.tools, stage, settings.cache)
    stage("report")
    report = board_report(made, board, built, stage.seconds)
    write_files({folder / REPORT: (json.dumps(report, indent=1) + "\n").encode()})
    stage.end()
    return Build.load(folder)


def _with_clock_met(built: Build) -> Build:
    if not built.report["timing_met"]:
        raise timing_error(built.report, built)
    return built


def timing_error(report: Json, built: Build) -> TimingError:
    """Describe a build that misses its clock, with a clock that is expected to be met."""
    path = report["critical_path"] or {"units": {"?": 0.0}, "ns": 0.0}
    unit = next(iter(path["units"]))
    slower = recommended_mhz(get_board(report["board"]), report["baud"],
                             report["fmax_mhz"] * SLOWER)
    advice = "" if not slower else (
        f"{option('clock_mhz', slower)} is expected to be met, with "
        f"{slower * 1e6 / report['cycles_per_frame']:,.0f} frames/s, and ")
    return TimingError(
        f"timing is missed: {report['fmax_mhz']:g} MHz instead of {report['clock_mhz']:g} MHz; the "
        f"slowest path ({path['ns']:g} ns) lies in '{unit}'",
        hint=f"{advice}more placer seeds may find a faster placement ({option('seeds', 8)})",
        result=built)
