"""Simulation of the mapped netlist with delays, against the golden model."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bnnhw import golden
from bnnhw.asic.bench import BEAT, Traffic, bench_text, delayed_netlist
from bnnhw.asic.gaps import require_delays
from bnnhw.asic.mapping import Mapped
from bnnhw.asic.models import cell_model
from bnnhw.asic.netlist import Netlist
from bnnhw.asic.vcd import Toggles, count_toggles
from bnnhw.emit.design import Design
from bnnhw.errors import MismatchError, ToolError
from bnnhw.plan.frames import decode_frames, encode_frames

__all__ = ["GateRun", "WordRun", "count_differing", "default_period", "require_program",
           "run_program", "run_words", "simulate_gates"]

MARGIN = 3
"""Longest paths that a period has room for by default: a latch opens in half of one."""


@dataclass(frozen=True)
class GateRun:
    """A simulation of the netlist.

    Attributes
    ----------
    frames, mismatches : int
    period : float
        Seconds.
    latency : int
        Cycles from the first input word to the last output word of the first frame.
    ii : int or None
        Cycles between the last two frames.
    toggles : Toggles or None
        Edges of every net in the steady state, where they were wanted.
    """

    frames: int
    mismatches: int
    period: float
    latency: int
    ii: int | None
    toggles: Toggles | None

    def sentence(self) -> str:
        return (f"{self.frames} frames through the netlist, with delays, at "
                f"{self.period * 1e9:.3f} ns: {self.mismatches} differ from golden, latency "
                f"{self.latency} cycles" + (f", {self.ii} cycles a frame" if self.ii else ""))

    def to_json(self) -> dict[str, Any]:
        return {"frames": self.frames, "mismatches": self.mismatches,
                "period_ns": round(self.period * 1e9, 4), "latency_cycles": self.latency,
                "cycles_per_frame": self.ii, "delays": "of each cell at its load, before layout"}


def default_period(netlist: Netlist) -> float:
    """Seconds that are enough for every path, in picoseconds that are even."""
    return max(2, round(MARGIN * netlist.longest * 1e12 / 2) * 2) * 1e-12


def simulate_gates(design: Design, mapped: Mapped, netlist: Netlist, x: np.ndarray, *,
                   period: float | None = None, seed: int = 1, toggles: bool = False,
                   done: Callable[[float], None] | None = None) -> GateRun:
    """Send samples through the netlist, every cell with its delay, in Icarus Verilog.

    Registers start with random values, so that nothing can depend on what they power up with.

    Parameters
    ----------
    design : Design
    mapped : Mapped
    netlist : Netlist
        Of ``mapped``: loads decide the delays.
    x : array [n, *input.shape]
    period : float or None
        Of the clock, in seconds.
    seed : int
        Of the values at power-up.
    toggles : bool
        Count edges from the end of the first frame to the end of the last one; meanwhile samples
        keep coming, so that all units are busy.
    done : callable or None
        Receives the fraction of the cycles that was simulated.

    Raises
    ------
    MismatchError
        The netlist fell silent, or sent something that is no number.
    ConfigError
        The library gives no delay or capacitance of a cell that is used.
    ToolError
        Icarus Verilog is missing or failed.
    """
    plan = design.plan
    frame = max(plan.ii, plan.i.words, plan.o.words)
    traffic = Traffic(plan.name, plan.i.bytes, plan.o.bytes, plan.i.words, plan.o.words,
                      len(x) * plan.i.words, len(x), plan.latency + 1000 + (len(x) + 4) * frame,
                      plan.latency + len(x) * frame)
    period = period or default_period(netlist)
    run = run_words(mapped, netlist, traffic, encode_frames(plan, design.graph, x), period, seed,
                    toggles, done)
    outputs = decode_frames(plan, design.graph, run.words)
    differing = count_differing(golden.run(design.graph, x), outputs)
    ends = run.cycles[plan.o.words - 1::plan.o.words]
    return GateRun(len(x), differing, period,
                   int(ends[0] - run.first), int(ends[-1] - ends[-2]) if len(x) > 1 else None,
                   run.toggles)


def count_differing(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> int:
    """Samples of which any output is not as expected."""
    differ = [(found[name] != right).reshape(len(right), -1).any(axis=1)
              for name, right in expected.items()]
    return int(np.any(differ, axis=0).sum())


@dataclass(frozen=True)
class WordRun:
    """Words that came out (uint8 ``[n, bytes]``), the cycle of each, and that of the first in."""

    words: np.ndarray
    cycles: np.ndarray
    first: int
    toggles: Toggles | None


def run_words(mapped: Mapped, netlist: Netlist, traffic: Traffic, words: np.ndarray,
              period: float, seed: int = 1, toggles: bool = False,
              done: Callable[[float], None] | None = None) -> WordRun:
    """Send words ``[n, bytes]`` through the netlist; raises as ``simulate_gates`` does."""
    require_delays(netlist)

    def heard(line: str) -> None:
        if done is not None and line.startswith(BEAT):
            done(min(1.0, int(line.removeprefix(BEAT)) / max(1, traffic.expected)))

    with tempfile.TemporaryDirectory(prefix="bnnhw-gates-") as scratch:
        folder = Path(scratch)
        used = sorted({i.cell.name: i.cell for i in netlist.instances}.values(),
                      key=lambda cell: cell.name)
        (folder / "netlist.v").write_text(
            "`timescale 1ns/1ps\n" + "\n".join(map(cell_model, used))
            + delayed_netlist(mapped.flat, netlist))
        (folder / "bench.v").write_text(bench_text(traffic, period, seed, toggles))
        (folder / "in.hex").write_text("".join(w[::-1].tobytes().hex() + "\n" for w in words))
        run_program("iverilog", ["-g2005-sv", "-o", "bench.vvp", "bench.v", "netlist.v"], folder)
        run_program("vvp", ["-n", "bench.vvp"], folder, heard)
        out, cycles, first = _read_words(folder / "out.txt", traffic.out_bytes)
        wanted = traffic.frames * traffic.out_frame
        if len(out) < wanted:
            raise MismatchError(f"the netlist fell silent after {len(out)} of {wanted} output "
                                "words", where="gate-level simulation")
        counted = count_toggles(folder / "nets.vcd") if toggles else None
    return WordRun(out, cycles, first, counted)


def run_program(name: str, arguments: list[str], folder: Path,
                heard: Callable[[str], None] | None = None) -> str:
    """Run a program of the system inside a folder.

    Parameters
    ----------
    name : str
    arguments : list of str
    folder : Path
    heard : callable or None
        Gets each line of what it prints, as soon as it is there.

    Raises
    ------
    ToolError
        It is not installed, or failed.
    """
    program = require_program(name)
    # Errors into a file: a full pipe that nobody reads would stop the program.
    with tempfile.TemporaryFile("w+") as errors, subprocess.Popen(
            [program, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=errors,
            text=True) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if heard is not None:
                    heard(line.rstrip("\n"))
            status = process.wait()
        except BaseException:
            # The end of the block would wait for the program, however long it takes.
            process.kill()
            raise
        errors.seek(0)
        lines = (errors.read() or "".join(said)).strip().splitlines()
    if status:
        raise ToolError(f"{name} failed: {lines[0] if lines else 'no message'}")
    return "".join(said)


def require_program(name: str) -> str:
    """Path of a program of the system.

    Raises
    ------
    ToolError
        It is not installed.
    """
    program = shutil.which(name)
    if program is None:
        package = {"vvp": "iverilog", "sta": "opensta"}.get(name, name)
        raise ToolError(f"{name} is not installed", hint=f"apt install {package}")
    return program


def _read_words(path: Path, size: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Words, the cycle of each, and the cycle of the first input word."""
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
