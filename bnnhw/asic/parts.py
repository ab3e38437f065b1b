"""Runs what a user wants to know of a design in cells, and gives each result when it is known.

What a library cannot answer is found before the mapping, which takes minutes; a later failure never
takes away the results that came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from bnnhw.arch import get_arch
from bnnhw.asic.energy import Energy, estimate_run
from bnnhw.asic.equiv import Equivalence, prove_netlist
from bnnhw.asic.gaps import check_library
from bnnhw.asic.gates import GateRun, require_program, simulate_gates
from bnnhw.asic.jobs import simulate_job_gates
from bnnhw.asic.library import CellLibrary
from bnnhw.asic.librelane import hand_off
from bnnhw.asic.mapping import Mapped, check_mappable, map_design
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.report import CellReport, make_report
from bnnhw.asic.timing import TRIES, Timing, analyse_timing, sta_installed
from bnnhw.emit.design import Design

__all__ = ["NoTool", "Part", "Stage", "Task", "run_task"]

Stage = Callable[[str], AbstractContextManager[Callable[[float], None]]]
"""Announces a stage by its title, and receives the fraction of it that is done."""


@dataclass(frozen=True)
class Task:
    """What to find out besides the area.

    Attributes
    ----------
    buffered : bool
        Map with buffers and larger cells where they are needed.
    timing, energy, proof, handed : bool
        Static timing, energy of the simulated samples, proof of the netlist, files for LibreLane.
    samples : (array, str) or None
        Samples to simulate, and what they are called.
    period : float or None
        Seconds of the clock, of simulation and hand-off.
    wire : float
        Farads of wire for each pin that a net drives.
    """

    buffered: bool = True
    timing: bool = False
    energy: bool = False
    proof: bool = False
    handed: bool = False
    samples: tuple[np.ndarray, str] | None = None
    period: float | None = None
    wire: float = 0.0


@dataclass(frozen=True)
class NoTool:
    """A part that was left out, because its optional tool is not installed."""

    name: str
    hint: str


Part = CellReport | Mapped | Timing | NoTool | GateRun | Energy | Equivalence | dict[str, bytes]
"""One result; the dictionary has the files for LibreLane by their names."""


def run_task(design: Design, library: CellLibrary, task: Task, stage: Stage) -> Iterator[Part]:
    """Yield each result as soon as it is known, in the order of the attributes of ``Part``.

    Raises
    ------
    BnnhwError
        Of the part that failed; parts that were yielded before it are valid.
    """
    simulated = task.samples is not None
    check_mappable(design, library)
    check_library(library, task.timing or simulated or (task.handed and task.period is None),
                  task.energy)
    if simulated:
        require_program("iverilog")
    with stage(f"map to {library.name}") as done:
        mapped = map_design(design, library, task.buffered, done)
    yield make_report(design, mapped)
    yield mapped
    netlist = Netlist.of(mapped, task.wire)
    timing = None
    if task.timing and not sta_installed():
        yield NoTool("OpenSTA", "apt install opensta")
    elif task.timing:
        with stage("static timing") as done:
            timing = analyse_timing(mapped, netlist, _counted(done))
        yield timing
    if task.handed:
        yield hand_off(design, mapped, timing, task.period)
    if task.samples is not None:
        simulate = simulate_job_gates if get_arch(design.plan.arch).jobs else simulate_gates
        with stage(f"simulate {len(netlist.instances):,} cells") as done:
            run = simulate(design, mapped, netlist, task.samples[0], period=task.period,
                           toggles=task.energy, done=done)
        yield run
        if task.energy:
            yield estimate_run(design, mapped, netlist, run, task.samples[1])
    if task.proof:
        with stage("proof of the netlist") as done:
            proof = prove_netlist(design.verilog, mapped, done)
        yield proof


def _counted(done: Callable[[float], None]) -> Callable[[float, float], None]:
    """Progress by the periods that were tried."""
    tried = 0

    def one_more(period: float, late: float) -> None:
        nonlocal tried
        tried += 1
        done(min(1.0, tried / TRIES))

    return one_more
