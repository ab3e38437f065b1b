"""Runs cocotb tests on Icarus Verilog, in which every register has an unknown initial value."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bnnhw.errors import MismatchError, ToolError
from bnnhw.extras import install_command

__all__ = ["run_icarus"]


def run_icarus(verilog: str, top: str, folder: Path, module: str, tests: list[str]) -> None:
    """Build Verilog in ``folder`` and run cocotb tests of ``module`` on it.

    The environment variable ``BNNHW_JOB`` gives the tests the name of the folder.

    Raises
    ------
    ToolError
        Icarus Verilog or cocotb is missing, or the text does not compile.
    MismatchError
        A test failed.
    """
    if shutil.which("iverilog") is None:
        raise ToolError("Icarus Verilog is not installed", hint="apt install iverilog")
    try:
        from cocotb_tools.check_results import get_results
        from cocotb_tools.runner import get_runner
    except ImportError:
        raise ToolError("cocotb is not installed", hint=install_command("sim")) from None
    (folder / "core.v").write_text(verilog)
    runner = get_runner("icarus")
    log = folder / "cocotb.log"
    before = os.environ.get("BNNHW_JOB")
    os.environ["BNNHW_JOB"] = str(folder)
    try:
        runner.build(sources=[folder / "core.v"], hdl_toplevel=top, build_dir=folder / "build",
                     # In Verilog-2005 mode, initial values trigger combinational logic.
                     build_args=["-g2005"], timescale=("1ns", "1ps"),
                     log_file=folder / "build.log")
        results = runner.test(hdl_toplevel=top, test_module=module, build_dir=folder / "build",
                              test_dir=folder, testcase=tests,
                              results_xml=str(folder / "results.xml"), log_file=log)
    except (RuntimeError, SystemExit) as error:
        text = log.read_text() if log.exists() else ""
        lines = [line for line in text.splitlines() if "Error" in line]
        raise MismatchError(lines[-1].strip() if lines else str(error), where="cocotb") from None
    finally:
        if before is None:
            del os.environ["BNNHW_JOB"]
        else:
            os.environ["BNNHW_JOB"] = before
    count, failures = get_results(Path(results))
    if failures or count != len(tests):
        raise MismatchError(f"{failures} of {count} cocotb tests failed", where="cocotb")
