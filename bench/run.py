"""Measures the speed of bnnhw and the size of its designs: python bench/run.py [PART ...] [-o FILE]

Parts: ``generate``, ``simulate``, ``golden``, ``synth`` and ``plan`` run by default; ``cnv`` takes
half an hour of place-and-route. Each part prints a table and stores it in bench/results.json. The
networks have the shapes of FINN's TFC, SFC and LFC and random weights, so nothing is downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# With few cores, several BLAS threads wait for each other.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
from maps import bench_cnv, bench_plan
from networks import SHAPES, classifier

from bnnhw import golden
from bnnhw.cli.tables import print_table
from bnnhw.emit.design import Design
from bnnhw.emit.generate import generate
from bnnhw.families import get_device
from bnnhw.golden.compiled import Runner
from bnnhw.golden.run import BATCH
from bnnhw.importers.network import load_network
from bnnhw.ir import Graph
from bnnhw.layers import Dense
from bnnhw.plan import Goal

FOLDER = Path("build/bench")


def bench_generate() -> list[dict[str, Any]]:
    """``bnnhw generate`` as a process: median of three times in seconds, and peak memory."""
    rows = []
    for name in SHAPES:
        # VmHWM is the peak of this process alone; ru_maxrss includes that of its parent.
        code = ("import re, sys; from bnnhw.cli.app import app; "
                "app(sys.argv[1:], standalone_mode=False); "
                "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])")
        out = FOLDER / f"{name}.v"
        seconds, peak = [], 0
        for _ in range(3):
            begin = time.perf_counter()
            result = subprocess.run([sys.executable, "-c", code, "generate", "--layers",
                                     str(classifier(name)), "-o", str(out), "--json"],
                                    capture_output=True, text=True, check=True)
            seconds.append(time.perf_counter() - begin)
            peak = max(peak, int(result.stdout.split()[-1]))
        rows.append({"network": name, "seconds": round(sorted(seconds)[1], 2),
                     "peak MB": round(peak / 1024), "verilog kB": out.stat().st_size // 1024})
    return rows


def design(name: str, ii: int) -> Design:
    """A streaming design for the generic device, with a target of ``ii`` cycles per frame."""
    return generate(load_network(classifier(name)), "streaming", get_device("generic"),
                    Goal(target_cycles=ii))


def bench_simulate() -> list[dict[str, Any]]:
    """Verilator batch simulation: cycles and frames per CPU second, best of three runs."""
    from bnnhw.plan.frames import encode_frames
    from bnnhw.sim.batch import run_batch
    from bnnhw.sim.build import build_model
    rows = []
    for name, ii, frames in (("tfc", 4096, 1000), ("tfc", 256, 10_000), ("tfc", 64, 10_000),
                             ("tfc", 16, 10_000), ("lfc", 1024, 200)):
        core = design(name, ii)
        plan = core.plan
        begin = time.perf_counter()
        library = build_model(core.verilog, plan.name, plan.i.bytes, plan.o.bytes, plan.i.words)
        built = time.perf_counter() - begin
        x = np.random.default_rng(0).integers(0, 256, (frames, 784), dtype=np.uint8)
        words = encode_frames(plan, core.graph, x)
        seconds, result = best_of(3, partial(run_batch, library, words, frames * plan.o.words,
                                             plan.o.bytes))
        rows.append({"network": name, "cycles per frame": plan.ii,
                     "cycles/s": round(result.cycles / seconds),
                     "frames/s": round(frames / seconds), "build s": round(built, 1)})
    return rows


def best_of(runs: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """Least CPU time of some runs in seconds, and the result of the last one."""
    best = float("inf")
    result = None
    for _ in range(runs):
        begin = time.process_time()
        result = work()
        best = min(best, time.process_time() - begin)
    return best, result


def float_matmul(graph: Graph, x: np.ndarray) -> Callable[[], np.ndarray]:
    """The reference for speed: the network as float32 matrices of +-1 with comparisons."""
    dense = [layer for layer in graph.layers if isinstance(layer, Dense)]
    matrices = [layer.weights[0].T.astype(np.float32) * 2 - 1 for layer in dense]
    signs = np.where(x >= 128, np.float32(1), np.float32(-1))

    def run() -> np.ndarray:
        parts = []
        for k in range(0, len(signs), BATCH):
            value = signs[k:k + BATCH]
            for matrix, layer in zip(matrices, dense, strict=True):
                value = value @ matrix
                if layer.thresholds is not None:
                    limit = (2 * layer.thresholds[:, 0] - layer.fan_in).astype(np.float32)
                    value = np.where(value >= limit, np.float32(1), np.float32(-1))
            parts.append(value)
        return np.concatenate(parts)
    return run


def _run_level(graph: Graph, level: str, x: np.ndarray) -> dict[str, np.ndarray]:
    return golden.run(graph, x, level)


def bench_golden() -> list[dict[str, Any]]:
    """Frames per CPU second of each golden level, and the ratio to float32 matrix products."""
    rows = []
    for name in SHAPES:
        graph = load_network(classifier(name)).graph
        x = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
        seconds, scores = best_of(3, float_matmul(graph, x))
        base = len(x) / seconds
        row: dict[str, Any] = {"network": name, "float32 frames/s": round(base)}
        runner = Runner.of(graph)
        assert runner is not None, name
        levels: dict[str, tuple[int, Callable[[np.ndarray], dict[str, np.ndarray]]]] = {
            level: (500 if level == "reference" else 4000,
                    partial(_run_level, graph, level)) for level in golden.LEVELS}
        levels["numba, packed throughout"] = (10_000, runner.run)
        for level, (count, work) in levels.items():
            work(x[:10])
            seconds, result = best_of(3, partial(work, x[:count]))
            assert (result["scores"] == scores[:count]).all(), level
            row[level] = round(count / seconds)
            row[f"{level} ratio"] = round(count / seconds / base, 2)
        rows.append(row)
    return rows


def bench_synth() -> list[dict[str, Any]]:
    """The streaming TFC on each device family at three foldings, after Yosys.

    Clocks are after place-and-route, with a target of 100 MHz and one seed.
    """
    from bnnhw.tools.core_timing import place_and_route
    from bnnhw.tools.synth import synthesise
    rows = []
    for ii in (1024, 256, 64):
        core = design("tfc", ii)
        for device in ("ecp5", "ice40", "xc7"):
            total = synthesise(core, get_device(device)).to_json()["total"]
            row = {"network": "tfc", "cycles per frame": core.plan.ii, "device": device,
                   "LUT": total["lut"], "FF": total["ff"], "block RAM": total["block_ram"],
                   "LUTs per lane": round(total["lut_per_lane"], 2), "fmax MHz": "-",
                   "frames/s": "-"}
            if get_device(device).part and ii == 256:
                fmax = place_and_route(core, get_device(device), 100.0, 1)["fmax_mhz"]
                row.update({"fmax MHz": fmax, "frames/s": round(fmax * 1e6 / core.plan.ii)})
            rows.append(row)
    return rows


PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "generate": bench_generate, "simulate": bench_simulate, "golden": bench_golden,
    "synth": bench_synth, "plan": bench_plan, "cnv": bench_cnv,
}
LONG = ("cnv",)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART",
                        default=[part for part in PARTS if part not in LONG])
    parser.add_argument("-o", "--out", type=Path, default=Path("bench/results.json"))
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    if arguments.out.exists():
        results = json.loads(arguments.out.read_text())
    results["machine"] = {"python": platform.python_version(), "numpy": np.__version__,
                          "cores": os.cpu_count()}
    for part in arguments.parts:
        rows = PARTS[part]()
        results[part] = rows
        title = (PARTS[part].__doc__ or "").splitlines()[0]
        print_table(f"{part}: {title}", tuple(rows[0]), [tuple(row.values()) for row in rows])
        print(flush=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"wrote {arguments.out}; peak memory of this process "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
