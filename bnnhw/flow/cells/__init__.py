"""Open standard-cell flow: mapping, area, timing, gate-level simulation, energy and hand-off."""

from bnnhw.flow.cells.energy import Energy, Stimulus, estimate_energy, estimate_run
from bnnhw.flow.cells.equiv import Equivalence, prove_netlist
from bnnhw.flow.cells.gates import GateRun, simulate_gates
from bnnhw.flow.cells.jobs import simulate_job_gates
from bnnhw.flow.cells.library import CellLibrary, load_library
from bnnhw.flow.cells.librelane import hand_off
from bnnhw.flow.cells.mapping import Mapped, map_design, map_verilog
from bnnhw.flow.cells.netlist import Netlist
from bnnhw.flow.cells.parts import NoTool, Part, Stage, Task, run_task
from bnnhw.flow.cells.report import CellReport, make_report
from bnnhw.flow.cells.timing import Timing, analyse_timing, sta_installed

__all__ = ["CellLibrary", "CellReport", "Energy", "Equivalence", "GateRun", "Mapped", "Netlist",
           "NoTool", "Part", "Stage", "Stimulus", "Task", "Timing", "analyse_timing",
           "estimate_energy", "estimate_run", "hand_off", "load_library", "make_report",
           "map_design", "map_verilog", "prove_netlist", "run_task", "simulate_gates",
           "simulate_job_gates", "sta_installed"]
