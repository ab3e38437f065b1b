"""``bnnhw run``: runs samples on a board or its simulation, and compares with the golden model."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw.api.arrays import read_array, read_samples
from bnnhw.api.board_run import BoardRun, run_on_board
from bnnhw.cli.common import (
    LAYOUT_HELP,
    SHOW_HELP,
    print_predictions,
    progress,
)
from bnnhw.cli.complete import layouts
from bnnhw.cli.json_output import print_json
from bnnhw.config.npy import npz_bytes
from bnnhw.emit.files import write_files
from bnnhw.hostlink.driver import Accelerator
from bnnhw.json_types import Json

__all__ = ["NAME", "command"]

NAME = "run"


def command(
    data: Path = typer.Argument(..., help="Samples: .npy, [n, ...], integers as the model reads."),
    on: str = typer.Option(..., "--on", help="uart:PORT, uart:auto, sim:build/NET/BOARD, or "
                           "netlist:build/NET/BOARD, as it was placed."),
    design: Path | None = typer.Option(None, help="Build folder of the design on the board; "
                                       "sim: and netlist: name it already."),
    labels: Path | None = typer.Option(None, help="True labels (.npy), to print the accuracy."),
    outputs: Path | None = typer.Option(None, help="Results: .npz, one array per output."),
    limit: int | None = typer.Option(None, "-n", min=1, help="Use the first N samples only."),
    show: int = typer.Option(0, min=0, metavar="N", help=SHOW_HELP),
    layout: str | None = typer.Option(None, autocompletion=layouts, help=LAYOUT_HELP),
    repeats: int = typer.Option(1000, min=2, help="Frames that run on the board back to back, "
                                "without the line, to count cycles per frame."),
    json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Run samples on a board, compare every output with the golden model, and report times.

    Example: bnnhw run --on uart:/dev/ttyUSB1 --design build/tfc/icebreaker digits.npy
    """
    for path in filter(None, (data, labels)):
        read_array(path)  # report a missing or damaged file before a missing board
    with Accelerator(on, design) as board:
        x = read_samples(data, board.build.graph, layout)[:limit]
        truth = None if labels is None else read_array(labels)[:limit]
        with progress(f"run ({board.build.board})", len(x)) as done:
            found = run_on_board(board, x, truth, repeats=repeats, show=show, progress=done)
        summary = _summary(board, on, found)
    result = found.validation
    if found.predictions:
        summary["predictions"] = [row.to_json() for row in found.predictions]
    if outputs is not None:
        write_files({outputs: npz_bytes(result.inference.outputs)})
    if json:
        print_json("bnnhw.run/1", summary)
    else:
        print_predictions(found.predictions)
        _print(summary)
    result.check(board.build.graph)


def _summary(board: Accelerator, on: str, found: BoardRun) -> dict[str, object]:
    """Summarise a run; times are in seconds of the board, which may be simulated."""
    result, speed = found.validation, found.speed
    return {
        "on": on, "board": board.build.board, "design": board.identity.digest.hex(),
        "clock_hz": board.identity.clock_hz, "baud": board.build.baud,
        "frames": len(result.inference.cycles), "mismatches": result.mismatches,
        "first_mismatch": None if result.first is None else str(result.first),
        "accuracy": result.accuracy,
        "cycles_per_frame": speed.cycles_per_frame, "planned_cycles_per_frame": board.identity.ii,
        "latency_cycles": speed.latency_cycles, "planned_latency_cycles": board.identity.latency,
        "round_trip_seconds": speed.round_trip_seconds,
        "link_seconds": speed.link_seconds, "compute_seconds": speed.compute_seconds,
        "frames_per_second": speed.frames_per_second,
        "link_frames_per_second": speed.link_frames_per_second,
        "troubles": list(found.faults),
    }


def _print(s: Json) -> None:
    print(f"{s['frames']} frames on {s['board']} ({s['on']}): {s['mismatches']} differ from golden")
    if s["accuracy"] is not None:
        print(f"accuracy: {100 * s['accuracy']:.2f} %")
    print(f"round trip of one frame: {1e3 * s['round_trip_seconds']:.3f} ms, of that link "
          f"{1e3 * s['link_seconds']:.3f} ms, compute {1e3 * s['compute_seconds']:.3f} ms "
          f"({s['latency_cycles']:,} cycles, plan {s['planned_latency_cycles']:,})")
    print(f"frames/s: {s['frames_per_second']:,.0f} of the accelerator ({s['cycles_per_frame']:g} "
          f"cycles per frame, plan {s['planned_cycles_per_frame']}), "
          f"{s['link_frames_per_second']:,.0f} over the link")
    if s["troubles"]:
        print(f"repaired by sending again: {', then '.join(s['troubles'])}")
