"""Tests that ``bnnhw synth`` rejects every option that would have no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.inside import run_inside

ECP5 = ("--device", "ecp5")
CELLS = ("--cells", "osu018")


@pytest.mark.parametrize(("options", "message"), [
    ((*ECP5, "--freq", "50"), "--freq is for --pnr"),
    ((*ECP5, "--part", "LFE5U-25F"), "--part is for --pnr"),
    ((*ECP5, "--lef", "cells.lef"), "--lef is for --cells"),
    ((*ECP5, "--unbuffered"), "--unbuffered is for --cells"),
    ((*ECP5, "--sta"), "--sta is for --cells"),
    ((*ECP5, "--gates", "2"), "--gates is for --cells"),
    ((*ECP5, "--energy"), "--energy is for --cells"),
    ((*ECP5, "--inputs", "x.npy"), "--inputs is for --cells"),
    ((*ECP5, "--layout", "NCHW"), "--layout is for --cells"),
    ((*ECP5, "--clock", "50"), "--clock is for --cells"),
    ((*ECP5, "--prove"), "--prove is for --cells"),
    ((*ECP5, "--wire", "2"), "--wire is for --cells"),
    ((*ECP5, "--netlist", "n.v"), "--netlist is for --cells"),
    ((*ECP5, "--librelane", "lane"), "--librelane is for --cells"),
    ((*CELLS, "--pnr"), "--pnr is for --device"),
    ((*CELLS, "--freq", "50"), "--freq is for --device"),
    ((*CELLS, "--part", "LFE5U-25F"), "--part is for --device"),
    ((*CELLS, "--sta", "--inputs", "x.npy"), "--inputs is for --gates and --energy"),
    ((*CELLS, "--sta", "--wire", "2"), "--wire is for --gates and --energy"),
    ((*CELLS, "--sta", "--clock", "50"), "--clock is for --gates, --energy and --librelane"),
    ((*CELLS, "--gates", "2", "--layout", "NCHW"), "--layout is for --inputs"),
    ((), "expected one of --device and --cells"),
    ((*ECP5, *CELLS), "expected one of --device and --cells"),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_options_without_effect_are_errors(options: tuple[str, ...], message: str,
                                           tmp_path: Path) -> None:
    """They are found before the design is read, which may take long."""
    result = run_inside("synth", "no-such-design.json", *options, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: synth: {message}; ")
    assert result.stdout == ""
