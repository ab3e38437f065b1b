"""``bnnhw simulate``: simulates the emitted Verilog and compares it with the golden model."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import typer

from bnnhw.api.arrays import read_array, read_samples
from bnnhw.api.opening import open_design
from bnnhw.api.simulation import mismatch_error, verify_design
from bnnhw.arch.simulation import Run, Stalls
from bnnhw.cli.common import (
    LAYOUT_HELP,
    SHOW_HELP,
    print_predictions,
    progress,
)
from bnnhw.cli.complete import layouts, networks, of_words
from bnnhw.cli.json_output import print_json
from bnnhw.cli.tables import print_table
from bnnhw.config.npy import npz_bytes
from bnnhw.emit.files import write_files
from bnnhw.errors import ConfigError
from bnnhw.golden.predictions import accuracy, check_labels, predictions
from bnnhw.json_types import Json
from bnnhw.sim.cells import with_cells
from bnnhw.sim.levels import check_measurable, measure_levels
from bnnhw.sim.simulate import ENGINES, VERILOG_ENGINES

__all__ = ["NAME", "command"]

NAME = "simulate"


def command(
    design: str = typer.Argument(..., autocompletion=networks, help="Manifest of a generated "
                                 "design (.json), or a network, for default options."),
    inputs: Path = typer.Option(..., help="Samples: .npy, [n, ...], integers as the model reads."),
    outputs: Path | None = typer.Option(None, help="Results: .npz, one array per output."),
    engine: str = typer.Option("verilator", autocompletion=of_words(*ENGINES),
                               help="verilator (batch), cocotb or pysim."),
    limit: int | None = typer.Option(None, "-n", min=1, help="Use the first N samples only."),
    labels: Path | None = typer.Option(None, help="True labels (.npy), to print the accuracy."),
    show: int = typer.Option(0, min=0, metavar="N", help=SHOW_HELP),
    layout: str | None = typer.Option(None, autocompletion=layouts, help=LAYOUT_HELP),
    in_stall: float = typer.Option(0.0, help="Chance of an idle input cycle."),
    out_stall: float = typer.Option(0.0, help="Chance of an output cycle without ready."),
    seed: int = typer.Option(1, help="Seed of the stalls."),
    buffers: bool = typer.Option(False, "--buffers", help="Also compare the highest fill level "
                                 "of each buffer with its planned depth."),
    cells: bool = typer.Option(False, "--cells", help="Simulate the Verilog that synthesis reads, "
                               "with the device's cells, even if a faster equivalent exists."),
    json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Simulate a design and compare every output with the golden model.

    Example: bnnhw simulate build/tfc.json --inputs digits.npy --outputs y.npz
    """
    if cells and engine not in VERILOG_ENGINES:
        raise ConfigError("--cells is for engines that read Verilog", where="simulate",
                          hint=f"use --engine {' or '.join(VERILOG_ENGINES)}")
    loaded = open_design(design)
    if buffers:
        check_measurable(loaded)
    if cells:
        loaded = with_cells(loaded)
    x = read_samples(inputs, loaded.graph, layout)[:limit]
    truth = None if labels is None else read_array(labels)[:len(x)]
    if truth is not None:
        check_labels(truth, loaded.graph, len(x))
    stalls = Stalls(in_stall, out_stall, seed)
    counted = None if engine == "cocotb" else len(x)  # cocotb reports when all is done
    with progress(f"simulate ({engine})", counted) as done:
        verified = verify_design(loaded, x, engine, stalls, done)
    run, expected, mismatches = verified.run, verified.expected, verified.mismatches
    if outputs is not None:
        write_files({outputs: npz_bytes(run.outputs)})
    summary = {
        "engine": engine, "frames": len(x), "mismatches": mismatches, "cycles": run.cycles,
        **run.figures(), "seconds": round(verified.seconds, 3),
        "accuracy": accuracy(run.outputs, truth),
    }
    levels = measure_levels(loaded, x) if buffers and not mismatches else []
    if buffers:
        summary["buffers"] = [dataclasses.asdict(level) for level in levels]
    shown = predictions(expected, run.outputs, truth, show)
    if shown:
        summary["predictions"] = [row.to_json() for row in shown]
    if json:
        print_json("bnnhw.simulate/1", summary)
    else:
        print_predictions(shown)
        _print(summary, run, stalls)
        if levels:
            print_table("highest fill levels", ("buffer", "planned depth", "words offered "
                        "evenly", "as fast as accepted"),
                        [(v.unit, v.depth, v.even, v.rushed) for v in levels])
    if mismatches:
        raise mismatch_error(loaded, x, verified, engine)


def _print(s: Json, run: Run, stalls: Stalls) -> None:
    what = "" if s["engine"] in VERILOG_ENGINES else " (the component itself, not its Verilog)"
    for table in run.tables():
        print_table(table.title, table.columns, table.rows)
    print(f"{s['frames']} frames through {s['engine']}{what}: {s['mismatches']} differ from "
          f"golden, {s['cycles']:,} cycles in {s['seconds']} s")
    for line in run.lines(stalls.any):
        print(line)
    if s["accuracy"] is not None:
        print(f"accuracy: {100 * s['accuracy']:.2f} %")
