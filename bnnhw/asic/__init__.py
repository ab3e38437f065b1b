"""Standard-cell flow (ASIC): mapping, area, timing, simulation, energy and equivalence check.

All tools are open source: Yosys, Icarus Verilog, OpenSTA, and LibreLane for the layout.
"""

from bnnhw.asic.energy import estimate_energy, estimate_run
from bnnhw.asic.energy_result import Energy, Stimulus
from bnnhw.asic.equivalence import Equivalence, prove_netlist
from bnnhw.asic.gate_run import GateRun
from bnnhw.asic.gate_simulation import simulate_gates
from bnnhw.asic.library import CellLibrary, load_library
from bnnhw.asic.librelane import hand_off
from bnnhw.asic.mapping import Mapped, map_design, map_verilog
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.report import CellReport, make_report
from bnnhw.asic.tasks import MissingTool, Result, Stage, Task, run_task
from bnnhw.asic.timing import Timing, analyse_timing, sta_installed

__all__ = [
           "CellLibrary",
           "CellReport",
           "Energy",
           "Equivalence",
           "GateRun",
           "Mapped",
           "MissingTool",
           "Netlist",
           "Result",
           "Stage",
           "Stimulus",
           "Task",
           "Timing",
           "analyse_timing",
           "estimate_energy",
           "estimate_run",
           "hand_off",
           "load_library",
           "make_report",
           "map_design",
           "map_verilog",
           "prove_netlist",
           "run_task",
           "simulate_gates",
           "sta_installed",
]
