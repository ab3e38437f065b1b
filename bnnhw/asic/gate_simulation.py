"""Gate-level simulation: runs the mapped netlist with cell delays and compares it with golden.

The simulator is Icarus Verilog (``iverilog``, ``vvp``).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnnhw.arch.workload import Workload
from bnnhw.asic.gate_run import GateRun, LayerToggles
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.missing_data import require_delays
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.testbench import CYCLE_MARK, Traffic, delayed_netlist, testbench_verilog
from bnnhw.asic.vcd import Toggles, count_toggles
from bnnhw.emit.design import Design
from bnnhw.errors import ConfigError, MismatchError, ToolError

__all__ = ["WordRun", "default_period", "require_program", "run_program", "run_words",
           "simulate_gates"]

PERIOD_MARGIN = 3
"""Default clock period in delays of the longest path; latches leave only half a period for it."""

TIMEOUT_CYCLES = 1000
"""Cycles beyond the expected length after which a simulation without output ends."""


def default_period(netlist: Netlist) -> float:
    """Return a period in seconds with ample time for every path, an even number of picoseconds."""
    return max(2, round(PERIOD_MARGIN * netlist.longest * 1e12 / 2) * 2) * 1e-12


def simulate_gates(design: Design, mapped: Mapped, netlist: Netlist, x: np.ndarray, *,
                   period: float | None = None, seed: int = 1, toggles: bool = False,
                   progress: Callable[[float], None] | None = None) -> GateRun:
    """Send samples through the netlist, with the delay of each cell, in Icarus Verilog.

    Registers and latches start with random values: results must not depend on power-up values.

    Parameters
    ----------
    design : Design
    mapped : Mapped
    netlist : Netlist
        Netlist of ``mapped``; its loads determine the delays.
    x : array [n, *input.shape]
    period : float, optional
        Clock period in seconds; default: ``default_period``.
    seed : int
        Seed of the initial values of registers and latches.
    toggles : bool
        Count edges from the end of the first period of each workload to the end of the last one.
        Words are sent without a pause meanwhile, so that all units are busy.
    progress : callable, optional
        Receives the fraction of the cycles that have been simulated.

    Raises
    ------
    MismatchError
        Output words are missing, or contain bits that are neither 0 nor 1.
    ConfigError
        The library gives no delay or no capacitance for a cell of the netlist, or ``toggles`` are
        requested for a single period.
    ToolError
        Icarus Verilog is missing or failed.
    """
    period = period or default_period(netlist)
    work = design.architecture.workloads(design, x)
    frames = work[0].frames
    periods = -(-len(x) // frames)
    if toggles and periods < 2:
        raise ConfigError(f"needs more than {frames} samples, as the measurement starts after the "
                          "first period", where="energy", hint=f"use `gates={2 * frames}`")
    weights = [load.cycles[0] + periods * load.cycles[1] for load in work]
    differ = np.zeros(len(x), dtype=bool)
    latency = cycles = 0
    layers = []
    for k, load in enumerate(work):
        run = run_words(mapped, netlist, _traffic(load, periods), load.words, period, seed, toggles,
                        _part_of(progress, sum(weights[:k]), weights[k], sum(weights)))
        differ |= load.differing(run.words)
        ends = run.cycles[load.core.o.words - 1::load.core.o.words]
        latency += int(ends[0] - run.first)
        cycles += int(ends[-1] - ends[-2]) if periods > 1 else 0
        if run.toggles is not None:
            layers.append(LayerToggles(load.layer, load.products, run.toggles))
    return GateRun(len(x), int(differ.sum()), period, latency,
                   -(-cycles // frames) if periods > 1 else None, (periods - 1) * frames,
                   tuple(layers))


def _traffic(load: Workload, periods: int) -> Traffic:
    """Return the stream of a workload."""
    core = load.core
    first, period = load.cycles
    return Traffic(
        top=core.top, in_bytes=core.i.bytes, out_bytes=core.o.bytes, in_frame=core.i.words,
        out_frame=core.o.words, words=len(load.words), frames=periods,
        timeout_cycles=2 * (first + periods * period) + 4 * period + TIMEOUT_CYCLES,
        expected_cycles=first + periods * period)


def _part_of(progress: Callable[[float], None] | None, before: int, weight: int,
             total: int) -> Callable[[float], None] | None:
    """Return the progress of one workload, as a part of all of them."""
    if progress is None:
        return None
    return lambda fraction: progress((before + fraction * weight) / total)


@dataclass(frozen=True)
class WordRun:
    """Output words of a simulation.

    Attributes
    ----------
    words : uint8 array [n, bytes]
    cycles : int64 array [n]
        Cycle of each output word.
    first : int
        Cycle in which the first input word was accepted.
    toggles : Toggles or None
    """

    words: np.ndarray
    cycles: np.ndarray
    first: int
    toggles: Toggles | None


def run_words(mapped: Mapped, netlist: Netlist, traffic: Traffic, words: np.ndarray,
              period: float, seed: int = 1, toggles: bool = False,
              progress: Callable[[float], None] | None = None) -> WordRun:
    """Send words (uint8 ``[n, bytes]``) through the netlist; errors as in ``simulate_gates``."""
    require_delays(netlist)

    def on_line(line: str) -> None:
        if progress is not None and line.startswith(CYCLE_MARK):
            progress(min(1.0, int(line.removeprefix(CYCLE_MARK)) / max(1, traffic.expected_cycles)))

    with tempfile.TemporaryDirectory(prefix="bnnhw-gates-") as scratch:
        folder = Path(scratch)
        (folder / "netlist.v").write_text(delayed_netlist(mapped.flat, netlist))
        (folder / "bench.v").write_text(testbench_verilog(traffic, period, seed, toggles))
        (folder / "in.hex").write_text("".join(w[::-1].tobytes().hex() + "\n" for w in words))
        run_program("iverilog", ["-g2005-sv", "-o", "bench.vvp", "bench.v", "netlist.v"], folder)
        run_program("vvp", ["-n", "bench.vvp"], folder, on_line)
        out, cycles, first = _read_words(folder / "out.txt", traffic.out_bytes)
        required = traffic.frames * traffic.out_frame
        if len(out) < required:
            raise MismatchError(f"the netlist sent only {len(out)} of {required} output words",
                                where="gate-level simulation")
        counted = count_toggles(folder / "nets.vcd") if toggles else None
    return WordRun(out, cycles, first, counted)


def run_program(name: str, arguments: list[str], folder: Path,
                on_line: Callable[[str], None] | None = None) -> str:
    """Run a program of the system in a folder and return its standard output.

    Parameters
    ----------
    name : str
    arguments : list of str
    folder : Path
    on_line : callable or None
        Receives each line of its standard output as soon as it is printed.

    Raises
    ------
    ToolError
        The program is not installed, or failed.
    """
    program = require_program(name)
    # Standard error goes to a file: a full pipe without a reader would block the program.
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
            [program, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=errors,
            text=True) as process:
        assert process.stdout is not None
        printed = []
        try:
            for line in process.stdout:
                printed.append(line)
                if on_line is not None:
                    on_line(line.rstrip("\n"))
            status = process.wait()
        except BaseException:
            # Leaving the block would wait until the program ends by itself.
            process.kill()
            raise
        errors.seek(0)
        lines = (errors.read() or "".join(printed)).strip().splitlines()
    if status:
        raise ToolError(f"{name} failed: {lines[0] if lines else 'no message'}")
    return "".join(printed)


def require_program(name: str) -> str:
    """Return the path of a program of the system.

    Raises
    ------
    ToolError
        The program is not installed.
    """
    program = shutil.which(name)
    if program is None:
        package = {"vvp": "iverilog", "sta": "opensta"}.get(name, name)
        raise ToolError(f"{name} is not installed", hint=f"apt install {package}")
    return program


def _read_words(path: Path, size: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Read ``out.txt``: words, the cycle of each, and the cycle of the first input word."""
    lines = path.read_text().split("\n")
    rows = [line.split() for line in lines if line]
    first = next((int(row[1]) for row in rows if row[0] == "first"), 0)
    words = [row for row in rows if row[0] == "out"]
    try:
        data = [bytes.fromhex(row[2])[::-1] for row in words]
    except ValueError:
        raise MismatchError("the netlist sends bits that are neither 0 nor 1",
                            where="gate-level simulation") from None
    return (np.frombuffer(b"".join(data), dtype=np.uint8).reshape(-1, size),
            np.array([int(row[1]) for row in words], dtype=np.int64), first)
