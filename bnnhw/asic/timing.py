"""Static timing analysis of a netlist with OpenSTA: shortest period, hold and clock-gate slacks.

Before layout there is no clock tree, so that setup is analysed with an ideal clock. A latch lends
time to the path before it, and its slack is near 0 over a wide range of periods; the reported
period is therefore the shortest one with a total negative slack of 0, found by bisection. Hold is
checked with the clock propagated through clock gates, because the rows of a latch memory are
critical there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnhw.asic.gate_simulation import run_program
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.missing_data import require_delays, require_setup, without_hold
from bnnhw.asic.netlist import SLEW, Netlist
from bnnhw.asic.roles import output_load
from bnnhw.errors import ToolError

__all__ = ["TRIALS", "Timing", "analyse_timing", "constraints", "sta_installed"]

IO_DELAY = 0.1
"""Fraction of the period by which inputs arrive after the clock edge, and by which outputs are
sampled before it."""

BISECTIONS = 9
"""Steps of the bisection; the period is then known to 1/512 of the initial bracket."""

MAX_DOUBLINGS = 10
"""Largest number of times that the upper end of the bracket is doubled."""

TRIALS = BISECTIONS + 2
"""Typical number of periods that are tried; the longest path is the first guess."""

NO_PATH = 1e20
"""Slack in units of the library from which on OpenSTA means that there is no path."""


@dataclass(frozen=True)
class Timing:
    """Result of static timing analysis before layout.

    Attributes
    ----------
    period : float
        Shortest period in seconds at which every setup time is met, with an ideal clock.
    hold : float or None
        Worst hold slack in seconds with the clock propagated through clock gates; negative values
        are violations. None if there is no such path, or if a flip-flop has no hold time.
    without_hold : tuple of str
        Flip-flop cells of the netlist for which the library gives no hold time.
    gate_setup, gate_hold : float or None
        Worst slacks of clock-gate enables in seconds; None without clock gates.
    start, end : str
        Endpoints of the critical path.
    hold_start, hold_end : str
        Endpoints of the path with the worst hold slack.
    overloaded : int or None
        Number of outputs that exceed their maximum load; None if the library gives no maximum
        loads.
    tool : str
        Name and version of the tool.
    """

    period: float
    hold: float | None
    without_hold: tuple[str, ...]
    gate_setup: float | None
    gate_hold: float | None
    start: str
    end: str
    hold_start: str
    hold_end: str
    overloaded: int | None
    tool: str

    def sentence(self) -> str:
        """Return the result as one line for people."""
        gates = "" if self.gate_setup is None or self.gate_hold is None else \
            f", clock-gate enables {self.gate_setup * 1e9:+.3f} and " \
            f"{self.gate_hold * 1e9:+.3f} ns (setup, hold)"
        overload = f"; {self.overloaded} outputs exceed their maximum load, which layout has to " \
            "buffer" if self.overloaded else ""
        hold = "hold slack unknown" if self.hold is None else \
            f"hold slack {self.hold * 1e9:+.3f} ns, from {self.hold_start} to {self.hold_end}"
        if self.without_hold:
            hold += f" (the library gives no hold time for {', '.join(self.without_hold)})"
        return (f"{self.tool}: {self.period * 1e9:.3f} ns ({1e-6 / self.period:.0f} MHz) before "
                f"layout, from {self.start} to {self.end}; {hold}{gates}{overload}")

    def to_json(self) -> dict[str, object]:
        def nano(seconds: float | None) -> float | None:
            return None if seconds is None else round(seconds * 1e9, 4)

        return {"tool": self.tool, "scope": "pre-layout, ideal clock for setup, no wires",
                "min_period_ns": nano(self.period), "fmax_mhz": round(1e-6 / self.period, 2),
                "hold_slack_ns": nano(self.hold),
                "cells_without_hold_time": list(self.without_hold), "clock_gate_setup_slack_ns":
                nano(self.gate_setup), "clock_gate_hold_slack_ns": nano(self.gate_hold),
                "critical_path": [self.start, self.end],
                "hold_path": [self.hold_start, self.hold_end],
                "overloaded_outputs": self.overloaded}


def sta_installed() -> bool:
    """Return whether OpenSTA is installed."""
    return shutil.which("sta") is not None


def constraints(mapped: Mapped) -> str:
    """Return Tcl constraints of a core; ``$period`` is the clock period in library units."""
    library = mapped.library
    load = output_load(mapped.roles, library) / library.capacitance
    return f"""create_clock -name clk -period $period [get_ports clk]
set ins [list]
foreach port [all_inputs] {{
  if {{[get_property $port full_name] ne "clk"}} {{ lappend ins $port }}
}}
set_input_delay [expr {IO_DELAY} * $period] -clock clk $ins
set_output_delay [expr {IO_DELAY} * $period] -clock clk [all_outputs]
set_input_transition {SLEW / library.time:g} [all_inputs]
set_load {load:g} [all_outputs]
"""


def analyse_timing(mapped: Mapped, netlist: Netlist,
                   on_trial: Callable[[float, float], None] | None = None) -> Timing:
    """Find the shortest clock period of a netlist and check its hold times.

    Parameters
    ----------
    mapped : Mapped
    netlist : Netlist
        Netlist of ``mapped``.
    on_trial : callable, optional
        Receives each period that was tried and the total negative slack (as a positive number),
        both in seconds; called about ``TRIALS`` times.

    Raises
    ------
    ConfigError
        The library gives no delay, setup time or capacitance for a cell of the netlist.
    ToolError
        OpenSTA is missing, failed, or found no period that meets the setup times.
    """
    require_delays(netlist)
    require_setup(netlist)
    unit = mapped.library.time

    def on_line(line: str) -> None:
        if on_trial is not None and line.startswith("bnnhw tried "):
            period, late = line.split()[2:]
            on_trial(float(period) * unit, abs(float(late)) * unit)

    with tempfile.TemporaryDirectory(prefix="bnnhw-sta-") as scratch:
        folder = Path(scratch)
        files = mapped.library.write(folder)
        (folder / "netlist.v").write_text(mapped.flat)
        (folder / "run.tcl").write_text(_script(mapped, files, max(netlist.longest / unit, 1e-3)))
        output = run_program("sta", ["-exit", "run.tcl"], folder, on_line)
    found: dict[str, str] = {}
    for line in output.splitlines():
        if line.startswith("bnnhw "):
            key, _, value = line.removeprefix("bnnhw ").partition(" ")
            found[key] = value
        elif line.startswith("Error:"):
            raise ToolError(line.removeprefix("Error:").strip(), where="sta")
    if "period" not in found or "done" not in found:
        raise ToolError("found no period at which all setup times are met", where="sta")
    if not float(found["late"]):
        raise ToolError("found no path that limits the period: every clock meets timing",
                        where="sta", hint="check that the library gives delays and setup times")

    def seconds(key: str) -> float | None:
        text = found.get(key, "")
        # OpenSTA prints a huge slack if there is no path.
        return float(text) * unit if text and abs(float(text)) < NO_PATH else None

    unchecked = without_hold(netlist)
    start, end, hold_start, hold_end = (
        netlist.title(found.get(key, "")) for key in ("start", "end", "hold_start", "hold_end"))
    return Timing(
        period=float(found["period"]) * unit, hold=None if unchecked else seconds("hold"),
        without_hold=unchecked, gate_setup=seconds("gate_setup"), gate_hold=seconds("gate_hold"),
        start=start, end=end, hold_start=hold_start, hold_end=hold_end,
        overloaded=netlist.overloaded, tool=" ".join(output.split()[:2]))


def _script(mapped: Mapped, files: tuple[str, ...], guess: float) -> str:
    """Return the Tcl script for OpenSTA; ``guess`` is the first period in library units."""
    libraries = "\n".join(f"read_liberty {name}" for name in files)
    return f"""{libraries}
read_verilog netlist.v
link_design {mapped.top}
proc surround {{period}} {{
{constraints(mapped)}}}
proc late {{period}} {{
  surround $period
  set slack [total_negative_slack -max]
  puts "bnnhw tried $period $slack"
  flush stdout
  return [expr $slack < 0]
}}
set low 0
set high {guess:.4f}
set tries 0
while {{[late $high] && $tries < {MAX_DOUBLINGS}}} {{
  set low $high
  set high [expr 2 * $high]
  incr tries
}}
if {{$tries == {MAX_DOUBLINGS}}} {{ exit }}
for {{set k 0}} {{$k < {BISECTIONS}}} {{incr k}} {{
  set middle [expr ($low + $high) / 2.0]
  if {{[late $middle]}} {{ set low $middle }} else {{ set high $middle }}
}}
puts "bnnhw period $high"
puts "bnnhw late $low"
proc worst_of {{text}} {{
  # Several path groups may be reported; each slack precedes its verdict.
  set worst ""
  foreach line [split $text "\n"] {{
    if {{[regexp {{(-?[0-9.]+) \\((MET|VIOLATED)\\)}} $line all slack]}} {{
      if {{$worst eq "" || $slack < $worst}} {{ set worst $slack }}
    }}
  }}
  return $worst
}}
surround $high
with_output_to_variable text {{ report_checks -path_delay max -path_group clk }}
regexp {{Startpoint: (\\S+)}} $text all start
regexp {{Endpoint: (\\S+)}} $text all end
if {{[info exists start]}} {{ puts "bnnhw start $start" }}
if {{[info exists end]}} {{ puts "bnnhw end $end" }}
with_output_to_variable text {{
  report_checks -path_delay max -path_group **clock_gating_default** -digits 5 -format end
}}
puts "bnnhw gate_setup [worst_of $text]"
set_propagated_clock [get_clocks clk]
puts "bnnhw hold [worst_slack -min]"
with_output_to_variable text {{ report_checks -path_delay min -path_group clk }}
if {{[regexp {{Startpoint: (\\S+)}} $text all name]}} {{ puts "bnnhw hold_start $name" }}
if {{[regexp {{Endpoint: (\\S+)}} $text all name]}} {{ puts "bnnhw hold_end $name" }}
with_output_to_variable text {{
  report_checks -path_delay min -path_group **clock_gating_default** -digits 5 -format end
}}
puts "bnnhw gate_hold [worst_of $text]"
puts "bnnhw done 1"
exit
"""
