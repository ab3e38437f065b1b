"""Tests invalid arguments of the verbs: one line of error, and no half-written file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.rejection import check_rejected, write

GENERATE = ["generate", "--layers", ".", "-o", "out.v"]
USAGE: dict[str, tuple[list[str], str]] = {
    "no verb": (["frobnicate"], "No such command"),
    "no network": (["generate", "-o", "out.v"], "no network is given"),
    "two networks": (["generate", "mnist_tfc", "--layers", ".", "-o", "out.v"],
                     "two networks are given"),
    "plan of no network": (["plan"], "Missing argument 'network'"),
    "build of no network": (["build", "--board", "icebreaker"], "Missing argument 'network'"),
    "missing network": (["generate", "--layers", "nowhere", "-o", "out.v"], "does not exist"),
    "not a .v": (["generate", "--layers", ".", "-o", "out.txt"], "must end in .v"),
    "unwritable": (["generate", "--layers", ".", "-o", "/proc/none/out.v"], "cannot be written"),
    "out is a folder": (["generate", "--layers", ".", "-o", "folder.v"], "cannot be written"),
    "architecture": ([*GENERATE, "--arch", "quantum"], "use one of streaming"),
    "option of unrolled": ([*GENERATE, "--cuts", "2"],
                           "'streaming' has no option --cuts; use --arch unrolled"),
    "option of yodann": (["plan", ".", "--core", "ni=2"],
                         "'streaming' has no option --core; use --arch yodann"),
    "cuts of yodann": (["plan", ".", "--arch", "yodann", "--cuts", "2"],
                       "'yodann' has no option --cuts; use --arch unrolled"),
    "yodann on a board": (["build", ".", "--board", "icebreaker", "--arch", "yodann"],
                          "cannot carry the input of architecture 'yodann'; use --arch streaming"),
    "device": ([*GENERATE, "--device", "z80"], "unknown device 'z80'"),
    "ii of 0": ([*GENERATE, "--ii", "0"], "at least 1 cycle"),
    "ii is text": ([*GENERATE, "--ii", "fast"], "Invalid value for '--ii'"),
    "fps alone": ([*GENERATE, "--fps", "100"], "--fps needs the clock"),
    "fps beyond clock": ([*GENERATE, "--fps", "1e9", "--clock", "10"], "less than one cycle"),
    "clock without end": ([*GENERATE, "--fps", "1", "--clock", "inf"], "positive and possible"),
    "clock of 0": ([*GENERATE, "--ii", "64", "--clock", "0"], "--clock 0 must be positive"),
    "header of Python": (["golden", ".", "--inputs", "header.npy", "--outputs", "y.npz"],
                         "is not a numpy .npy"),
    "missing inputs": (["golden", ".", "--inputs", "no.npy", "--outputs", "y.npz"],
                       "cannot be read"),
    "inputs are YAML": (["golden", ".", "--inputs", "net.yaml", "--outputs", "y.npz"],
                        "is not a numpy .npy"),
    "inputs of another shape": (["golden", ".", "--inputs", "seven.npy", "--outputs", "y.npz"],
                                "has shape (1, 7), expected [n, 6]"),
    "inputs are one number": (["golden", ".", "--inputs", "zero.npy", "--outputs", "y.npz"],
                              "has shape (1,), expected [n, 6]"),
    "no frames": (["simulate", "no.json", "--inputs", "x.npy", "-n", "0"],
                  "Invalid value for '-n'"),
    "float inputs": (["golden", ".", "--inputs", "float.npy", "--outputs", "y.npz"],
                     "expected integers"),
    "golden level": (["golden", ".", "--inputs", "x.npy", "--outputs", "y.npz", "--level", "9"],
                     "must be one of reference"),
    "outputs unwritable": (["golden", ".", "--inputs", "x.npy", "--outputs", "/proc/y.npz"],
                           "cannot be written"),
    "labels of another shape": (["simulate", ".", "--inputs", "x.npy", "--labels", "x.npy"],
                                "labels: has shape (2, 6), expected (2,)"),
    "cells of a component": (["simulate", ".", "--inputs", "x.npy", "--cells", "--engine", "pysim"],
                             "--cells is for engines that read Verilog"),
    "missing manifest": (["simulate", "no.json", "--inputs", "x.npy"], "cannot be read"),
    "no manifest": (["simulate", "net.json", "--inputs", "x.npy"], "is no manifest"),
    "manifest is binary": (["simulate", "binary.json", "--inputs", "x.npy"], "is not JSON"),
    "list of what": (["list", "boards9"], "cannot list 'boards9'"),
    "pixel range": (["import", "x.onnx", "-o", "net", "--pixel-range", "1", "1"],
                    "both numbers of"),
    "input kind": (["import", "x.onnx", "-o", "net", "--input", "words"],
                   "use one of uint8, int8, bits"),
}


@pytest.mark.parametrize("name", USAGE)
def test_bad_usage(name: str, tmp_path: Path) -> None:
    arguments, text = USAGE[name]
    write(tmp_path)
    (tmp_path / "folder.v").mkdir()
    (tmp_path / "net.json").write_bytes((tmp_path / "net.yaml").read_bytes())
    (tmp_path / "binary.json").write_bytes(b"\x93NUMPY")
    np.save(tmp_path / "x.npy", np.zeros((2, 6), np.uint8))
    np.save(tmp_path / "seven.npy", np.zeros((1, 7), np.uint8))
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00\x0d\x00{'descr': ('\n")
    np.save(tmp_path / "zero.npy", np.uint8(1))
    np.save(tmp_path / "float.npy", np.zeros((1, 6)))
    check_rejected(text, *arguments, cwd=tmp_path)
