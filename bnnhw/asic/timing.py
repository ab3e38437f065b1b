"""Static timing of a netlist with OpenSTA: the shortest period, and what hold and gates say.

Before layout clocks have no tree: the period is found with an ideal clock. A latch lends time to
the path before it, so that its worst slack stays near 0 over a wide range; the period is therefore
the shortest one at which no endpoint is late at all (total negative slack 0). Hold is checked with
the clock propagated through clock gates too, as there the rows of a latch memory would fail.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnnhw.asic.gaps import require_delays, require_setup, without_hold
from bnnhw.asic.gates import run_program
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.netlist import SLEW, Netlist
from bnnhw.asic.roles import input_load
from bnnhw.errors import ToolError

__all__ = ["TRIES", "Timing", "analyse_timing", "constraints", "sta_installed"]

EDGE = 0.1
"""Part of the period that inputs come behind the edge, and outputs are taken before it."""

STEPS = 9
"""Bisections: the period is known to 1 in 500 of the bracket."""

TRIES = STEPS + 2
"""Periods that are tried where the longest path is a fair guess."""

NO_PATH = 1e20
"""Units of time from which on a slack is none."""


@dataclass(frozen=True)
class Timing:
    """What static timing analysis says before layout.

    Attributes
    ----------
    period : float
        Shortest period in seconds at which every setup time is met, with an ideal clock.
    hold : float or None
        Worst hold slack in seconds, the clock propagated through gates; negative is a violation.
        None where there is no such path, or where any flip-flop has no hold time.
    without_hold : tuple of str
        Flip-flops of the netlist to which the library gives no hold time.
    gate_setup, gate_hold : float or None
        Worst slacks of the enables of clock gates, in seconds; None without any.
    start, end : str
        Of the longest path.
    hold_start, hold_end : str
        Of the path with the worst hold slack.
    overloaded : int or None
        Outputs that drive more than they are made for, which layout has to buffer; None where the
        library does not give what its cells may drive.
    tool : str
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
        gates = "" if self.gate_setup is None or self.gate_hold is None else \
            f", enables of clock gates {self.gate_setup * 1e9:+.3f} and " \
            f"{self.gate_hold * 1e9:+.3f} ns (setup, hold)"
        many = f"; {self.overloaded} outputs drive more than they are made for, which layout " \
            "buffers" if self.overloaded else ""
        hold = "hold slack unknown" if self.hold is None else \
            f"hold slack {self.hold * 1e9:+.3f} ns, from {self.hold_start} to {self.hold_end}"
        if self.without_hold:
            hold += f" (the library gives no hold time for {', '.join(self.without_hold)})"
        return (f"{self.tool}: {self.period * 1e9:.3f} ns ({1e-6 / self.period:.0f} MHz) before "
                f"layout, from {self.start} to {self.end}; {hold}{gates}{many}")

    def to_json(self) -> dict[str, Any]:
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
    """Whether OpenSTA is there."""
    return shutil.which("sta") is not None


def constraints(mapped: Mapped, clock: str = "clk") -> str:
    """Tcl of what surrounds a core; ``$period`` is that of the clock, in library units."""
    library = mapped.library
    load = 4 * input_load(mapped.roles, library) / library.capacitance
    return f"""create_clock -name {clock} -period $period [get_ports {clock}]
set ins [list]
foreach port [all_inputs] {{
  if {{[get_property $port full_name] ne "{clock}"}} {{ lappend ins $port }}
}}
set_input_delay [expr {EDGE} * $period] -clock {clock} $ins
set_output_delay [expr {EDGE} * $period] -clock {clock} [all_outputs]
set_input_transition {SLEW / library.time:g} [all_inputs]
set_load {load:g} [all_outputs]
"""


def analyse_timing(mapped: Mapped, netlist: Netlist,
                   tried: Callable[[float, float], None] | None = None) -> Timing:
    """Find the shortest period and check hold times.

    Parameters
    ----------
    mapped : Mapped
    netlist : Netlist
        Of ``mapped``.
    tried : callable or None
        Gets each period that was tried, in seconds, and by how much all endpoints together were
        late; ``TRIES`` of them in most cases.

    Raises
    ------
    ConfigError
        The library gives no delay, setup time or capacitance of a cell that is used.
    ToolError
        OpenSTA is missing, failed, or says nothing that can be read.
    """
    require_delays(netlist)
    require_setup(netlist)
    unit = mapped.library.time

    def heard(line: str) -> None:
        if tried is not None and line.startswith("bnnhw tried "):
            period, late = line.split()[2:]
            tried(float(period) * unit, abs(float(late)) * unit)

    with tempfile.TemporaryDirectory(prefix="bnnhw-sta-") as scratch:
        folder = Path(scratch)
        files = mapped.library.write(folder)
        (folder / "netlist.v").write_text(mapped.flat)
        (folder / "run.tcl").write_text(_script(mapped, files, max(netlist.longest / unit, 1e-3)))
        said = run_program("sta", ["-exit", "run.tcl"], folder, heard)
    found: dict[str, str] = {}
    for line in said.splitlines():
        if line.startswith("bnnhw "):
            key, _, value = line.removeprefix("bnnhw ").partition(" ")
            found[key] = value
        elif line.startswith("Error:"):
            raise ToolError(line.removeprefix("Error:").strip(), where="sta")
    if "period" not in found or "done" not in found:
        raise ToolError("found no period at which all setup times are met", where="sta")
    if not float(found["late"]):
        raise ToolError("found no path that limits the period: it is met at any clock",
                        where="sta", hint="check that the library gives delays and setup times")

    def seconds(key: str) -> float | None:
        text = found.get(key, "")
        # OpenSTA prints a huge number for the slack of no path at all.
        return float(text) * unit if text and abs(float(text)) < NO_PATH else None

    unchecked = without_hold(netlist)
    return Timing(float(found["period"]) * unit, None if unchecked else seconds("hold"), unchecked,
                  seconds("gate_setup"),
                  seconds("gate_hold"), netlist.title(found.get("start", "")),
                  netlist.title(found.get("end", "")), netlist.title(found.get("hold_start", "")),
                  netlist.title(found.get("hold_end", "")),
                  netlist.overloaded, " ".join(said.split()[:2]))


def _script(mapped: Mapped, files: tuple[str, ...], guess: float) -> str:
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
while {{[late $high] && $tries < 10}} {{
  set low $high
  set high [expr 2 * $high]
  incr tries
}}
if {{$tries == 10}} {{ exit }}
for {{set k 0}} {{$k < {STEPS}}} {{incr k}} {{
  set middle [expr ($low + $high) / 2.0]
  if {{[late $middle]}} {{ set low $middle }} else {{ set high $middle }}
}}
puts "bnnhw period $high"
puts "bnnhw late $low"
proc worst_of {{text}} {{
  # Several groups may be reported; the number stands before its verdict.
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
