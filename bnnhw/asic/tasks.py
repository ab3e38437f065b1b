"""Runs the standard-cell flow for a design and yields each result as soon as it is known.

Requests for which the library has no data are rejected before the mapping, which takes minutes. A
later failure does not lose the results before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from bnnhw.asic.energy import estimate_run
from bnnhw.asic.energy_result import Energy
from bnnhw.asic.equivalence import Equivalence, prove_netlist
from bnnhw.asic.gate_run import GateRun
from bnnhw.asic.gate_simulation import require_program, simulate_gates
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.librelane import hand_off
from bnnhw.asic.mapping import Mapped, check_mappable, map_design
from bnnhw.asic.missing_data import check_library
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.report import CellReport, make_report
from bnnhw.asic.timing import TRIALS, Timing, analyse_timing, sta_installed
from bnnhw.emit.design import Design

__all__ = ["MissingTool", "Result", "Stage", "Task", "run_task"]

Stage = Callable[[str], AbstractContextManager[Callable[[float], None]]]
"""Announces a stage of the flow by its title; the callable receives the fraction that is done."""


@dataclass(frozen=True)
class Task:
    """What to compute in addition to the area.

    Attributes
    ----------
    buffered : bool
        Insert buffers and size cells for their loads.
    timing, energy, proof, librelane : bool
        Static timing analysis, energy of the simulated samples, equivalence check of the netlist,
        files for LibreLane.
    samples : (array, str) or None
        Samples to simulate, and a description of them.
    period : float or None
        Clock period of simulation and LibreLane in seconds.
    wire : float
        Estimated wire capacitance in farads for each pin that a net drives.
    """

    buffered: bool = True
    timing: bool = False
    energy: bool = False
    proof: bool = False
    librelane: bool = False
    samples: tuple[np.ndarray, str] | None = None
    period: float | None = None
    wire: float = 0.0


@dataclass(frozen=True)
class MissingTool:
    """A result that is missing because its optional tool is not installed."""

    name: str
    hint: str


Result = (CellReport | Mapped | Timing | MissingTool | GateRun | Energy | Equivalence
          | dict[str, bytes])
"""One result of the flow; the dictionary contains the files for LibreLane by name."""


def run_task(design: Design, library: CellLibrary, task: Task, stage: Stage) -> Iterator[Result]:
    """Run a task and yield each result as soon as it is known, in the order of ``Result``.

    Raises
    ------
    BnnhwError
        A stage failed; the results that were yielded before remain valid.
    """
    simulated = task.samples is not None
    check_mappable(design, library)
    check_library(library, task.timing or simulated or (task.librelane and task.period is None),
                  task.energy)
    if simulated:
        require_program("iverilog")
    with stage(f"map to {library.name}") as progress:
        mapped = map_design(design, library, task.buffered, progress)
    yield make_report(design, mapped)
    yield mapped
    netlist = Netlist.of(mapped, task.wire)
    timing = None
    if task.timing and not sta_installed():
        yield MissingTool("OpenSTA", "apt install opensta")
    elif task.timing:
        with stage("static timing") as progress:
            timing = analyse_timing(mapped, netlist, _count_trials(progress))
        yield timing
    if task.librelane:
        yield hand_off(design, mapped, timing, task.period)
    if task.samples is not None:
        with stage(f"simulate {len(netlist.instances):,} cells") as progress:
            run = simulate_gates(design, mapped, netlist, task.samples[0], period=task.period,
                                 toggles=task.energy, progress=progress)
        yield run
        if task.energy:
            yield estimate_run(design, mapped, netlist, run, task.samples[1])
    if task.proof:
        with stage("proof of the netlist") as progress:
            proof = prove_netlist(design.verilog, mapped, progress)
        yield proof


def _count_trials(progress: Callable[[float], None]) -> Callable[[float, float], None]:
    """Report the progress of timing analysis by the number of periods that it has tried."""
    trials = 0

    def on_trial(period: float, late: float) -> None:
        nonlocal trials
        trials += 1
        progress(min(1.0, trials / TRIALS))

    return on_trial
