"""Runs synthesis and nextpnr for boards and for cores alone, and reads fmax and utilisation."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from bnnhw.errors import FitError, ToolError
from bnnhw.families.flow import PlaceAndRoute
from bnnhw.families.parts import Part
from bnnhw.tools.fractions import nextpnr_fraction, yosys_fraction
from bnnhw.tools.too_large import fit_error
from bnnhw.tools.tools import Tools

__all__ = ["Hop", "Routed", "RoutingReport", "nextpnr_arguments", "run_nextpnr", "slowest_path",
           "synthesise_flat"]

Report = Callable[[float], None]
"""Receives the fraction of a stage that is done, 0 to 1."""


class Endpoint(TypedDict):
    """Where a hop ends: a cell and its port."""

    cell: str
    port: str


class Hop(TypedDict):
    """A part of a path, through a cell or over a net, with its delay in ns."""

    delay: float
    to: Endpoint
    net: NotRequired[str]


CriticalPath = TypedDict("CriticalPath", {"from": str, "to": str, "path": list[Hop]})
"""A slow path between two clock edges or pins."""


class Use(TypedDict):
    """Cells of one type: placed, and on the part."""

    used: int
    available: int


class Reached(TypedDict):
    """Clock in MHz that a clock domain reaches."""

    achieved: float


class RoutingReport(TypedDict):
    """What bnnhw reads of nextpnr's ``--report``."""

    fmax: dict[str, Reached]
    utilization: dict[str, Use]
    critical_paths: NotRequired[list[CriticalPath]]


@dataclass(frozen=True)
class Routed:
    """One run of place and route.

    Attributes
    ----------
    seed : int
        Seed of the placer.
    fmax_mhz : float
        Clock that the slowest clock domain reaches. Without a PLL that is the oscillator's.
    report : dict
        nextpnr's ``--report``.
    """

    seed: int
    fmax_mhz: float
    report: RoutingReport

    @classmethod
    def read(cls, seed: int, path: Path) -> Routed:
        """Read the report file of a run.

        Raises
        ------
        ToolError
            It reports no clock: the design has no register.
        """
        report = json.loads(path.read_text())
        reached = [float(clock["achieved"]) for clock in report["fmax"].values()]
        if not reached:
            raise ToolError("nextpnr reports no clock: no path of the netlist ends at a register",
                            hint="give the design a pipeline register, such as "
                                 "`cuts=1`")
        return cls(seed, min(reached), report)


def synthesise_flat(folder: Path, source: str, netlist: str, command: str, flow: PlaceAndRoute,
                    tools: Tools, report: Report) -> None:
    """Synthesise Verilog to one flat netlist, and prepare it for place and route.

    Parameters
    ----------
    folder : Path
        Working folder; its subfolder ``logs`` must exist.
    source, netlist : str
        Names of the Verilog file and of the JSON netlist.
    command : str
        Yosys' ``synth_*`` command, with the top module.
    flow : PlaceAndRoute
    tools : Tools
    report : callable
    """
    script = f"read_verilog {source}; {command}; write_json {netlist}"
    log = "logs/yosys.log"
    tools.run("yosys", ["-q", "-l", log, "-p", script], folder, log, yosys_fraction(report))
    if flow.ease is not None:
        _, ease = flow.ease
        ease(folder / netlist)


def nextpnr_arguments(part: Part, files: Sequence[str], freq_mhz: float, seed: int,
                      options: Sequence[str]) -> list[str]:
    """The arguments of a run that its result depends on, except for the netlist.

    Parameters
    ----------
    part : Part
    files : sequence of str
        Arguments for constraints and output files.
    freq_mhz : float
        Target clock in MHz.
    seed : int
        Seed of the placer.
    options : sequence of str
        Placer and router, see ``PlaceAndRoute.options_for``.
    """
    return [*part.pnr_arguments, *files, "--freq", f"{freq_mhz:g}", "--seed", str(seed), *options]


def run_nextpnr(folder: Path, flow: PlaceAndRoute, part: Part, netlist: str,
                arguments: Sequence[str], tools: Tools, report: Report,
                outputs: Sequence[str] = (), log: str = "logs/nextpnr.log") -> None:
    """Place and route a netlist of ``folder``; writes ``placed.json`` there.

    Parameters
    ----------
    outputs : sequence of str
        Further arguments, for files that are written.

    Raises
    ------
    FitError
        The design is larger than the part.
    UnroutableError
        The router makes no progress.
    ToolError
        nextpnr is missing or failed.
    """
    try:
        tools.run(flow.tool, [
            *arguments, "--json", netlist, *outputs, "--report", "placed.json",
            "--timing-allow-fail", "-q", "-l", log], folder, log, nextpnr_fraction(report))
    except (ToolError, FitError) as error:
        raise fit_error(error, part.name) from None


def slowest_path(report: RoutingReport) -> list[Hop]:
    """Hops of the slowest path between two registers in nextpnr's report; empty without one."""
    paths = [path["path"] for path in report.get("critical_paths", [])
             if path["from"].startswith("posedge") and path["to"].startswith("posedge")]
    return max(paths, key=lambda path: sum(hop["delay"] for hop in path), default=[])
