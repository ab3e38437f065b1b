"""``bnnhw simulate``: the emitted Verilog on real samples, against the golden model."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import typer

from bnnhw import golden
from bnnhw.cli.common import print_json, progress, read_samples
from bnnhw.cli.golden import outputs_file
from bnnhw.emit.design import load_design
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError, MismatchError

__all__ = ["NAME", "command"]

NAME = "simulate"


def command(
    design: Path = typer.Argument(..., help="Manifest of a generated design (.json)."),
    inputs: Path = typer.Option(..., help="Samples: .npy, [n, ...], the model's own integers."),
    outputs: Path | None = typer.Option(None, help="Results: .npz, one array an output."),
    engine: str = typer.Option("verilator", help="verilator (batch), cocotb or pysim."),
    limit: int | None = typer.Option(None, "-n", min=1, help="Use the first N samples only."),
    labels: Path | None = typer.Option(None, help="True labels (.npy), to print the accuracy."),
    in_stall: float = typer.Option(0.0, help="Chance of an idle input cycle."),
    out_stall: float = typer.Option(0.0, help="Chance of an output cycle without ready."),
    seed: int = typer.Option(1, help="Seed of the stalls."),
    json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Simulate a design and compare every output with the golden model.

    Example: bnnhw simulate build/tfc.json --inputs digits.npy --outputs y.npz
    """
    from bnnhw.sim.compare import count_mismatches, first_difference
    from bnnhw.sim.simulate import Stalls, simulate

    loaded = load_design(design)
    x = read_samples(inputs, loaded.graph)[:limit]
    stalls = Stalls(in_stall, out_stall, seed)
    begin = time.perf_counter()
    with progress(f"simulate ({engine})", len(x)) as done:
        run = simulate(loaded, x, engine, stalls, done)
    seconds = time.perf_counter() - begin
    expected = golden.run(loaded.graph, x)
    mismatches = count_mismatches(expected, run.outputs)
    if outputs is not None:
        write_files({outputs: outputs_file(run.outputs)})
    summary = {
        "engine": engine, "frames": len(x), "mismatches": mismatches, "cycles": run.cycles,
        "cycles_a_frame": run.ii, "planned_cycles_a_frame": loaded.plan.ii,
        "latency": run.latency, "planned_latency": loaded.plan.latency,
        "seconds": round(seconds, 3), "accuracy": _accuracy(run.outputs, labels, limit),
    }
    if json:
        print_json(summary)
    else:
        _print(summary, stalled=in_stall > 0 or out_stall > 0)
    if mismatches:
        where = "the emitted Verilog is right, so the engine is not"
        frames = 1 + next(k for k in range(len(x)) if any(
            (expected[o][k] != run.outputs[o][k]).any() for o in expected))
        difference = first_difference(loaded, x, frames)
        raise MismatchError(f"{mismatches} of {len(x)} frames differ from golden; first at "
                            f"{difference or where}")


def _accuracy(outputs: dict[str, np.ndarray], labels: Path | None,
              limit: int | None) -> float | None:
    if labels is None:
        return None
    if "label" not in outputs:
        raise ConfigError("the network gives no label", where="--labels")
    try:
        truth = np.load(labels, allow_pickle=False)[:limit]
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(labels)) from None
    if truth.shape != outputs["label"].shape:
        raise ConfigError(f"has shape {truth.shape}, expected {outputs['label'].shape}",
                          where=str(labels))
    return float((truth == outputs["label"]).mean())


def _print(s: dict[str, object], stalled: bool) -> None:
    print(f"{s['frames']} frames through {s['engine']}: {s['mismatches']} differ from golden, "
          f"{s['cycles']:,} cycles in {s['seconds']} s")
    if stalled:
        print("with stalls, so cycles a frame and latency are not those of the plan")
    else:
        print(f"cycles a frame: {s['cycles_a_frame']} (plan {s['planned_cycles_a_frame']}), "
              f"latency: {s['latency']} (plan {s['planned_latency']})")
    if s["accuracy"] is not None:
        print(f"accuracy: {100 * float(str(s['accuracy'])):.2f} %")
