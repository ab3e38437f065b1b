"""``bnnhw golden``: runs the integer golden model of a network on samples."""

from __future__ import annotations

from pathlib import Path

import typer

from bnnhw import golden
from bnnhw.api.arrays import read_samples
from bnnhw.api.opening import open_graph
from bnnhw.cli.common import LAYOUT_HELP, progress
from bnnhw.cli.complete import layouts, levels, networks
from bnnhw.cli.json_output import print_json
from bnnhw.config.npy import npz_bytes
from bnnhw.emit.files import write_files

__all__ = ["NAME", "command"]

NAME = "golden"


def command(
    network: str = typer.Argument(..., autocompletion=networks,
                                  help="Network, shipped design, or manifest of a design."),
    inputs: Path = typer.Option(..., help="Samples: .npy, [n, ...], integers as the model reads."),
    outputs: Path = typer.Option(..., help="Results: .npz, one array per output."),
    level: str = typer.Option("fast", autocompletion=levels,
                              help=f"One of {', '.join(golden.LEVELS)}; all are equal."),
    layout: str | None = typer.Option(None, autocompletion=layouts, help=LAYOUT_HELP),
    json: bool = typer.Option(False, "--json", help="Print a summary as JSON."),
) -> None:
    """Run the golden model on samples.

    Example: bnnhw golden build/tfc --inputs digits.npy --outputs y.npz
    """
    graph = open_graph(network)
    x = read_samples(inputs, graph, layout)
    with progress("golden", len(x)) as done:
        results = golden.run(graph, x, level, done)
    write_files({outputs: npz_bytes(results)})
    shapes = {name: list(array.shape) for name, array in results.items()}
    if json:
        print_json("bnnhw.golden/1", {"samples": len(x), "outputs": shapes, "level": level})
    else:
        print(f"{len(x)} samples -> {outputs}: "
              + ", ".join(f"{name} {shape}" for name, shape in shapes.items()))
